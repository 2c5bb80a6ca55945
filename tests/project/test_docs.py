"""The documents: what a reader copies from README and docs/ runs, and every link leads somewhere.

A block marked `python` is a script: it runs by itself, in a process and a folder
of its own, with nothing but what it imports, and prints what the block marked
`text` below it shows. Where a page says that its blocks are one program, they are
put one after another into one file. What has tests is given to pytest.

One thing is replaced: the documents have their Redis at `REDIS_URL`, and a script
is run with the URL of a server of its own in that place.
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


def place(script: Script) -> str:
    """What a test about *script* is called by."""
    return f"{label(script.page)}:{script.line}"


@pytest.fixture
def redis_url(redis_directory: Path) -> Iterator[str]:
    """A Redis of the script's own."""
    newest = max(find_servers().items())[1]
    with running(newest, redis_directory) as server:
        yield server.url


@pytest.mark.parametrize("script", SCRIPTS, ids=place)
def test_script_runs(script: Script, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Every script in the documents runs as it stands, a second time as well, and prints what is shown."""
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
    """A page whose scripts ask a Redis says how one is started; one that joins its blocks has several."""
    found = list(scripts(page))
    needs_redis = any("redis://127.0.0.1" in script.source for script in found)
    assert (STARTS_REDIS in prose(page)) == needs_redis
    assert all(REDIS_URL in script.source for script in found if "redis://127.0.0.1" in script.source)
    assert (ONE_PROGRAM in prose(page)) <= (page.read_text().count("```python") > 1)


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_links_lead_somewhere(page: Path) -> None:
    """Every link on a page to the project, relative or absolute, leads to a file or folder that exists."""
    own = [target for target in links(page) if "://" not in target]
    absolute = [target for target in links(page) if target.startswith(REPOSITORY.partition("/blob/")[0])]
    assert [target for target in own if not (page.parent / target).exists()] == []
    assert [target for target in absolute if not is_in_repository(target)] == []


def is_in_repository(url: str) -> bool:
    """Whether *url* names a file or folder of the project as the repository shows it."""
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
