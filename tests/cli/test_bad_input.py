"""What a clumsy user may type: one line with the option, the value and what is accepted, and exit code 2.

Nothing is trained and nothing written before that.
"""

import itertools
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from in_process import QUICK, Prunebench, Result

HUGE, DIGITS = str(10**12), "1" * 400
EXCESSIVE = "9" * 5000

# What is no number of its kind, by option of `run`: each is tried alone.
NO_COUNT = ("", " ", "0", "-1", "1.5", "many", "nan", "inf", DIGITS, EXCESSIVE, "٣x", "\u202e3", "1_0", "٣")
NO_RATE = ("", "0", "-1", "nan", "inf", "-inf", "1e400", "1e-320", "half", DIGITS, "0.0_1", "１")
NO_SEED = ("", "-1", "1.5", "x", str(2**63), DIGITS, EXCESSIVE)
RUN = {
    "--dataset": ("", " ", "nowhere.npz", "digitz", "x" * 240, "x" * 5000, ".", "\x1b[31m"),
    "--classes": ("", "/", "0,3", "0/", "0,3/1,2/4", "0,0/1", "0,3/9", "nobody/1", "0,3/1," + DIGITS),
    "--samples": (*NO_COUNT, HUGE),
    "--task-seed": NO_SEED,
    "--scaling": ("", "half", "SYMMETRIC", "\udcff"),
    "--width": (*NO_COUNT, "1", HUGE),
    "--init-std": NO_RATE,
    "--learning-rate": (*NO_RATE, "1e9"),
    "--momentum": ("", "-0.1", "1", "nan", "inf", "much"),
    "--batch-size": (*NO_COUNT, "41"),
    "--steps": (*NO_COUNT, HUGE, "1000000000"),
    "--init": ("", "MODULE", "he", "kaiming"),
    "--scale": (*NO_RATE, "1e9", "0.5"),
    "--weight-decay": ("", "-0.1", "nan", "inf", "much"),
    "--schedule": ("", "CONSTANT", "linear"),
    "--optimizer": ("", "SGD", "adagrad"),
    "--scorer": (
        "",
        " ",
        "nobody",
        "snip[",
        "snip[x=1]",
        "x" * 240,
        "...",
    ),
    "--scores": ("", "nowhere.npz", ".", "x" * 240),
    "--plugin": ("", "nowhere.py", ".", "x" * 240 + ".py"),
    "--scorer-timeout": (*NO_RATE[:7], "1e300"),
    "--at-step": ("", "-1", "1.5", "121", "x", DIGITS),
    "--at-epoch": ("", "-1", "13", "x", DIGITS),
    "--seeds": (
        *NO_SEED,
        "0",
        "1,1",
        "1,",
        "3-1",
        "-",
        "1-2-3",
        HUGE,
        f"0-{HUGE}",
        "1;2",
        f"{2**63 - 1}-{2**63}",
    ),
    "--protocol": ("", "prune", "RANK"),
    "--keep": ("", "0", "-0.5", "1.5", "nan", "inf", "half"),
    "--device": ("", "gpu", "cuda:x", "cuda:99", "cpu:0"),
    "--until-loss": (*NO_RATE[:7], "loss"),
    "--out": ("", " ", "taken", "taken/boards", "x" * 300),
    "--store": ("", " ", "taken", "taken/store", "x" * 300),
}


@pytest.fixture
def taken(folder: Path) -> None:
    (folder / "taken").write_text("a file")


def expect_refusal(result: Result, option: str, folder: Path) -> None:
    code, out, err = result
    assert code == 2, (code, err)
    assert out == ""
    lines = err.splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith("prunebench: ")
    assert option in lines[0]
    assert len(lines[0]) < 1100
    assert lines[0].isprintable()
    assert sorted(path.name for path in folder.iterdir()) == ["taken"]


@pytest.mark.usefixtures("taken")
@pytest.mark.parametrize("option", RUN)
def test_a_bad_value_of_run_is_named(option: str, quick: Prunebench, folder: Path) -> None:
    for value in RUN[option]:
        expect_refusal(quick(option, value), option, folder)


