"""What the tests of the documents read: the pages, their scripts and their links."""

import itertools
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.project.sources import ROOT

README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

# What a page says if its blocks do not run alone, and if they need a Redis.
ONE_PROGRAM = "The blocks of this page are one program"
REDIS_URL = "redis://127.0.0.1:6379"
STARTS_REDIS = f"`redis-server --save ''` starts one at `{REDIS_URL}`"

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REPOSITORY = str(PROJECT["urls"]["Changelog"]).removesuffix("CHANGELOG.md")


class Script(NamedTuple):
    """What a reader copies into a file and runs.

    Attributes:
        page: The page that shows it.
        line: The line of the page on which it begins.
        source: The script; each line has the number that it has on the page.
        printed: What the page says that it prints.
    """

    page: Path
    line: int
    source: str
    printed: str


def prose(page: Path) -> str:
    """The text of *page*, without its line breaks."""
    return " ".join(page.read_text().split())


def tokens(page: Path) -> Iterator[Token]:
    """The Markdown tokens of *page*."""
    for token in MarkdownIt().parse(page.read_text()):
        yield token
        yield from token.children or ()


def scripts(page: Path) -> Iterator[Script]:
    """Each block of Python on *page* with the output below it; all as one if the page says so."""
    found: list[list[Token]] = []
    for token in tokens(page):
        if token.type == "fence" and token.info == "python":
            found.append([token])
        elif token.type == "fence" and token.info == "text" and found:
            found[-1].append(token)
    if found and ONE_PROGRAM in prose(page):
        found = [list(itertools.chain(*found))]
    yield from (_script(page, fences) for fences in found)


def _script(page: Path, fences: list[Token]) -> Script:
    lines: list[str] = []
    begins = [fence.map[0] + 1 for fence in fences if fence.map]
    for fence, begin in zip(fences, begins, strict=True):
        if fence.info == "python":
            lines += [""] * (begin - len(lines)) + fence.content.splitlines()
    printed = "".join(fence.content for fence in fences if fence.info == "text")
    return Script(page, begins[0] + 1, "\n".join([*lines, ""]), printed)


def links(page: Path) -> Iterator[str]:
    """The targets of the links of *page*, without their fragments."""
    for token in tokens(page):
        target = str(token.attrs.get("href", "")).partition("#")[0]
        if target:
            yield target
