"""cashews on its backend for Redis."""

import asyncio
from importlib.metadata import version

import pytest
from cashews import Cache, LockedError, RateLimitError

PROGRAM = "cashews"
VERSION = version("cashews")


def connected(server, **options):
    cache = Cache()
    cache.setup(server.url, suppress=False, secret="secret", **options)
    return cache


async def test_cache(server):
    """Its own interface: values, many at once, patterns, counting, TTLs, locks, transactions"""
    cache = connected(server)
    assert await cache.set("k", {"a": (1, 2)}, expire="10m") and await cache.get("k") == {"a": (1, 2)}
    assert not await cache.set("k", 1, exist=False) and 0 < await cache.get_expire("k") <= 600
    await cache.set_many({"p:1": 1, "p:2": 2})
    assert await cache.get_many("p:1", "none", "p:2") == (1, None, 2)
    assert {pair async for pair in cache.get_match("p:*")} == {("p:1", 1), ("p:2", 2)}
    assert {key async for key in cache.scan("p:*")} == {"p:1", "p:2"}
    assert [await cache.incr("n"), await cache.incr("n")] == [1, 2]
    assert await cache.get_or_set("lazy", lambda: "made", expire="1h") == "made"
    await cache.delete_match("p:*")
    assert await cache.get_many("p:1", "p:2") == (None, None)
    assert await cache.set_lock("lock", "mine", expire=600) and await cache.is_locked("lock")
    assert not await cache.set_lock("lock", "theirs", expire=600)
    assert not await cache.unlock("lock", "theirs") and await cache.unlock("lock", "mine")
    assert await cache.get_keys_count() == 3
    async with cache.transaction() as transaction:
        await cache.set("in", "transaction")
        await transaction.rollback()
    assert await cache.get("in") is None
    async with cache.transaction():
        await cache.set("in", "transaction")
    assert await cache.get("in") == "transaction"
    await cache.clear()
    assert await cache.get_keys_count() == 0
    await cache.close()


async def test_strategies(server):
    """Strategies: simple, fail-over, hit, early, soft, locked, rate limit, sliding rate limit, tags, bloom filter"""
    cache = connected(server)
    calls = []

    @cache(ttl="10m", key="simple:{number}", tags=["numbers"])
    async def simple(number):
        calls.append(number)
        return number * 2

    assert [await simple(2) for _ in range(3)] == [4] * 3 and calls == [2]
    await cache.delete_tags("numbers")
    assert await simple(2) == 4 and calls == [2, 2]

    working = True

    @cache.failover(ttl="10m", exceptions=(ValueError,), key="failover")
    async def shaky():
        if not working:
            raise ValueError
        return "result"

    assert await shaky() == "result"
    working = False
    assert await shaky() == "result"

    @cache.hit(ttl="10m", cache_hits=3, key="hit")
    async def hit():
        calls.append("hit")
        return len(calls)

    assert len({await hit() for _ in range(4)}) == 1

    @cache.locked(key="locked", ttl="10m", wait=False)
    async def alone():
        await released.wait()
        return "alone"

    released = asyncio.Event()
    first = asyncio.create_task(alone())
    while not await cache.is_locked("locked:locked") and not await held(server):
        await asyncio.sleep(0.002)
    with pytest.raises(LockedError):
        await alone()
    released.set()
    assert await first == "alone"

    @cache.rate_limit(limit=3, period="10m", key="rate")
    async def limited():
        return True

    @cache.slice_rate_limit(limit=3, period="10m", key="slice")
    async def sliced():
        return True

    for function in (limited, sliced):
        assert [await function() for _ in range(3)] == [True] * 3
        with pytest.raises(RateLimitError):
            await function()

    @cache.bloom(capacity=1000, false_positives=1, name="name:{name}")
    async def known(name):
        return name == "known"

    await known.set("known")
    assert await known("known") and not await known("unknown")
    await cache.close()


async def held(server):
    with server.client(3) as client:
        return bool(client.keys("*locked*"))


async def test_client_side(server):
    """Client-side caching: served from memory, dropped when another process writes"""
    # It has its invalidations redirected to a channel, which is RESP2's way.
    near, other = (connected(server, client_side=True, protocol=2) for _ in range(2))
    try:
        await near.set("k", "old", expire=600)
        assert await other.get("k") == "old"
        await near.set("k", "new", expire=600)
        async with asyncio.timeout(20):
            while await other.get("k") != "new":
                await asyncio.sleep(0.002)
    finally:
        await near.close()
        await other.close()