@pytest.mark.usefixtures("taken")
def test_a_store_that_is_none_is_refused_before_boards_have_a_folder(quick: Prunebench, folder: Path) -> None:
    (folder / "store" / "results.sqlite").mkdir(parents=True)
    result = quick("--store", "store", "--out", "boards")
    assert result.code == 2
    assert not (folder / "boards").exists()


NETWORKS = {
    ("--network", ""): "--network: got ''; write name or name[parameter=value,...]",
    ("--network", "lenett"): "--network: got 'lenett'; did you mean 'lenet'?",
    ("--network", "lenet["): "--network: got 'lenet['; write name or name[parameter=value,...]",
    ("--network", "lenet[depth=3]"): "--network: got 'lenet[depth=3]'; lenet has no parameter 'depth'",
    ("--network", "lenet[width=wide]"): "a number above 0 and up to 64 is needed",
    ("--network", "mlp[widths=10-1]"): "10-1",
    ("--network", "taken.py"): "taken.py:Class",
    ("--network", "nowhere.py:Net"): "nowhere.py",
    (
        "--network",
        "lenet",
        "--dataset",
        "digits",
    ): "--network: got 'lenet for samples of shape (1, 8, 8)'; images",
    (
        "--network",
        "mlp",
        "--scorer",
        "cluster_alignment",
    ): "--scorer: got 'cluster_alignment'; it cannot take",
    ("--network", "lenet", "--width", "300"): "--width: got 300; the shallow network alone has it",
    ("--network", "lenet", "--init-std", "0.1"): "--init-std: got 0.1; the shallow network alone has it",
    (
        "--network",
        "shallow",
        "--scale",
        "0.1",
    ): "--scale: got 0.1; the shallow network is drawn by init_std (--init-std)",
    ("--init", "kaiming"): "--init: got 'kaiming'; the shallow network is drawn by init_std (--init-std)",
    ("--colour", "--samples", "40"): "--colour: got True; these data have none",
    ("--classes", "all", "--samples", "9"): "--samples: got 9; a whole number from 10, one per class",
}


@pytest.mark.usefixtures("taken")
@pytest.mark.parametrize("arguments", NETWORKS, ids=" ".join)
def test_so_is_what_does_not_suit_the_network_or_the_task(
    arguments: tuple[str, ...], prunebench: Prunebench, folder: Path
) -> None:
    result = prunebench("run", "--scorer", "random", *arguments)
    expect_refusal(result, NETWORKS[arguments], folder)


@pytest.mark.usefixtures("taken")
@pytest.mark.parametrize(
    "option", [option for option in RUN if option not in ("--scores", "--plugin", "--at-epoch")]
)
def test_so_is_an_option_without_a_value(option: str, quick: Prunebench, folder: Path) -> None:
    expect_refusal(quick(option), option, folder)


@pytest.mark.usefixtures("taken")
@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--steps", "5", "--steps", "x"),
        ("run", "surplus"),
        ("run", "--scorer", "imp[rounds=x]"),
        ("run", "--scorer", "imp[sparsity=nan]"),
        ("run", "--nonsense"),
        ("export", "--format", "xml"),
        ("export", "--format", ""),
        ("export", "--out", ""),
        ("export", "--width", "3"),
        ("export", "--snapshot"),
        ("export", "--snapshot", "--out", "s", "--width", "1"),
        ("export", "--snapshot", "--out", "s", "--until-loss", "nan"),
        ("export", "--snapshot", "--out", "s", "--seeds", str(2**63)),
        ("export", "--snapshot", "--out", "s", "--at-step", "99999"),
        ("export", "--store", ""),
        ("check",),
        ("check", ""),
        ("check", "nowhere.py"),
        ("check", "nobody"),
        ("check", "snip", "--timeout", "nan"),
        ("check", "snip", "--timeout", "1e300"),
        ("leaderboard", "--out", "nowhere"),
        ("leaderboard", "--out", ""),
        ("leaderboard", "--html", ""),
        ("leaderboard", "--figures", ""),
        ("leaderboard", "--format", "pdf"),
        ("show",),
        ("show", "", "--out", "taken"),
        ("compare", "a"),
        ("compare", "a", "b", "--out", "taken"),
        ("compare", "a.json", "b.json"),
        ("merge", ""),
        ("merge", "nowhere"),
        ("merge", "nowhere", "--audit", "nan"),
        ("merge", "."),
        ("sweep", ""),
        ("sweep", "nowhere.toml"),
        ("sweep", "."),
        ("sweep", "taken", "--workers", HUGE),
        ("sweep", "taken", "--workers", "0"),
        ("sweep", "taken", "--scorer-timeout", "nan"),
        ("status", "nowhere.toml"),
        ("status", "--store", ""),
        ("status", "--store", "nowhere"),
        ("reproduce", "fig99"),
        ("reproduce",),
        ("reproduce", "fig4", "--seeds", "0"),
        ("reproduce", "fig4", "--out", ""),
        ("reproduce", "fig4", "--task-seed", str(2**63)),
        ("new-scorer", ""),
        ("new-scorer", "x" * 240),
        ("new-scorer", "größe"),
        ("new-scorer", "../escaped"),
        ("new-scorer", "class"),
        ("new-scorer", "json"),
        ("list", "scorers", "--plugin", ""),
        ("list", "scorers", "--plugin", "nowhere.py"),
        ("list", "nothing"),
        ("",),
        ("rum",),
    ],
    ids=lambda arguments: " ".join(arguments)[:60] or "nothing",
)
def test_so_are_those_of_the_other_commands(
    arguments: tuple[str, ...], prunebench: Prunebench, folder: Path
) -> None:
    expect_refusal(prunebench(*arguments), "", folder)


