"""The caching patterns on redis-py. Their twins on redis-rs are in tests/patterns.

What must still be there has a TTL far longer than the test; what must go has a short one and is waited for.
"""

import threading

import pytest
from database import Database
from patterns import CacheAside, Guarded, Negative, WriteThrough, key, lock
from servers import poll

LONG_MS = 600_000
SHORT_MS = 30
CALLERS = 24


@pytest.fixture
def database(tmp_path):
    database = Database(tmp_path / "users.sqlite")
    yield database
    database.close()


def test_cache_aside(connect, database):
    aside = CacheAside(connect(), database, LONG_MS)
    database.store(1, "Ada")
    assert [aside.read(1), aside.read(1)] == ["Ada", "Ada"]
    assert database.loads == 1
    assert [aside.read(2), aside.read(2)] == [None, None]
    assert database.loads == 3  # what is not there is asked for each time

    aside.write(1, "Augusta")
    assert aside.read(1) == "Augusta"
    database.store(1, "behind the cache")
    assert aside.read(1) == "Augusta"

    aside.write(1, "brief")
    aside.ttl_ms = SHORT_MS
    aside.read(1)
    database.store(1, "later")
    poll(lambda: aside.read(1) == "later", "the TTL to end")


def test_write_through(connect, database):
    through = WriteThrough(connect(), database, LONG_MS)
    through.write(1, "Grace")
    assert through.read(1) == "Grace"
    through.write(1, "Hopper")
    assert through.read(1) == "Hopper"
    assert database.loads == 0  # what was written is cached
    assert database.load(1) == "Hopper"  # and stored

    through.ttl_ms = SHORT_MS
    through.write(1, "brief")
    database.store(1, "later")
    poll(lambda: through.read(1) == "later", "the TTL to end")


def test_negative_caching(connect, database):
    negative = Negative(connect(), database, LONG_MS, LONG_MS)
    assert [negative.read(1), negative.read(1)] == [None, None]
    assert database.loads == 1  # that it is absent is cached
    negative.write(1, "Edsger")
    assert [negative.read(1), negative.read(1)] == ["Edsger", "Edsger"]
    assert database.loads == 2

    negative.ttl_absent_ms = SHORT_MS
    assert negative.read(2) is None
    database.store(2, "Barbara")
    poll(lambda: negative.read(2) == "Barbara", "the absence to end")
    loads = database.loads
    assert negative.read(2) == "Barbara"
    assert database.loads == loads  # what is there has the longer TTL


def test_stampede(connect, database):
    database.store(1, "hot")
    cache = connect()
    cache.set(key(1), "name:stale", px=SHORT_MS)
    poll(lambda: cache.get(key(1)) is None, "the hot key to expire")

    start = threading.Barrier(CALLERS)
    names = []

    def call(caller):
        start.wait()
        names.append(caller.read(1))

    callers = [Guarded(connect(), database, LONG_MS, LONG_MS) for _ in range(CALLERS)]
    threads = [threading.Thread(target=call, args=(caller,)) for caller in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names == ["hot"] * CALLERS
    assert database.loads == 1  # exactly one caller loads
    assert cache.get(lock(1)) is None  # and gives the lock back

    # A lock is released by its own token only.
    cache.set(lock(1), "another's", px=LONG_MS)
    assert not callers[0].release(1)
    assert cache.get(lock(1)) == b"another's"

    # A caller that died with the lock delays the others by the lock's TTL, no more.
    cache.delete(key(1))
    cache.set(lock(1), "a dead caller's", px=SHORT_MS)
    assert callers[0].read(1) == "hot"
    assert database.loads == 2
