"""aiocache on its backend for Redis."""

import asyncio
from importlib.metadata import version

import pytest
from aiocache import Cache, cached, multi_cached
from aiocache.lock import OptimisticLock, OptimisticLockError, RedLock
from aiocache.plugins import HitMissRatioPlugin
from aiocache.serializers import JsonSerializer, PickleSerializer

PROGRAM = "aiocache"
VERSION = version("aiocache")


async def gone(ask):
    """Waits until there is nothing left."""
    async with asyncio.timeout(20):
        while await ask() is not None:
            await asyncio.sleep(0.002)


async def test_cache(server):
    """Values, many at once, counting, TTLs, namespaces, raw commands; decorators"""
    async with Cache(Cache.REDIS, port=server.port, namespace="main", serializer=JsonSerializer()) as cache:
        assert await cache.set("k", {"a": [1]}) and await cache.get("k") == {"a": [1]}
        assert await cache.multi_set([("a", 1), ("b", 2)], ttl=600)
        assert await cache.multi_get(["a", "b", "none"]) == [1, 2, None]
        with pytest.raises(ValueError, match="already exists"):
            await cache.add("a", 3)
        assert await cache.exists("a") and await cache.delete("a") == 1
        assert await cache.increment("n", 5) == 5
        with pytest.raises(TypeError):
            await cache.increment("k")
        assert await cache.expire("k", 600)
        assert 0 < await cache.raw("ttl", "main:k") <= 600
        await cache.set("brief", 1, ttl=0.03)
        await gone(lambda: cache.get("brief"))
        await cache.set("other", 1, namespace="other")
        assert await cache.clear(namespace="main")
        assert await cache.get("other", namespace="other") == 1 and await cache.get("k") is None

    calls = []
    options = {"cache": Cache.REDIS, "port": server.port, "serializer": PickleSerializer()}

    @cached(ttl=600, key="call", plugins=[HitMissRatioPlugin()], **options)
    async def call():
        calls.append(1)
        return ("any", {"value"})

    @multi_cached("keys", ttl=600, **options)
    async def many(keys):
        calls.extend(keys)
        return {key: key.upper() for key in keys}

    assert [await call() for _ in range(3)] == [("any", {"value"})] * 3 and calls == [1]
    assert await many(keys=["a", "b"]) == {"a": "A", "b": "B"}
    assert await many(keys=["a", "b", "c"]) == {"a": "A", "b": "B", "c": "C"} and calls == [1, "a", "b", "c"]
    await call.cache.close()
    await many.cache.close()


async def test_locks(server):
    """RedLock against a stampede, OptimisticLock against a lost update"""
    async with Cache(Cache.REDIS, port=server.port, namespace="main") as cache:
        calls, begun = [], asyncio.Event()

        async def load():
            async with RedLock(cache, "key", lease=20):
                if (found := await cache.get("key")) is not None:
                    return found
                calls.append(1)
                begun.set()
                await cache.set("key", "loaded")
                return "loaded"

        # Who finds the lock taken waits for its holder, if that is past taking it: aiocache knows it only then.
        first = asyncio.create_task(load())
        await begun.wait()
        assert await asyncio.gather(first, *(load() for _ in range(9))) == ["loaded"] * 10 and calls == [1]
        async with OptimisticLock(cache, "key") as lock:
            assert await lock.cas("changed")
        with pytest.raises(OptimisticLockError):
            async with OptimisticLock(cache, "key") as lock:
                await cache.set("key", "by another")
                await lock.cas("lost")
        assert await cache.get("key") == "by another"
