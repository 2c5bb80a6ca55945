"""Fixtures and options of all tests; a test of a Redis runs against each server of this machine."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest
import uvloop
from hypothesis import settings

from layercache.context.timers import Timers
from tests.connection_events import ConnectionEvents
from tests.eager import make_eager
from tests.servers import RedisServer, find_servers, running, which

LoopFactory = Callable[[], asyncio.AbstractEventLoop]

SERVERS = find_servers()
EVERY_LOOP = "every_loop"
PROGRAMS = "programs"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that run the whole suite on another loop, or with eager tasks."""
    parser.addoption("--uvloop", action="store_true", help="run every test on uvloop")
    parser.addoption(
        "--eager-tasks", action="store_true", help="run each task until it first waits when it is made (3.12)"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register our markers, and switch off the deadline of hypothesis, which a busy machine exceeds."""
    settings.register_profile("any machine", deadline=None)
    settings.load_profile("any machine")
    config.addinivalue_line("markers", f"{EVERY_LOOP}: run on asyncio's loop and on uvloop")
    config.addinivalue_line("markers", f"{PROGRAMS}(*names): needs these programs of Debian's")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect, with a message, the tests whose programs are not installed; .ci/run installs all of them."""
    for item in list(items):
        needed = [name for marker in item.iter_markers(PROGRAMS) for name in marker.args]
        missing = [name for name in needed if which(name) is None]
        if missing:
            items.remove(item)
            config.hook.pytest_deselected(items=[item])
            reporter = config.pluginmanager.get_plugin("terminalreporter")
            assert reporter is not None
            reporter.write_line(f"deselected {item.nodeid}: not installed: {', '.join(missing)}")


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, LoopFactory]:
    """Return the loops that a test runs on."""
    factories: dict[str, LoopFactory] = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    if config.getoption("uvloop"):
        del factories["asyncio"]
    elif item.get_closest_marker(EVERY_LOOP) is None:
        del factories["uvloop"]
    if config.getoption("eager_tasks"):
        return {name: partial(_eager_loop, factory) for name, factory in factories.items()}
    return factories


def _eager_loop(factory: LoopFactory) -> asyncio.AbstractEventLoop:
    loop = factory()
    make_eager(loop)
    return loop


@pytest.fixture
async def nothing_is_left() -> AsyncIterator[None]:
    """Check that a test leaves no task, no timer and no connection."""
    before = len(sockets("unix"))
    yield
    await asyncio.sleep(0)  # a closed transport closes its socket one turn later
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert timers() == []
    assert sockets("tcp") == []
    assert len(sockets("unix")) <= before, "each loop has some, and uvloop replaces them"


def sockets(kind: str) -> list[object]:
    """All sockets of that *kind* that this process has open."""
    return list(psutil.Process().net_connections(kind))


def timers() -> list[str]:
    """The timers of the loop, if it shows them, but for one that ends by itself within 10 ms."""
    scheduled: list[asyncio.TimerHandle] = getattr(asyncio.get_running_loop(), "_scheduled", [])
    live = [repr(handle) for handle in scheduled if not handle.cancelled()]
    return [handle for handle in live if Timers._sort.__qualname__ not in handle]


@pytest.fixture(scope="session", params=list(SERVERS.values()), ids=list(SERVERS))
def redis_program(request: pytest.FixtureRequest) -> Path:
    """Each redis-server of this machine."""
    program: Path = request.param
    return program


@pytest.fixture
def redis_directory() -> Iterator[Path]:
    """A directory for a server's data; its name is short, as a unix socket's must be."""
    with TemporaryDirectory(prefix="redis-") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def _shared_server(redis_program: Path) -> Iterator[RedisServer]:
    with TemporaryDirectory(prefix="redis-") as name, running(redis_program, Path(name)) as server:
        yield server


@pytest.fixture
def redis_server(_shared_server: RedisServer) -> RedisServer:
    """An empty server that many tests share, and that none may reconfigure or kill."""
    _shared_server.ask("FLUSHALL")
    return _shared_server


@pytest.fixture
def own_server(redis_program: Path, redis_directory: Path) -> Iterator[RedisServer]:
    """A server that belongs to one test, which may kill it."""
    with running(redis_program, redis_directory) as server:
        yield server


@pytest.fixture
def events() -> ConnectionEvents:
    """The events of a link that a test makes with `on_state=events`."""
    return ConnectionEvents()
