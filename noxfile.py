"""The project's chores: `nox -l` lists them, `nox -s NAME` does one."""

import nox

PYTHONS = ["3.11", "3.12", "3.13"]

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.reuse_venv = "yes"
# `tests` runs on the interpreters that are installed and names those that are
# not. Nox would rather fail on these where the variable CI is set.
nox.options.error_on_missing_interpreters = False


@nox.session
def lint(session: nox.Session) -> None:
    """Hold the style: ruff, with nearly every rule it has."""
    session.install("ruff>=0.14")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Hold the types: mypy in strict mode, and pyright on what a user sees."""
    session.install("-e", ".[dev]", "mypy>=1.13", "pyright[nodejs]>=1.1.390", "nox")
    session.run("mypy")
    session.run("pyright", "--verifytypes", "layercache", "--ignoreexternal")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests on each interpreter that is installed; options go to pytest."""
    session.install("-e", ".[dev]")
    session.run("pytest", *session.posargs)


@nox.session
def demo(session: nox.Session) -> None:
    """Serve a small registry, pull from it twice, and show what the cache saved."""
    session.install("-e", ".[dev]")
    session.run("python", "docs/examples/demo.py", *session.posargs)
