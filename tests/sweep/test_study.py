"""The strict reading of study files."""

from pathlib import Path

import pytest

import prunebench as pb
from prunebench.evaluation.protocols import DEFAULT_PROTOCOLS
from prunebench.plugin.record import PluginRecord
from prunebench.run_spec import RunSpec
from prunebench.sweep.study import LARGEST, Job, read_study
from prunebench.tasks.spec import TaskSpec


def read(folder: Path, text: str) -> tuple[Job, ...]:
    path = folder / "study.toml"
    path.write_text(text)
    return read_study(path)


def test_an_empty_study_is_one_job_with_the_command_lines_defaults(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text("")
    (job,) = read_study(path)
    assert (job.task, job.recipe, job.title) == (TaskSpec(), pb.Recipe(steps=4000), "the only job")
    assert job.run == RunSpec(("alignment",), (), (), tuple(range(20)), DEFAULT_PROTOCOLS, ())
    assert job.run.steps(10, 4000) == (50,)


def test_lists_are_axes_and_titles_name_them(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(
        'task.samples = [100, 200]\nrecipe.width = [20, 40]\nrecipe.steps = 1500\nrun.scorers = ["snip"]'
    )
    jobs = read_study(path)
    assert [job.title for job in jobs] == [
        "samples=100 width=20",
        "samples=100 width=40",
        "samples=200 width=20",
        "samples=200 width=40",
    ]
    assert {job.recipe.steps for job in jobs} == {1500}


def test_networks_are_an_axis_with_defaults_of_their_own(tmp_path: Path) -> None:
    jobs = read(
        tmp_path,
        '[recipe]\nnetwork = ["shallow", "lenet", "net.py:Net[width=2]"]\nmomentum = 0.5\n',
    )
    assert [job.title for job in jobs] == [
        "network=shallow",
        "network=lenet",
        "network=net.py:Net[width=2]",
    ]
    shallow, lenet, own = (job.recipe for job in jobs)
    assert shallow == pb.Recipe(momentum=0.5, steps=4000)
    assert lenet == pb.Recipe(
        network=PluginRecord("lenet"), learning_rate=0.01, momentum=0.5, batch_size=16, steps=1000
    )
    assert own.network_spec == "net.py:Net[width=2]"


@pytest.mark.parametrize("written", ["shallow[]", "shallow ", " shallow[ ]"])
def test_the_shallow_network_is_the_same_however_it_is_written(tmp_path: Path, written: str) -> None:
    usual, other = (
        read(tmp_path, f"[recipe]\nnetwork = '{network}'\nwidth = 12\n")[0]
        for network in ("shallow", written)
    )
    assert other.recipe == usual.recipe
    assert other.recipe.network is None


def test_what_grids_have_in_common_is_one_job(tmp_path: Path) -> None:
    """In whatever order their keys stand."""
    grids = (
        "[[grid]]\nrecipe.width = [10, 20]\nrecipe.steps = 50\n"
        "[[grid]]\nrecipe.steps = 50\nrecipe.width = [20, 30]"
    )
    assert [job.title for job in read(tmp_path, grids)] == ["width=10", "width=20", "width=30"]


def test_what_the_shallow_network_alone_has_is_set_in_its_own_grid(tmp_path: Path) -> None:
    networks = (
        "[[grid]]\nrecipe.width = [10, 20]\n[[grid]]\nrecipe.network = ['mlp']\nrecipe.scale = [0.5, 1]"
    )
    assert [job.title for job in read(tmp_path, networks)] == [
        "width=10",
        "width=20",
        "network=mlp scale=0.5",
        "network=mlp scale=1.0",
    ]
    with pytest.raises(pb.RequestError, match="width: got 10; the shallow network alone has it"):
        read(tmp_path, "[recipe]\nwidth = 10\n" + networks)


def test_epochs_replace_the_default_step_and_seeds_may_be_named(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text("[run]\nat_epochs = [0, 2]\nseeds = [3, 8]")
    (job,) = read_study(path)
    assert (job.run.at_steps, job.run.at_epochs, job.run.seeds) == ((), (0, 2), (3, 8))
    assert job.run.steps(10, 4000) == (0, 20)


@pytest.mark.parametrize("table", ["recipe", "run"])
def test_a_loss_that_ends_training_is_the_recipes_and_may_stand_where_it_once_did(
    tmp_path: Path, table: str
) -> None:
    path = tmp_path / "study.toml"
    path.write_text(f"[{table}]\nuntil_loss = 0.1")
    (job,) = read_study(path)
    assert job.recipe == pb.Recipe(steps=4000, until_loss=0.1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[tsk]\nsamples = 1", ["'tsk'", "did you mean 'task'?"]),
        ("[task]\nsample = 1", ["[task]", "'sample'", "did you mean 'samples'?"]),
        ("[recipe]\nwidht = 1", ["[recipe]", "'widht'", "did you mean 'width'?"]),
        ("[run]\nscorer = ['snip']", ["[run]", "'scorer'", "did you mean 'scorers'?"]),
        ("[run]\nprotocols = ['prune']", ["protocols", "'prune'", "did you mean 'prune_"]),
        (
            "[recipe]\nuntil_loss = 0.1\n[run]\nuntil_loss = 0.2",
            ["[run] until_loss", "[recipe] has it already"],
        ),
        ("[run]\nrecalibrate = 'true'", ["true without quotes: true or false"]),
        ("[[grid]]\n[grid.tasks]", ["[[grid]] 1", "'tasks'", "did you mean 'task'?"]),
        ("[task]\nsamples = '100'", ["samples", "'100'", "a whole number from 0 up"]),
        ("[task]\nsamples = [100, '200']", ["samples", "'200'", "a whole number from 0 up"]),
        ("[task]\nsamples = 1.5", ["samples", "1.5", "a whole number"]),
        ("[task]\nsamples = -1", ["samples", "-1", "a whole number"]),
        ("[task]\nsamples = true", ["samples", "True", "a whole number"]),
        ("[task]\nsamples = [1, 1]", ["samples", "[1, 1]", "each value once"]),
        ("[task]\nsamples = []", ["samples", "at least one value"]),
        ("[task]\ndataset = 5", ["dataset", "5", "a text in quotes"]),
        ("[task]\ndataset = { name = 'digits' }", ["dataset", "a text in quotes"]),
        ("[recipe]\ninit_std = nan", ["init_std", "nan", "a number"]),
        ("[recipe]\nlearning_rate = inf", ["learning_rate", "inf", "a number"]),
        ("[recipe]\nwidth = 2020-01-01", ["width", "a whole number"]),
        ("[run]\nscorers = 'snip'", ["scorers", "'snip'", "a list is needed"]),
        ("[run]\nat_steps = 5", ["at_steps", "5", "a list is needed"]),
        ("[run]\nat_steps = [-5]", ["at_steps", "-5", "a whole number"]),
        ("[run]\nuntil_loss = [0.1]", ["until_loss", "a loss above 0 is needed"]),
        ("[run]\nseeds = 0", ["seeds", "0", "a whole number of networks from 1 to 100,000"]),
        ("[run]\nseeds = []", ["seeds", "at least one value"]),
        ("[run]\nseeds = [1, 1]", ["seeds", "each value once"]),
        ("[run]\nseeds = 'all'", ["seeds", "'all'", "a whole number"]),
        ("[run]\nkeep = [2.0]", ["keep", "2"]),
        ("task = 5", ["task", "5", "a table, [task], is needed"]),
        ("grid = 5", ["grid", "a table for each grid, [[grid]]"]),
        ("[task\n", ["not readable as TOML"]),
        ("a = " + "[" * 5000, ["not readable as TOML"]),
    ],
)
def test_what_is_not_understood_is_named(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(pb.RequestError) as refused:
        read(tmp_path, text)
    message = str(refused.value)
    assert "\n" not in message
    assert "study.toml" in message
    for word in words:
        assert word in message


def test_too_many_jobs(tmp_path: Path) -> None:
    values = list(range(1, 400))
    with pytest.raises(pb.RequestError, match=f"{len(values) ** 2:,} jobs.*{LARGEST:,}"):
        read(tmp_path, f"[task]\nsamples = {values}\n[recipe]\nwidth = {values}")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(pb.RequestError, match=r"no\.toml.*No such file"):
        read_study(tmp_path / "no.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(pb.RequestError, match=r"binary\.toml.*not readable as TOML"):
        read_study(tmp_path / "binary.toml")


def test_a_study_executes_nothing_and_writes_nothing(tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    for hostile in ("__import__('os').system('touch x')", "$(touch x)", "../../../x", "!!python/object:x"):
        (job,) = read(tmp_path, f'[task]\ndataset = "{hostile}"')
        assert job.task == TaskSpec(dataset=hostile)
        (tmp_path / "study.toml").unlink()
    assert sorted(tmp_path.rglob("*")) == before


def test_the_studies_of_the_repository_are_studies(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    page = (root / "docs" / "sweeps.md").read_text()
    studies = [part.partition("```")[0] for part in page.split("```toml\n")[1:]]
    assert [len(read(tmp_path, study)) for study in studies] == [4, 5]
    assert len(read_study(root / "leaderboards" / "study.toml")) == 16


def test_scorers_in_place_of_the_studys_set_no_job_apart(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(
        """
        [[grid]]
        task.samples = [100]
        run.scorers = ["snip"]
        [[grid]]
        task.samples = [200]
        run.scorers = ["snip", "grasp"]
        """
    )
    jobs = read_study(path, ["mine"])
    assert [(job.title, job.run.scorers) for job in jobs] == [
        ("samples=100", ("mine",)),
        ("samples=200", ("mine",)),
    ]
