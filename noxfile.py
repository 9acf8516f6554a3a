"""What CI checks, by the same names. Sessions run in the environment that nox is started from."""

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "tests"]


@nox.session
def lint(session: nox.Session) -> None:
    """Rules and format."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Type hints, strictly."""
    session.run("mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """The test suite."""
    session.run("pytest", "-q", "--durations", "10", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation as a site, into site/; whatever is wrong with a link or a docstring is an error."""
    session.run("mkdocs", "build", "--quiet", env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def slow(session: nox.Session) -> None:
    """Minutes of training, kills, and packages that are built and installed."""
    session.run("pytest", "-q", "-m", "slow", "--durations", "5", *session.posargs)
