"""MemoryCache and RedisCache, near or not, agree with the reference, whatever is done to them."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from layercache import LayerInfoCache, MemoryCache, RedisCache
from tests.agreement.machine import SideBySide
from tests.reference import ReferenceCache
from tests.servers import RedisServer


def test_all_caches_agree(redis_server: RedisServer) -> None:
    """Unguarded writes, bulk forms, leases and overlapping brackets have the same outcome on every cache."""

    async def make_caches() -> list[LayerInfoCache]:
        redis_server.ask("FLUSHALL")
        near = RedisCache(f"{redis_server.url}/1", near=100_000)
        return [ReferenceCache(), MemoryCache(), RedisCache(redis_server.url), near]

    class Machine(SideBySide):
        def __init__(self) -> None:
            super().__init__(make_caches)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
