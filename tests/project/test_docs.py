"""The documents: each script on README and in docs/ runs, and each link leads to something.

A block marked `python` is a script: it runs by itself, in a process and a folder
of its own, with nothing but what it imports, and prints what the block marked
`text` below it shows. If the page says that its blocks are one program, they are
joined into one file. A script that has tests is run by pytest.

One thing is replaced: `REDIS_URL`, the Redis of the documents, by the URL of a
server of the test's own.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project.pages import (
    ONE_PROGRAM,
    PAGES,
    README,
    REDIS_URL,
    REPOSITORY,
    STARTS_REDIS,
    Script,
    links,
    prose,
    scripts,
)
from tests.project.sources import ROOT, label
from tests.servers import find_servers, running

SCRIPTS = [script for page in PAGES for script in scripts(page)]
PYTEST = ["-m", "pytest", "-p", "no:cacheprovider", "-p", "no:valkey"]


def script_label(script: Script) -> str:
    """The id of a test about *script*."""
    return f"{label(script.page)}:{script.line}"


@pytest.fixture
def redis_url(redis_directory: Path) -> Iterator[str]:
    """The URL of a Redis of the script's own."""
    newest = max(find_servers().items())[1]
    with running(newest, redis_directory) as server:
        yield server.url


@pytest.mark.parametrize("script", SCRIPTS, ids=script_label)
def test_script_runs(script: Script, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Every script in the documents runs as it is, twice, and prints what the page shows."""
    source = script.source
    if REDIS_URL in source:
        source = source.replace(REDIS_URL, request.getfixturevalue("redis_url"))
    file = tmp_path / f"{script.page.stem}_page.py"  # redis.py would hide the package of that name
    file.write_text(source)
    has_tests = "def test_" in source
    command = [sys.executable, *(PYTEST if has_tests else ["-W", "error"]), str(file)]
    for _ in range(2):
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert has_tests or ended.stdout == script.printed


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_page_says_what_it_needs(page: Path) -> None:
    """A page whose scripts need a Redis says how to start one, and one that joins its blocks has several."""
    found = list(scripts(page))
    needs_redis = any("redis://127.0.0.1" in script.source for script in found)
    assert (STARTS_REDIS in prose(page)) == needs_redis
    assert all(REDIS_URL in script.source for script in found if "redis://127.0.0.1" in script.source)
    assert (ONE_PROGRAM in prose(page)) <= (page.read_text().count("```python") > 1)


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_links_lead_to_something(page: Path) -> None:
    """Every link to the project, relative or absolute, leads to a file or folder that exists."""
    own = [target for target in links(page) if "://" not in target]
    absolute = [target for target in links(page) if target.startswith(REPOSITORY.partition("/blob/")[0])]
    assert [target for target in own if not (page.parent / target).exists()] == []
    assert [target for target in absolute if not is_in_repository(target)] == []


def is_in_repository(url: str) -> bool:
    """Whether *url* is that of a file or folder in the project's repository."""
    path = url.removeprefix(REPOSITORY)
    return path != url and (ROOT / path).exists()


def test_readme_can_be_read_anywhere() -> None:
    """The README has no relative link, since PyPI shows it as well."""
    assert [target for target in links(README) if "://" not in target] == []


def test_ci_runs_what_the_readme_says() -> None:
    """CI runs the test command of the README, word for word."""
    commands = [line for line in README.read_text().splitlines() if line.strip().endswith("pytest")]
    assert len(commands) == 1
    assert commands[0].strip() in (ROOT / ".ci/run").read_text().splitlines()
