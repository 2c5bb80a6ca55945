"""What a report says of a violation."""

from tests.coherence.faults import Fault
from tests.coherence.histories import History
from tests.coherence.history import Kind, Outcome
from tests.coherence.report import Report, story
from tests.coherence.settings import Settings

MS = 1_000_000


def test_story() -> None:
    """A story has a line for each operation and each fault of its time, in order, and the evidence."""
    history = History()
    history.unlink(30 * MS, 40 * MS, link=35 * MS)
    history.ask(41 * MS, 50 * MS, Outcome.YES)
    history.ask(60 * MS, 70 * MS, Outcome.YES, Kind.RECALL)
    violation = history.found(100 * MS)[0]
    faults = [Fault("flush", 32 * MS, 33 * MS), Fault("crash", 51 * MS, 52 * MS)]
    _, title, *lines, evidence = story(violation, faults)
    assert title.startswith("stale yes: team/app-0, layer 0 (sha256:")
    assert [line.split()[3:] for line in lines] == [
        ["one", "push", "team/app-0", "done,", "blob", "at", "0.000,", "link", "at", "0.000"],
        ["one", "unlink", "team/app-0", "done,", "link", "at", "35.000"],
        ["(flush)"],
        ["one", "stat", "team/app-0", "yes", "<-"],
    ]
    assert evidence.endswith("the unlink at 40.000.")


def test_story_of_a_blob() -> None:
    """A story of a blob is of no repository, and names a push once."""
    history = History()
    history.ask(30 * MS, 40 * MS, Outcome.NO, Kind.META)
    [violation] = history.found(100 * MS)
    _, title, *_, evidence = story(violation, [])
    assert title.startswith("stale no: everywhere, layer 0")
    assert evidence.count("push") == 1


def test_story_of_a_register() -> None:
    """A story of a register tells which writing each look has seen."""
    history = History(max_staleness=1_000 * MS)
    history.mark(30 * MS, 40 * MS)
    history.mark(50 * MS, 60 * MS)
    history.witness(60 * MS, 61 * MS)
    history.look(62 * MS, 63 * MS, 30 * MS)
    _, title, *lines, evidence = story(history.found(100 * MS)[0], [])
    assert title == "stale version: register 0"
    assert [line.split()[3:] for line in lines] == [
        ["one", "mark", "register", "0", "done"],
        ["one", "mark", "register", "0", "done"],
        ["two", "look", "register", "0", "yes,", "what", "was", "marked", "at", "0.000", "<-"],
    ]
    assert evidence.endswith("the mark at 30.000.")


def test_clean() -> None:
    """A run is clean if answers were judged, all of them, and none was wrong."""
    report = Report(Settings(1.0), 0)
    assert not report.is_clean
    report.judged = 1
    assert report.is_clean
    report.unjudged = 1
    assert not report.is_clean
    report.unjudged = 0
    history = History()
    history.ask(30, 40, Outcome.NO)
    report.blame(history.found(), 100)
    assert not report.is_clean
    assert report.caught is None
