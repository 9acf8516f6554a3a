import subprocess
import sys
from pathlib import Path

from in_process import Prunebench

from prunebench.store.store import Store


def test_status_counts_what_the_store_holds(prunebench: Prunebench, quick: Prunebench) -> None:
    document = quick("--at-step", "20", "--quiet", "--json").json
    rows = prunebench("export", "--format", "json").json
    results = {(r["seed"], r["scorer"], r["at_step"], r["protocol"], r["keep"]) for r in rows}
    result = prunebench("status")
    assert (result.code, result.err) == (0, "")
    assert f"toy, 40 samples: 1 training, 3 networks, 3 snapshots, {len(results)} results\n" in result.out
    assert f"newest record: {document['environment']['utc']}" in result.out


def test_status_of_a_study_says_what_is_to_do(
    prunebench: Prunebench, quick: Prunebench, npz: Path, folder: Path
) -> None:
    text = f'[task]\ndataset = "{npz}"\nsamples = 40\n[recipe]\nsteps = 120\ninit_std = 0.05\n'
    text += "learning_rate = [0.02, 1000.0]\nwidth = 16\n[run]\nseeds = 3\nat_steps = [20]\n"
    (folder / "study.toml").write_text(text)
    before = prunebench("status", "study.toml")
    assert before.out.count("to compute\n") == 2
    assert list(folder.iterdir()) == [folder / "study.toml"]
    quick("--at-step", "20", "--quiet")
    lines = prunebench("status", "study.toml").out.splitlines()
    assert lines[0] == "learning_rate=0.02: done"
    assert lines[1].startswith("learning_rate=1000.0: ")
    assert lines[2].startswith("2 jobs, 1 of them to compute")
    prunebench("sweep", "study.toml", "--quiet")
    assert (
        "learning_rate=1000.0: failed when it was last tried: training diverged"
        in prunebench("status", "study.toml").out
    )
    assert "1 failed training\n" in prunebench("status").out


def test_a_check_names_what_is_damaged_and_forgets_it(
    prunebench: Prunebench, quick: Prunebench, folder: Path
) -> None:
    run = ("--at-step", "20", "--quiet", "--json")
    before = quick(*run).json
    whole = prunebench("status", "--check")
    assert (whole.code, whole.out.count("\n"), whole.err) == (0, 1, "")
    assert whole.out.endswith("rows and 6 files of networks checked; damaged: 0\n")
    files = sorted(folder.rglob("*.safetensors"))
    files[0].write_bytes(files[0].read_bytes()[:-1] + b"x")
    with Store(Path(".prunebench")) as store, store.writing() as connection:
        connection.execute("UPDATE results SET metrics = '{}' WHERE protocol = 'dense'")
        connection.execute("UPDATE scorings SET scores = x'00' WHERE scorer = 'oracle' AND seed = 1")
    damaged = prunebench("status", "--check")
    assert (damaged.code, damaged.out.count("\n")) == (1, 6)
    assert f"damaged: .prunebench/networks/{files[0].parent.name}/{files[0].name}: damaged" in damaged.out
    assert damaged.out.count("dense of the networks\n") == 3
    assert "seed 1: scores of oracle at step 20\n" in damaged.out
    assert prunebench("status", "--check").out == damaged.out  # it has changed nothing
    forgotten = prunebench("status", "--check", "--forget")
    assert (forgotten.code, forgotten.out) == (
        0,
        damaged.out + "forgotten: 5 rows; running their tasks again computes them; still damaged: 0\n",
    )
    assert prunebench("status", "--check").code == 0
    after = quick(*run).json
    assert after["rows"][0]["spearman"] == before["rows"][0]["spearman"]
    assert after["training"]["accuracy"] == before["training"]["accuracy"]
    assert prunebench("status", "--check").out.endswith("6 files of networks checked; damaged: 0\n")


def test_a_run_says_what_it_computes_again(prunebench: Prunebench, quick: Prunebench) -> None:
    """Even where it is told to be quiet."""
    before = quick("--at-step", "20", "--quiet", "--json")
    with Store(Path(".prunebench")) as store, store.writing() as connection:
        connection.execute("UPDATE scorings SET seconds = 7 WHERE scorer = '' AND seed = 1")
    after = quick("--at-step", "20", "--quiet", "--json")
    (line, _) = after.err.splitlines()
    assert line.startswith("prunebench: warning: training ")
    assert line.endswith(", seed 1: scores of the networks: damaged; computing it again")
    assert after.json["training"]["accuracy"] == before.json["training"]["accuracy"]


def test_a_check_is_of_the_whole_store(prunebench: Prunebench) -> None:
    assert "--forget: it needs --check" in prunebench("status", "--forget").err
    assert "--check: it concerns the whole store" in prunebench("status", "--check", "study.toml").err
    assert "--store: got 'nowhere'" in prunebench("status", "--check", "--store", "nowhere").err


def test_a_store_that_is_not_there_is_named(prunebench: Prunebench, folder: Path) -> None:
    result = prunebench("status", "--store", "nowhere")
    assert (result.code, result.out) == (2, "")
    assert "--store: got 'nowhere'" in result.err
    assert not list(folder.iterdir())


def test_status_imports_nothing_heavy() -> None:
    Store(Path("store")).close()
    program = (
        "import sys\nfrom prunebench.cli.main import run\ncode = run(['status', '--store', 'store'])\n"
        "sys.exit(code or sorted({'torch', 'numpy', 'scipy', 'pandas', 'rich'} & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
