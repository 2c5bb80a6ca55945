"""The project's chores: `nox -l` lists them, `nox -s NAME` does one."""

import os
from pathlib import Path

import nox

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]

# Pinned: a new version of a checker has new rules, and they are to come when asked for.
CHECKERS = ["mypy==2.4.1", "pyright[nodejs]==1.1.414"]
LINTER = "ruff==0.17.6"

# What the benchmarks set beside us.
PEERS = [
    "aiocache",
    "async-lru",
    "cachebox",
    "cachetools",
    "cashews[redis]",
    "coredis",
    "theine",
    "valkey-glide",
]

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.reuse_venv = "yes"
# `tests` runs on the interpreters that are installed and names those that are
# not. Nox would rather fail on these where the variable CI is set.
nox.options.error_on_missing_interpreters = False

# A shim of pyenv fails for a version that is not chosen; the version itself does not.
for binaries in sorted(Path.home().glob(".pyenv/versions/3.*/bin")):
    os.environ["PATH"] += f"{os.pathsep}{binaries}"


@nox.session
def lint(session: nox.Session) -> None:
    """Hold the style: ruff, with nearly every rule it has."""
    session.install(LINTER)
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Hold the types: mypy in strict mode, and pyright on what a user sees."""
    session.install("-e", ".[dev]", "nox", *CHECKERS)
    session.run("mypy")
    session.run("pyright", "tests/typing")
    session.run("pyright", "--verifytypes", "layercache", "--ignoreexternal")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests on each interpreter that is installed; options go to pytest."""
    session.install("-e", ".[dev]")
    session.run("pytest", *session.posargs)


@nox.session(python=PYTHONS[1:])
def eager(session: nox.Session) -> None:
    """Run the tests with tasks that run at once until they first wait; Python has them since 3.12."""
    session.install("-e", ".[dev]")
    session.run("pytest", "--eager-tasks", *session.posargs)


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """Run the tests on the lowest versions of what a user installs; options go to pytest."""
    session.install("uv")
    python = ["--python", session.virtualenv.location]
    # These first: what is there and will do, the other requirements leave alone.
    runtime = ["--resolution", "lowest-direct", "-e", ".[aiohttp,fastapi,storage]"]
    session.run("uv", "pip", "install", *python, *runtime)
    session.run("uv", "pip", "install", *python, "-e", ".[dev]")
    session.run("pytest", *session.posargs)


@nox.session
def coherence(session: nox.Session) -> None:
    """Let registries share a Redis under fire, and judge every answer; options go to `tests.coherence`."""
    session.install("-e", ".[dev]")
    session.run("python", "-m", "tests.coherence", *session.posargs)


@nox.session
def demo(session: nox.Session) -> None:
    """Serve a small registry, pull from it twice, and show what the cache saved."""
    session.install("-e", ".[dev]")
    session.run("python", "docs/examples/demo.py", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure beside others, as `python -m bench` tells; options go there."""
    session.install("-e", ".[dev]", *PEERS)
    session.run("python", "-m", "bench", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Run every code block of the documents, then make the pages, holding each link."""
    session.install("-e", ".[dev]", "mkdocs>=1.6", "mkdocstrings[python]>=1.0", LINTER)
    session.run("pytest", "tests/project/test_docs.py", "tests/project/test_commands.py")
    session.run("mkdocs", "build", "--strict")
