"""The commands as RESP, and the cluster slots that they touch."""

import hiredis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from layercache.backends.redis import commands, scripts
from layercache.backends.redis.commands import Command
from layercache.backends.redis.schema import members_key, meta_key
from layercache.meta import LayerMeta
from layercache.names import Digest, Repository

DIGEST = "sha256:" + "0123456789abcdef" * 4
NAMES = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=50)


def parse(text: str) -> list[str]:
    """The words of one command, as a server reads them: a command is an array of strings."""
    reader = hiredis.Reader(encoding="utf-8")
    reader.feed(text.encode())
    read: list[str] = reader.gets()
    assert not reader.has_data()
    return read


@given(repo=NAMES, dgst=NAMES)
def test_queries_are_resp(repo: str, dgst: str) -> None:
    """Whatever the names, a query is read by a server as the intended words."""
    fields = ["path", "length", "digest", "size", "mediatype", "writer"]
    assert parse(commands.meta_query(dgst)) == ["HMGET", meta_key(dgst), *fields]
    assert parse(commands.member_query(repo, dgst)) == ["SISMEMBER", members_key(repo), dgst]
    assert parse(commands.members_query(repo, [dgst, repo])) == ["SMISMEMBER", members_key(repo), dgst, repo]


@given(repo=NAMES, dgst=NAMES)
def test_a_stat_asks_for_the_meta_first(repo: str, dgst: str) -> None:
    """A stat is the question for the meta, and then that for the membership."""
    assert commands.stat_query(repo, dgst) == commands.meta_query(dgst) + commands.member_query(repo, dgst)


@given(repo=NAMES, dgst=NAMES)
def test_commands_are_resp(repo: str, dgst: str) -> None:
    """Whatever the names, a command's text has its words."""
    command = scripts.fill(scripts.membership(repo, dgst), "t", commands.store_member(repo, dgst), 0)
    assert parse(command.text) == list(command.words)


def test_names_that_were_parsed_look_the_same() -> None:
    """A name of a type of its own makes the same text as the plain one."""
    assert commands.meta_query(Digest(DIGEST)) == commands.meta_query(DIGEST)
    assert commands.member_query(Repository("a/b"), Digest(DIGEST)) == commands.member_query("a/b", DIGEST)
    assert commands.stat_query(Repository("a/b"), Digest(DIGEST)) == commands.stat_query("a/b", DIGEST)


# ---- slots

MEMBERSHIP, META = scripts.membership("a/b", DIGEST), scripts.meta_of(DIGEST)
STORE_MEMBER = commands.store_member("a/b", DIGEST)
STORE_META = commands.store_meta(DIGEST, LayerMeta("/c", 7))

STEPS = {
    "lease of a membership": scripts.lease(MEMBERSHIP, "t", 1),
    "lease of a meta": scripts.lease(META, "t", 1),
    "fill of a membership": scripts.fill(MEMBERSHIP, "t", STORE_MEMBER, 1),
    "fill of a meta": scripts.fill(META, "t", STORE_META, 1),
    "clear of a membership": scripts.clear(MEMBERSHIP),
    "clear of a meta": scripts.clear(META),
    "close of a membership": scripts.close(MEMBERSHIP, "closing:t", 1),
    "close of a meta": scripts.close(META, "closing:t", 1),
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_step_stays_in_one_slot(step: Command) -> None:
    """All keys of a script are in one slot, and errors name the first of them."""
    count = int(step.words[2])
    keys = step.words[3 : 3 + count]
    assert step.key == keys[0]
    assert len({key_slot(key.encode()) for key in keys}) == 1
    assert not [word for word in step.words[3 + count :] if "::" in word]


def test_a_step_names_its_script() -> None:
    """A step with the text of its script is the same step."""
    step = scripts.lease(META, "t", 1)
    in_full = scripts.with_text(step)
    assert in_full.words == ("EVAL", scripts.LEASE.text, *step.words[2:])
    assert in_full.key == step.key
