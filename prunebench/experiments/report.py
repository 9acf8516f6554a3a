"""The report: every figure beside the paper's claim, and whether it holds."""

import base64
import html
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from prunebench.experiments.experiment import Experiment
from prunebench.experiments.lab import Lab
from prunebench.experiments.setting import FULL, QUICK
from prunebench.experiments.verdict import Verdict
from prunebench.leaderboard.command import task_options
from prunebench.store.files import write_atomically
from prunebench.store.provenance import environment
from prunebench.training.seeds import written_seeds

Done = Sequence[tuple[Experiment, Sequence[Verdict]]]

TITLE = "It's not a lottery, it's a race: reproduced"
INTRODUCTION = (
    "Every claim is judged by a criterion that was written down before its experiment first ran, with one"
    " exception: figure 1 was first judged at the drop alone; the moments before and after it, and the"
    " moment of the exponential fit, were added after a first run on MNIST. *Holds* and *fragile* are"
    " explained with each claim; a number after ± is one standard deviation over seeds. Networks of one N"
    " share the draw of training samples; seeds differ in initial weights and in the order of minibatches."
    ' Where nothing else is said "norm" is the effective norm |w||v|.'
)
MADE_WITH = "made with"  # rows keep this line of the report: they may be older than the code that draws them
MARKS = {"holds": "✔ holds", "fragile": "≈ fragile", "does not hold": "✘ does not hold"}


def describe(lab: Lab) -> dict[str, Any]:
    """What the report says about command, data, setting and environment."""
    setting, task, machine = lab.setting, lab.task(), environment(lab.device)
    sides = " against ".join(" + ".join(side) for side in task.source["class_names"])
    seeds = ", ".join(map(str, setting.seeds))
    words = ["prunebench", "reproduce", "all", *task_options(task.source, task.samples)]
    words += ["--quick"] if setting.name == QUICK.name else []
    if setting.seeds != (QUICK if setting.name == QUICK.name else FULL).seeds:
        words += ["--seeds", written_seeds(setting.seeds)]
    return {
        "command": f"`{shlex.join(words)}`",
        "data": f"{task.name}: {sides}; {task.inputs} inputs, scaling {task.source['scaling']}",
        "networks": f"d = {setting.width}, N = {setting.samples}, initial scale {setting.scales[0]:g},"
        f" learning rate {setting.rates[0]:g}, {setting.steps:,} steps (more for a larger N, up to"
        f" {setting.most_steps:,}), seeds {seeds}; others where a figure says so",
        MADE_WITH: f"prunebench {machine['prunebench']} (commit {machine['commit']}), torch"
        f" {machine['torch']}, {machine['device']}, {machine['threads']} threads",
    }


def write_report(out: Path, done: Done, about: dict[str, Any]) -> list[Path]:
    """`report.md`, which shows the PNG files beside it, and `report.html`, which needs no other file."""
    markdown, page = out / "report.md", out / "report.html"
    text = _markdown(done, about)
    write_atomically(markdown, text)
    write_atomically(page, _html(text, out))
    return [markdown, page]


def _markdown(done: Done, about: dict[str, Any]) -> str:
    lines = [f"# {TITLE}", "", INTRODUCTION, ""]
    lines += [f"- {name}: {value}" for name, value in about.items()]
    lines += ["", "## Verdicts", "", "| experiment | claim | verdict | found |", "|---|---|---|---|"]
    for experiment, verdicts in done:
        lines += [
            f"| [{experiment.name}](#{experiment.name}) | {_cell(v.claim)} | {MARKS[v.outcome]} |"
            f" {_cell(v.found)} |"
            for v in verdicts
        ]
    for experiment, verdicts in done:
        lines += ["", f'<a id="{experiment.name}"></a>', f"## {experiment.title} ({experiment.source})", ""]
        lines += [f"![{experiment.title}]({experiment.name}.png)", "", experiment.caption, ""]
        for v in verdicts:
            lines += [f"- **{MARKS[v.outcome]}** {v.claim}", f"  Found: {v.found}. Criterion: {v.criterion}."]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


CSS = """body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}
body{color:#222;background:#fff}
img{max-width:100%;height:auto}table{border-collapse:collapse;font-size:.85rem}
td,th{border-bottom:1px solid #ccc;padding:.3rem .5rem;text-align:left;vertical-align:top}
.holds{color:#00664b}.fragile{color:#8a5a00}.does-not-hold{color:#a03c00}b{white-space:nowrap}"""


def _html(markdown: str, out: Path) -> str:
    """The same as a page, with the pictures inside; what looks like HTML in a name is shown as it is."""
    body = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable("table").render(markdown)
    body = re.sub(r"<p>&lt;a id=&quot;(\w+)&quot;&gt;&lt;/a&gt;</p>", r'<a id="\1"></a>', body)
    body = re.sub(r'(?<=<img src=")\w+\.png(?=")', lambda name: _inline(out / name[0]), body)
    for outcome, mark in MARKS.items():
        body = body.replace(mark, f'<b class="{outcome.replace(" ", "-")}">{mark}</b>')
    head = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
    )
    return f"{head}<title>{html.escape(TITLE)}</title><style>{CSS}</style>\n{body}</html>\n"


def _inline(image: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(image.read_bytes()).decode()
