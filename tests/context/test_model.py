"""Context compared with a model of Go's rules, driven by hypothesis."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from layercache.context import CancelableContext, Context, background
from layercache.context.timers import GRAIN
from layercache.errors import CanceledError, DeadlineExceededError
from tests.context.manual import ManualLoop, turns

T = TypeVar("T")


class Node:
    """The model of one context: it ends with the first cause on its chain."""

    def __init__(
        self, ctx: Context, upper: "Node | None", deadline: float | None, values: dict[int, int]
    ) -> None:
        self.ctx, self.upper, self.deadline, self.values = ctx, upper, deadline, values
        self.cancelled: tuple[float, Exception | None] | None = None
        self.futures: list[tuple[asyncio.Future[None], float]] = []  # And when each was bound.
        self.runs: list[int] = []
        self.registered = 0

    def end(self, now: float) -> tuple[float, type[Exception], Exception | None] | None:
        """When, how and why it ended by *now*: the earliest cause on the chain."""
        causes: list[tuple[float, type[Exception], Exception | None]] = []
        node: Node | None = self
        while node is not None:
            if node.cancelled is not None:
                causes.append((node.cancelled[0], CanceledError, node.cancelled[1]))
            if node.deadline is not None and node.deadline <= now:
                causes.append((node.deadline, DeadlineExceededError, None))
            node = node.upper
        return min(causes, key=lambda cause: cause[0], default=None)


class Contexts(RuleBasedStateMachine):
    """Trees of contexts on a manual clock; no two events have the same time."""

    nodes: Bundle[Node] = Bundle("nodes")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=ManualLoop)
        loop = self.runner.get_loop()
        assert isinstance(loop, ManualLoop)
        self.loop = loop
        self.all: list[Node] = []
        self.ticks = 0

    def on_loop(self, function: Callable[[], T]) -> T:
        async def main() -> T:
            result = function()
            await turns(2)
            return result

        return self.runner.run(main())

    def keep(self, node: Node) -> Node:
        self.all.append(node)
        return node

    @rule(target=nodes)
    def root(self) -> Node:
        return self.keep(Node(background(), None, None, {}))

    @rule(target=nodes, upper=nodes, seconds=st.integers(0, 50))
    def with_timeout(self, upper: Node, seconds: int) -> Node:
        self.ticks += 1
        when = self.loop.time() + seconds + self.ticks * 1e-6
        return self.keep(Node(self.on_loop(lambda: upper.ctx.with_deadline(when)), upper, when, upper.values))

    @rule(target=nodes, upper=nodes)
    def with_cancel(self, upper: Node) -> Node:
        return self.keep(Node(self.on_loop(upper.ctx.with_cancel), upper, None, upper.values))

    @rule(target=nodes, upper=nodes, key=st.integers(0, 2), value=st.integers())
    def with_value(self, upper: Node, key: int, value: int) -> Node:
        return self.keep(Node(upper.ctx.with_value(key, value), upper, None, {**upper.values, key: value}))

    @rule(target=nodes, upper=nodes)
    def without_cancel(self, upper: Node) -> Node:
        return self.keep(Node(upper.ctx.without_cancel(), None, None, upper.values))

    @rule(node=nodes)
    def cancel(self, node: Node) -> None:
        if isinstance(node.ctx, CancelableContext):
            ctx, why = node.ctx, Exception()
            self.on_loop(lambda: ctx.cancel(why))
            if node.cancelled is None:
                node.cancelled = self.loop.time(), why
        self.pass_time(1)

    @rule(node=nodes)
    def leave(self, node: Node) -> None:
        """Leave the `with` block of the context."""
        if isinstance(node.ctx, CancelableContext):
            ctx = node.ctx
            self.on_loop(lambda: ctx.__exit__(None, None, None))
            if node.cancelled is None:
                node.cancelled = self.loop.time(), None
        self.pass_time(1)

    @rule(node=nodes)
    def bind(self, node: Node) -> None:
        def bind() -> None:
            future = self.loop.create_future()
            node.ctx.bind(future)
            node.futures.append((future, self.loop.time()))

        self.on_loop(bind)

    @rule(node=nodes)
    def after_func(self, node: Node) -> None:
        node.registered += 1
        self.on_loop(lambda: node.ctx.after_func(lambda: node.runs.append(1)))

    @rule(node=nodes)
    def forget_waiters(self, node: Node) -> None:
        for future, _ in node.futures:
            future.cancel()
        node.futures.clear()

    @rule(seconds=st.integers(1, 20))
    def pass_time(self, seconds: int) -> None:
        self.runner.run(self.loop.advance(seconds))

    @rule(node=nodes)
    def ask(self, node: Node) -> None:
        """Ask only now and then, for to ask a context lets it, and those below it, notice its end."""

        async def look() -> tuple[Exception | None, BaseException | None]:
            return node.ctx.err(), node.ctx.cause()

        (error, cause), end = self.runner.run(look()), node.end(self.loop.time())
        assert type(error) is (type(None) if end is None else end[1])
        if end is not None and end[2] is not None:
            assert cause is end[2]

    @invariant()
    def holds(self) -> None:
        for node in self.all:
            self.holds_for(node, self.loop.time())

    def holds_for(self, node: Node, now: float) -> None:
        chain = []
        upper: Node | None = node
        while upper is not None:
            chain.append(upper.deadline)
            upper = upper.upper
        assert node.ctx.deadline == min((when for when in chain if when is not None), default=None)
        assert {key: node.ctx.value(key) for key in range(3)} == {
            key: node.values.get(key) for key in range(3)
        }
        end, due = node.end(now), node.end(now - GRAIN)
        for future, bound in node.futures:
            is_due = due is not None and bound <= now - GRAIN
            assert future.done() or not is_due
            assert end is not None or not future.done()
            if end is not None and future.done():
                assert type(future.exception()) is end[1]
        assert len(node.runs) == (
            0 if end is None else node.registered if due is not None else len(node.runs)
        )

    def teardown(self) -> None:
        for node in self.all:
            self.ask(node)
            self.forget_waiters(node)
        self.runner.close()


TestContexts = Contexts.TestCase
TestContexts.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
