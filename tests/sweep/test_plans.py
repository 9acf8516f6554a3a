"""From the jobs of a study to plans."""

from pathlib import Path

import pytest

import prunebench as pb
from prunebench.benchmark.plan import Plan
from prunebench.plugin.description import Description
from prunebench.plugin.isolation import Isolation
from prunebench.plugin.registry import PluginError
from prunebench.scoring.registry import SCORERS
from prunebench.sweep.plans import Options, from_anywhere, plan_of, plans_of, with_all
from prunebench.sweep.study import Job, read_study
from prunebench.tasks.spec import TaskSpec


def study(folder: Path, text: str) -> tuple[Job, ...]:
    (folder / "study.toml").write_text(text)
    return read_study(folder / "study.toml")


def test_a_job_becomes_the_plan_that_it_describes(tmp_path: Path) -> None:
    found = plans_of(
        study(
            tmp_path,
            '[task]\ndataset = "digits"\nsamples = [40, 80]\n'
            "[recipe]\nwidth = 8\nsteps = 60\nbatch_size = 4\n"
            '[run]\nscorers = ["imp[sparsity=0.5]", "snip"]\nat_steps = [10]\n'
            "at_epochs = [1]\nseeds = [2, 5]",
        ),
        Options(command="prunebench sweep study.toml"),
    )
    plans = [plan for _, plan in found]
    assert [plan.task.samples for plan in plans] == [40, 80]
    assert [plan.at_steps for plan in plans] == [(10,), (10, 20)]  # an epoch is 10 and 20 steps
    assert plans[0].recipe == pb.Recipe(width=8, steps=60, batch_size=4)
    assert [scorer.name for scorer in plans[0].scorers] == ["imp", "snip"]
    assert plans[0].seeds == (2, 5)
    assert plans[0].command == "prunebench sweep study.toml"
    assert plans[0].training != plans[1].training


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((), "--plugin 'my ideas.py' --plugin my_net.py"),
        (("my ideas.py",), "--plugin 'my ideas.py' --plugin my_net.py"),
    ],
)
def test_files_that_a_study_names_are_in_the_recorded_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: tuple[str, ...], words: str
) -> None:
    """They stand in no row, and in no other command of a sweep."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my ideas.py").write_text(
        "import prunebench as pb\n\n"
        'class Mine(pb.Scorer):\n    name = "mine"\n'
        "    def score(self, snapshot):\n        return snapshot.networks.norms()\n"
    )
    (tmp_path / "my_net.py").write_text(
        "import prunebench as pb\nfrom torch import nn\n\n"
        'class Mine(pb.Network):\n    name = "my_net"\n'
        "    def build(self, shape, outputs):\n"
        "        return nn.Sequential(nn.Flatten(), nn.LazyLinear(8), nn.ReLU(), nn.Linear(8, outputs))\n"
    )
    jobs = study(
        tmp_path,
        '[task]\ndataset = "digits"\nsamples = 40\n[recipe]\nnetwork = ["my_net.py:Mine", "lenet"]\n'
        '[run]\nscorers = ["my ideas.py:Mine", "snip"]',
    )
    whole = " ".join(["prunebench sweep study.toml", *(f"--plugin '{file}'" for file in given)])
    plans = [plan for _, plan in plans_of(jobs[:1], Options(plugins=given, command=whole))]
    assert [plan.command for plan in plans] == [f"prunebench sweep study.toml {words}"]
    assert plans_of(jobs[:1], Options(plugins=given))[0][1].command is None


def test_of_all_scorers_one_that_does_not_load_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = study(tmp_path, '[task]\ndataset = "digits"\nsamples = [40, 80]\n[run]\nscorers = ["all"]')
    isolation = Isolation(SCORERS)
    describe = isolation.describe

    def broken(name: str) -> Description:
        if name == "snip":
            raise PluginError("the plugin from x does not load")
        return describe(name)

    monkeypatch.setattr(isolation, "describe", broken)
    found = [with_all(job, isolation) for job in jobs]
    assert len(found) == 2
    assert all("grasp" in job.run.scorers and "snip" not in job.run.scorers for job in found)
    assert isolation.problems == ["the plugin from x does not load"]


def test_one_job_alone_gives_the_same_plan(tmp_path: Path) -> None:
    options = Options()
    found = plans_of(study(tmp_path, '[task]\ndataset = "digits"\nsamples = [40, 80]'), options)
    for job, plan in found:
        alone = plan_of(job, options)
        assert (alone.training, alone.wanted) == (plan.training, plan.wanted)


def test_steps_default_to_what_the_data_set_needs(tmp_path: Path) -> None:
    ((_, plan),) = plans_of(study(tmp_path, '[task]\ndataset = "digits"'))
    assert (plan.recipe.steps, plan.task.samples) == (4000, 400)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[run]\nscorers = ["snp"]', ["scorer", "'snp'", "did you mean 'snip'?"]),
        ('[run]\nscorers = ["imp[sparsity=3]"]', ["sparsity", "3"]),
        ('[run]\nscorers = ["snip", "snip"]', ["snip", "each value once"]),
        ("[recipe]\nwidth = [8, 0]", ["study.toml [recipe] width", "got 0"]),
        ("[recipe]\nmomentum = [0.5, 1.0]", ["study.toml [recipe] momentum", "got 1.0"]),
        (
            '[task]\ndataset = ["digits", "digit"]',
            ["'digit'", "did you mean 'digits'?", "in job dataset=digit"],
        ),
        (
            '[task]\ndataset = "digits"\nsamples = [40, 99999]',
            ["samples", "99999", "in job samples=99999"],
        ),
        ('[task]\ndataset = "digits"\nclasses = "0,3/3"', ["classes", "3"]),
        ('[task]\ndataset = "digits"\nscaling = "half"', ["scaling", "half"]),
        ('[task]\ndataset = "digits"\nsamples = 8\n[recipe]\nbatch_size = 9', ["batch_size", "9"]),
        ('[task]\ndataset = "digits"\n[recipe]\nsteps = 9', ["at_steps", "50", "9"]),
    ],
)
def test_a_job_that_could_not_run_is_named_before_any_runs(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    with pytest.raises(pb.RequestError) as refused:
        plans_of(study(tmp_path, text))
    for word in words:
        assert word in str(refused.value)


@pytest.mark.parametrize(
    ("one", "other", "option"),
    [
        ("seeds = 3", "seeds = 5", "seeds"),
        ("seeds = [0, 1]", "seeds = 2", None),
        ("recalibrate = false", "", "recalibrate"),
        ("finetune_steps = 5\nprotocols = ['finetune']", "protocols = ['finetune']", "finetune_steps"),
        ("finetune_steps = 5\nprotocols = ['finetune']", "", None),
    ],
)
def test_a_row_is_measured_in_one_way(tmp_path: Path, one: str, other: str, option: str | None) -> None:
    """Two jobs of one board would take each other's rows away at every sweep, their controls' at least."""

    def two(at_steps: str) -> list[tuple[Job, Plan]]:
        first = f"[[grid]]\n[grid.run]\nscorers = ['snip']\n{one}\n"
        second = f"[[grid]]\n[grid.run]\nscorers = ['growth']\nat_steps = {at_steps}\n{other}"
        return plans_of(study(tmp_path, f'[task]\ndataset = "digits"\n{first}{second}'))

    assert len(two("[7]")) == 2
    if option is None:
        assert len(two("[7, 50]")) == 2
    else:
        with pytest.raises(pb.RequestError, match=f"{option}.* at step 50, digits_.*in job scorers=growth"):
            two("[7, 50]")


def test_paths_hold_in_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    jobs = study(tmp_path, '[task]\ndataset = ["digits", "mine.npz", "~/data.npz"]')
    moved = [from_anywhere(job, Options(plugins=("here/one.py",))) for job in jobs]
    assert [job.task.dataset for job, _ in moved] == [
        "digits",
        str(tmp_path / "mine.npz"),
        str(Path.home() / "data.npz"),
    ]
    assert {options.plugins for _, options in moved} == {(str(tmp_path / "here" / "one.py"),)}
    assert from_anywhere(study(tmp_path, "")[0], Options())[0].task == TaskSpec()
