"""limits: each of its strategies on its storage for Redis, and the asynchronous one."""

import asyncio
from importlib.metadata import version

import pytest
from limits import parse, strategies
from limits.aio import strategies as aio_strategies
from limits.storage import storage_from_string
from servers import poll

PROGRAM = "limits"
VERSION = version("limits")
STRATEGIES = [
    strategies.FixedWindowRateLimiter,
    strategies.MovingWindowRateLimiter,
    strategies.SlidingWindowCounterRateLimiter,
]


@pytest.fixture(params=STRATEGIES, ids=lambda strategy: strategy.__name__)
def strategy(request):
    return request.param


def test_strategies(server, strategy):
    """Fixed window, moving window, sliding window counter: hit, test, cost, stats, clear, the window's end"""
    storage = storage_from_string(server.url)
    assert storage.check()
    limiter, hourly = strategy(storage), parse("5/hour")
    assert [limiter.hit(hourly, "user", "1") for _ in range(6)] == [True] * 5 + [False]
    assert not limiter.test(hourly, "user", "1") and limiter.test(hourly, "user", "2")
    assert limiter.get_window_stats(hourly, "user", "1").remaining == 0
    assert limiter.hit(hourly, "user", "2", cost=4) and not limiter.hit(hourly, "user", "2", cost=2)
    # A fixed window counts what it refuses, too.
    remaining = 0 if strategy is strategies.FixedWindowRateLimiter else 1
    assert limiter.get_window_stats(hourly, "user", "2").remaining == remaining
    limiter.clear(hourly, "user", "1")
    assert limiter.hit(hourly, "user", "1")
    brief = parse("1/second")
    assert limiter.hit(brief, "brief")
    poll(lambda: limiter.hit(brief, "brief"), "the window to end")
    storage.reset()
    with server.client(3) as client:
        assert client.keys("LIMITS*") == []


@pytest.mark.parametrize("name", [strategy.__name__ for strategy in STRATEGIES])
async def test_asynchronous(server, name):
    """The same strategies under asyncio: as many hits as the limit has, however many ask at once"""
    storage = storage_from_string(f"async+{server.url}", implementation="redispy")
    limiter, hourly = getattr(aio_strategies, name)(storage), parse("10/hour")
    hits = await asyncio.gather(*(limiter.hit(hourly, "user") for _ in range(40)))
    assert sum(hits) == 10
    assert (await limiter.get_window_stats(hourly, "user")).remaining == 0
    await storage.reset()
    assert await limiter.hit(hourly, "user")
