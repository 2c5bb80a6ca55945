"""Context keeps the rules of Go's package `context`."""

import asyncio
import math
import time

import pytest

from layercache.context import background
from layercache.errors import CanceledError, DeadlineExceededError, InvalidArgumentError


class WhyError(Exception):
    """A cause."""


def test_the_root_has_no_deadline_and_never_ends() -> None:
    """`background()` has no deadline, no error, no cause and no values."""
    root = background()
    assert (root.deadline, root.err(), root.cause(), root.value("key")) == (None, None, None, None)
    root.check()
    assert repr(root) == "<Context background>"


async def test_a_child_never_outlives_its_parent() -> None:
    """A child's deadline is the earlier of its own and its parent's."""
    with background().with_deadline(100.0) as parent:
        assert parent.with_deadline(200.0).deadline == 100.0
        assert parent.with_deadline(50.0).deadline == 50.0
        assert parent.with_cancel().deadline == 100.0
        assert parent.with_value("key", 1).deadline == 100.0


async def test_a_timeout_counts_from_now_on_the_loops_clock() -> None:
    """`with_timeout(1)` ends a second after `loop.time()`."""
    before = asyncio.get_running_loop().time()
    deadline = background().with_timeout(1).deadline
    assert deadline is not None
    assert before + 1 <= deadline <= asyncio.get_running_loop().time() + 1


async def test_an_infinite_timeout_is_none() -> None:
    """A timeout of infinity adds no deadline."""
    assert background().with_timeout(math.inf).deadline is None


@pytest.mark.parametrize("derive", ["with_timeout", "with_deadline"])
async def test_not_a_number_is_refused(derive: str) -> None:
    """A deadline of NaN is an invalid argument."""
    with pytest.raises(InvalidArgumentError):
        getattr(background(), derive)(math.nan)


async def test_a_timeout_of_zero_has_passed() -> None:
    """A timeout of 0 has expired at once, without a turn of the loop."""
    ctx = background().with_timeout(0)
    with pytest.raises(DeadlineExceededError):
        ctx.check()
    with pytest.raises(TimeoutError):
        ctx.check()


def test_cancelling_needs_no_loop() -> None:
    """A context may be made and cancelled while no loop runs."""
    ctx = background().with_cancel()
    ctx.cancel()
    assert isinstance(ctx.err(), CanceledError)


async def test_cancelling_goes_down_and_never_up() -> None:
    """Cancelling a context cancels its children, and not its parent or siblings."""
    parent = background().with_cancel()
    child, sibling = parent.with_cancel(), parent.with_cancel()
    grandchild = child.with_value("key", 1).with_timeout(60)
    child.cancel()
    assert isinstance(grandchild.err(), CanceledError)
    assert parent.err() is None
    assert sibling.err() is None


async def test_the_cause_is_kept() -> None:
    """`cause()` and the `__cause__` of the error are what `cancel` was given, also for children."""
    why = WhyError()
    parent = background().with_cancel()
    child = parent.with_timeout(60)
    parent.cancel(why)
    assert child.cause() is why
    error = child.err()
    assert error is not None
    assert error.__cause__ is why


async def test_without_a_cause_the_error_is_the_cause() -> None:
    """`cause()` of a context that was cancelled without a cause, or has expired, is its error."""
    assert isinstance(background().with_timeout(0).cause(), DeadlineExceededError)
    ctx = background().with_cancel()
    ctx.cancel()
    assert isinstance(ctx.cause(), CanceledError)


async def test_every_error_is_a_new_one() -> None:
    """Two callers never get the same exception, which would collect both tracebacks."""
    ctx = background().with_timeout(0)
    assert ctx.err() is not ctx.err()


async def test_without_cancel_keeps_values_only() -> None:
    """`without_cancel` keeps the values, and drops deadline and cancellation."""
    parent = background().with_value("key", 1).with_timeout(0)
    rest = parent.without_cancel()
    assert (rest.deadline, rest.err(), rest.value("key")) == (None, None, 1)
    assert rest.with_timeout(60).err() is None


def test_the_nearest_value_wins() -> None:
    """`value` returns the value of the nearest context above, or else the default."""
    ctx = background().with_value("a", 1).with_value("b", 2).with_cancel().with_value("a", 3)
    assert ctx.value("a") == 3
    assert ctx.value("b") == 2
    assert ctx.value("c") is None
    assert ctx.value("c", "default") == "default"


def test_keys_compare_by_equality() -> None:
    """A value is found by any key that is equal to its own."""
    key, other = (("a", number) for number in (0, 0))  # As constants they would be one object.
    assert key is not other
    assert background().with_value(key, 1).value(other) == 1


def test_a_value_of_none_is_a_value() -> None:
    """A key whose value is None is not missing."""
    assert background().with_value("a", None).value("a", "default") is None


async def test_a_with_cancels_its_context() -> None:
    """Leaving the `with` cancels the context, unless it had ended before."""
    with background().with_timeout(60) as ctx:
        assert ctx.err() is None
    assert isinstance(ctx.err(), CanceledError)
    with background().with_timeout(0) as expired:
        pass
    assert isinstance(expired.err(), DeadlineExceededError)


async def test_repr() -> None:
    """`repr` shows whether the context is open, when it ends, or why it ended."""
    ctx = background().with_cancel()
    assert repr(ctx) == "<Context open>"
    assert repr(ctx.with_value("key", 1)) == "<Context open with 'key'>"
    assert "ends in 59.9" in repr(ctx.with_timeout(59.999)) or "ends in 60.0" in repr(ctx.with_timeout(60))
    ctx.cancel()
    assert repr(ctx) == "<Context canceled>"
    assert repr(background().with_timeout(0)) == "<Context deadline exceeded>"


def test_the_clock_outside_a_loop_is_the_loops_clock() -> None:
    """A timeout that begins before the loop runs is counted on the clock that loops use."""
    ctx = background().with_timeout(60)
    assert ctx.deadline is not None
    assert 59 < ctx.deadline - time.monotonic() <= 60
