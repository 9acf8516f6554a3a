"""The example packages, installed and used as a third party's would be."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # it is built and installed, and every command is a process
EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
QUICK = ["--dataset", "digits", "--samples", "40", "--width", "10", "--steps", "60", "--seeds", "3"]


class Installed:
    """An environment with this one's packages and the example beside them."""

    def __init__(self, folder: Path, package: str) -> None:
        self.folder, self.site = folder, folder / "site"
        self.source = shutil.copytree(EXAMPLES / package, folder / "source")
        pip = ["pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
        done = self("python", "-m", *pip, "--target", str(self.site), str(self.source))
        assert done.returncode == 0, done.stderr

    def __call__(self, *command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        beside = os.pathsep.join([str(self.site), os.environ.get("PYTHONPATH", "")])
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = os.environ | {"PYTHONPATH": beside, "PATH": path} | variables
        return subprocess.run(
            command, check=False, cwd=self.folder, env=environment, capture_output=True, text=True
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("third_party"), "prunebench-fisher")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("third_party"), "prunebench-allconv")


def test_a_network_is_tested_listed_checked_and_run(network: Installed) -> None:
    done = network("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(network.source))
    assert done.returncode == 0, done.stdout
    assert "prunebench-allconv 1.0.0" in network("prunebench", "list", "networks").stdout
    checked = network("prunebench", "check", "allconv[width=4]")
    assert checked.returncode == 0, checked.stdout
    task = ["--dataset", "digits", "--classes", "all", "--samples", "60", "--steps", "20", "--seeds", "2"]
    run = ["prunebench", "run", *task, "--scorer", "snip", "--at-step", "0", "--protocol", "rank"]
    done = network(*run, "--network", "allconv[width=4]", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["recipe"]["network"]["spec"] == "allconv[width=4]"
    disabled = {"PRUNEBENCH_DISABLE_PLUGINS": "prunebench-allconv"}
    done = network(*run, "--network", "allconv", **disabled)
    assert done.returncode == 2
    assert "'allconv'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_its_own_tests_pass(installed: Installed) -> None:
    done = installed("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(installed.source))
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout
    assert "failed" not in done.stdout


def test_it_is_listed_checked_and_ranked(installed: Installed) -> None:
    listed = installed("prunebench", "list", "scorers").stdout
    assert "labels=given" in listed
    assert "prunebench-fisher 1.0.0" in listed
    checked = installed("prunebench", "check", "fisher_pruning[labels=predicted]")
    assert checked.returncode == 0, checked.stdout
    assert "fisher_pruning[labels=predicted] (prunebench-fisher 1.0.0)" in checked.stdout
    done = installed(
        "prunebench", "run", *QUICK, "--scorer", "fisher_pruning", "--scorer", "snip", "--at-step", "20"
    )
    assert done.returncode == 0, done.stderr
    assert "fisher_pruning" in done.stdout
    assert "failed" not in done.stdout


def test_it_can_be_disabled(installed: Installed) -> None:
    disabled = {"PRUNEBENCH_DISABLE_PLUGINS": "prunebench-fisher"}
    assert "labels=given" not in installed("prunebench", "list", "scorers", **disabled).stdout
    done = installed("prunebench", "run", *QUICK, "--scorer", "fisher_pruning", **disabled)
    assert done.returncode == 2
    assert "fisher_pruning" in done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import a_module_that_is_not_there", "ModuleNotFoundError: No module named 'a_module_that"),
        ("raise RuntimeError('at import')", "does not load: RuntimeError: at import"),
        ("raise SystemExit(1)", "does not load: SystemExit: 1"),
        ("import os; os._exit(5)", "ended its process with exit code 5"),
        ("FisherPruning = 3", "is not a prunebench.Scorer class"),
        (
            "import prunebench as pb\nclass FisherPruning(pb.Scorer):\n    name = 'fischer'",
            "the two must agree",
        ),
    ],
)
def test_broken_it_is_one_warning_that_names_it_and_harms_nothing(
    installed: Installed, text: str, message: str
) -> None:
    module = installed.site / "prunebench_fisher.py"
    whole = module.read_text()
    try:
        module.write_text(text)
        listed = installed("prunebench", "list", "scorers")
        run = installed(
            "prunebench", "run", *QUICK, "--scorer", "fisher_pruning", "--scorer", "snip", "--json"
        )
    finally:
        module.write_text(whole)
    for done in (listed, run):
        [warning] = [line for line in done.stderr.splitlines() if "warning" in line]
        assert "prunebench-fisher 1.0.0" in warning
        assert message in warning
        assert done.returncode == 0
    assert "alignment" in listed.stdout
    rows = {row["scorer"]: row for row in json.loads(run.stdout)["rows"]}
    assert message in rows["fisher_pruning"]["error"]
    assert all(row["status"] == "ok" for name, row in rows.items() if name != "fisher_pruning")