STUDY = '[task]\ndataset = "digits"\nsamples = 40\n[recipe]\nwidth = 8\nsteps = 60\n[run]\nseeds = 2\n'
STUDIES = {
    "seeds of 400 digits": ("seeds", STUDY.replace("seeds = 2", f"seeds = {DIGITS}")),
    "seeds of 5000 digits": ("study.toml", STUDY.replace("seeds = 2", f"seeds = {EXCESSIVE}")),
    "a million million seeds": ("seeds", STUDY.replace("seeds = 2", f"seeds = {10**12}")),
    "seeds from 2**63": ("seeds", STUDY.replace("seeds = 2", f"seeds = [0, {2**63}]")),
    "negative seeds": ("seeds", STUDY.replace("seeds = 2", "seeds = [-1]")),
    "width of 400 digits": ("width", STUDY.replace("width = 8", f"width = {DIGITS}")),
    "width 1": ("width", STUDY.replace("width = 8", "width = [8, 1]")),
    "std of 400 digits": ("init_std", STUDY.replace("width = 8", f"init_std = {DIGITS}")),
    "std of nothing": ("init_std", STUDY.replace("width = 8", "init_std = 1e-320")),
    "std not a number": ("init_std", STUDY.replace("width = 8", "init_std = nan")),
    "no network": ("network", STUDY.replace("width = 8", 'network = "nobody"')),
    "no text for a network": ("network", STUDY.replace("width = 8", "network = 5")),
    "a width for two networks": ("width", STUDY.replace("steps", 'network = ["shallow", "mlp"]\nsteps')),
    "a scale of the shallow network": ("scale", STUDY.replace("width = 8", "scale = 0.5")),
    "no loss": ("until_loss", STUDY + "until_loss = 0\n"),
    "negative loss": ("until_loss", STUDY + "until_loss = -1.0\n"),
    "infinite loss": ("until_loss", STUDY + "until_loss = inf\n"),
    "keep too much": ("keep", STUDY + "keep = [2.0]\n"),
    "step of 400 digits": ("at_steps", STUDY + f"at_steps = [{DIGITS}]\n"),
    "epoch of 400 digits": ("at_epochs", STUDY + f"at_epochs = [{DIGITS}]\n"),
    "samples of 400 digits": ("samples", STUDY.replace("samples = 40", f"samples = {DIGITS}")),
    "task's seed": ("seed", STUDY.replace("samples = 40", f"seed = {DIGITS}")),
    "a date": ("width", STUDY.replace("width = 8", "width = 2020-01-01")),
    "a table": ("width", STUDY.replace("width = 8", "width = {a = 1}")),
    "lists in lists": ("width", STUDY.replace("width = 8", "width = [[8]]")),
    "deep": ("study.toml", "a = " + "[" * 3000),
    "bytes": ("study.toml", "\x00\x01"),
    "no data set": ("dataset", STUDY.replace("digits", "")),
    "too many jobs": (
        "study.toml",
        STUDY.replace("width = 8", f"width = {list(range(2, 700))}\nbatch_size = {list(range(1, 400))}"),
    ),
}


