"""The logs: what a process wrote is there, whole, while it writes and after it was killed."""

from pathlib import Path

from tests.coherence.history import EVERYWHERE, Kind, Log, LogReader, Operation, Outcome, Span, now

BEGUN = Operation(Kind.SWEEP, Outcome.BEGUN, EVERYWHERE, 15, 1, now(), 0, worker="name")
ENDED = BEGUN._replace(outcome=Outcome.DONE, end=now(), version=2**63).touched(
    Span(now(), now()), Span(1, 2**63)
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Each operation is read as it was written, once, in its order."""
    path = tmp_path / "log"
    log, reader = Log(path), LogReader(path, "name")
    log.write(BEGUN)
    assert list(reader.read()) == [BEGUN]
    log.write(ENDED, BEGUN)
    assert list(reader.read()) == [ENDED, BEGUN]
    assert list(reader.read()) == []
    log.close()


def test_a_log_that_is_not_there(tmp_path: Path) -> None:
    """A process that has not got so far as to make its log has written nothing."""
    assert list(LogReader(tmp_path / "log", "name").read()) == []


def test_half_a_record(tmp_path: Path) -> None:
    """A record of which a part is there is read when it is whole."""
    path, whole = tmp_path / "log", tmp_path / "whole"
    log, reader = Log(whole), LogReader(path, "name")
    log.write(BEGUN)
    log.close()
    content = whole.read_bytes()
    path.write_bytes(content + content[:10])
    assert list(reader.read()) == [BEGUN]
    path.write_bytes(content + content)
    assert list(reader.read()) == [BEGUN]
