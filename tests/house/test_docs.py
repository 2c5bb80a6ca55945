"""The documents: each page of README and docs/ runs, from top to bottom.

The blocks of a page marked `python` share one namespace and may use `await` at
their top level. They write into the current directory, which is an empty one.
A block that needs a server finds its URL in `redis_url`.
"""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.house.sources import ROOT, label
from tests.servers import find_servers, running

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def tokens(page: Path) -> Iterator[Token]:
    """What *page* is made of, as Markdown sees it."""
    for token in MarkdownIt().parse(page.read_text()):
        yield token
        yield from token.children or ()


def blocks(page: Path) -> Iterator[CodeType]:
    """The blocks of Python on *page*, ready to run; a traceback names the line of the page."""
    for token in tokens(page):
        if token.type == "fence" and token.info == "python" and token.map:
            source = "\n" * (token.map[0] + 1) + token.content
            yield compile(source, page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def links(page: Path) -> Iterator[str]:
    """The links of *page* to other files of the project."""
    for token in tokens(page):
        target = str(token.attrs.get("href", "")).partition("#")[0]
        if target and "://" not in target:
            yield target


@pytest.fixture
def redis_url(redis_directory: Path) -> Iterator[str]:
    """A Redis of the page's own."""
    newest = max(find_servers().items())[1]
    with running(newest, redis_directory) as server:
        yield server.url


@pytest.mark.parametrize("page", PAGES, ids=label)
async def test_page_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Every block of Python on a page runs after those before it."""
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "__page__"}
    if "redis_url" in page.read_text():
        namespace["redis_url"] = request.getfixturevalue("redis_url")
    for block in blocks(page):
        outcome = eval(block, namespace)  # compiled from our own page
        if inspect.isawaitable(outcome):
            await outcome


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link on a page leads to a file or folder of the project."""
    assert [target for target in links(page) if not (page.parent / target).exists()] == []


def test_ci_runs_what_the_readme_says() -> None:
    """CI runs the test command of the README, word for word."""
    commands = [
        line for line in (ROOT / "README.md").read_text().splitlines() if line.strip().endswith("pytest")
    ]
    assert len(commands) == 1
    assert commands[0].strip() in (ROOT / ".ci/run").read_text().splitlines()