@pytest.mark.parametrize("study", STUDIES)
def test_so_is_what_is_wrong_in_a_study(study: str, prunebench: Prunebench, folder: Path) -> None:
    option, text = STUDIES[study]
    (folder / "taken").write_text(text)
    result = prunebench("sweep", "taken")
    expect_refusal(result, "taken" if option == "study.toml" else option, folder)


def no_right(path: Path) -> None:
    path.write_text("")
    path.chmod(0)


# What may be where an input file is to be.
ODD_FILES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_text(""),
    "text": lambda path: path.write_text("hello"),
    "bytes": lambda path: path.write_bytes(bytes(range(256))),
    "folder": Path.mkdir,
    "link to nowhere": lambda path: path.symlink_to("nowhere"),
    "link to itself": lambda path: path.symlink_to(path),
    "unreadable": no_right,
    "device": lambda path: path.symlink_to("/dev/null"),
    "pipe": os.mkfifo,
}
INPUTS = {
    "data.npz": ("run", *QUICK, "--dataset", "data.npz"),
    "saved.npz": ("run", *QUICK, "--dataset", "digits", "--at-step", "5", "--scores", "saved.npz"),
    "plugin.py": ("run", *QUICK, "--dataset", "digits", "--plugin", "plugin.py"),
    "study.toml": ("sweep", "study.toml"),
    "status.toml": ("status", "status.toml"),
    "checked.py": ("check", "checked.py"),
    "board.json": ("compare", "board.json", "board.json"),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("odd", ODD_FILES)
@pytest.mark.parametrize("name", INPUTS)
def test_an_odd_input_file_is_named(name: str, odd: str, prunebench: Prunebench, folder: Path) -> None:
    if odd == "unreadable" and os.geteuid() == 0:
        pytest.skip("root may read everything")
    if name.endswith(".toml") and odd in ("empty", "device"):
        pytest.skip("an empty study is a study")
    ODD_FILES[odd](folder / name)
    code, out, err = prunebench(*INPUTS[name])
    assert code in (1, 2), err
    assert "Traceback" not in err
    assert name in err + out
    assert len(err.splitlines()) <= 1
    assert [path.name for path in folder.iterdir() if path.name not in (name, "__pycache__")] == []


@pytest.mark.parametrize("odd", ODD_FILES)
def test_an_odd_image_is_named(odd: str, prunebench: Prunebench, folder: Path) -> None:
    from PIL import Image

    if odd == "unreadable" and os.geteuid() == 0:
        pytest.skip("root may read everything")
    for part, name in itertools.product(("train", "test"), ("a", "b")):
        images = folder / "pets" / part / name
        images.mkdir(parents=True)
        for number in range(20):
            pixels = np.random.default_rng(number).integers(0, 255, (6, 6), dtype=np.uint8)
            Image.fromarray(pixels).save(images / f"{number}.png")
    ODD_FILES[odd](folder / "pets" / "train" / "a" / "odd.png")
    code, out, err = prunebench(
        "run", *QUICK, "--dataset", "pets", "--classes", "a/b", "--scorer", "magnitude"
    )
    if odd in ("folder", "link to nowhere", "link to itself", "device", "pipe"):  # no files: left out
        assert code == 0, err
        return
    assert (code, out) == (2, "")
    assert "odd.png" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("name", ["x" * 240, "größe 中 🙂", "=cmd", "[a](b)", "a|b", "-o", "a\nb", "x\udcff"])
def test_a_data_set_of_an_odd_name_has_a_board(
    name: str, prunebench: Prunebench, npz: Path, folder: Path
) -> None:
    (folder / f"{name}.npz").write_bytes(npz.read_bytes())
    result = prunebench("run", *QUICK, "--dataset", f"./{name}.npz", "--protocol", "rank", "--out", "boards")
    assert result.code == 0, result.err
    assert len(list((folder / "boards").glob("*.json"))) == 1
    assert prunebench("leaderboard", "--out", "boards").code == 0
