"""The commands that the documents show: the files, modules, options and extras that they name exist."""

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project.pages import PAGES, PROJECT, tokens
from tests.project.sources import ROOT, label

EXTRAS = re.compile(r"\[([\w,]+)\]")
IN_NOXFILE = re.compile(r"^@nox\.session.*\ndef (\w+)", re.MULTILINE)


def commands(page: Path) -> Iterator[list[str]]:
    """The words of each command on *page*, in a block that is not Python, or between backticks."""
    for token in tokens(page):
        is_shown = token.type in ("code_block", "code_inline") or token.info == "console"
        for line in token.content.splitlines() if is_shown else []:
            if re.match(r"\$?\s*\S*(python|pip|nox)", line):
                for command in line.removeprefix("$").split("&&"):
                    yield shlex.split(command, comments=True)


SHOWN = sorted({shlex.join(command) for page in PAGES for command in commands(page)})


def file_of(module: str) -> Path:
    """The file that `python -m` runs for *module* in the checkout, whether it exists or not."""
    path = ROOT / module.replace(".", "/")
    return main if (main := path / "__main__.py").is_file() else path.with_suffix(".py")


def program(words: list[str]) -> Path | None:
    """The file of the checkout that a command runs, or None if it runs something else."""
    match words:
        case [_, "-m", "bench", name, *_]:
            return file_of(f"bench.{name}")
        case [_, "-m", module, *_] if module not in sys.stdlib_module_names:
            return file_of(module)
        case [_, script, *_] if script.endswith(".py"):
            return ROOT / script
    return None


def test_commands_are_found() -> None:
    """The documents show how to install, to run the examples and to measure."""
    for expected in ("pip install oci-layercache", "docs/examples/demo.py", "-m bench near"):
        assert any(expected in command for command in SHOWN)


@pytest.mark.parametrize("command", SHOWN)
def test_command_runs_what_exists(command: str) -> None:
    """The script or module of a command exists, and has every option that the command uses."""
    words = shlex.split(command)
    file = program(words)
    if file is None:
        return
    assert file.is_file()
    text = file.read_text()
    assert [word for word in words if word.startswith("--") and f'"{word}"' not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_extras_and_sessions_exist(page: Path) -> None:
    """Every extra and every session of nox that a page names is one that the project has."""
    extras, sessions = set(), set()
    for words in commands(page):
        for word in words:
            if "oci-layercache[" in word or word.startswith(".["):
                extras |= set(EXTRAS.findall(word)[0].split(","))
        if words[0].endswith("nox") and "-s" in words:
            sessions.add(words[words.index("-s") + 1])
    assert extras <= set(PROJECT["optional-dependencies"])
    assert sessions <= set(IN_NOXFILE.findall((ROOT / "noxfile.py").read_text()))
