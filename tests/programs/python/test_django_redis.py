"""django-redis: Django's cache and its sessions."""

import threading
from importlib.metadata import version

import django
import pytest
from django.conf import settings
from servers import poll

PROGRAM = "django-redis"
VERSION = version("django-redis")

if not settings.configured:
    settings.configure(CACHES={}, SECRET_KEY="none", SESSION_ENGINE="django.contrib.sessions.backends.cache")
    django.setup()


@pytest.fixture
def cache(server):
    from django_redis.cache import RedisCache

    options = {"CLIENT_CLASS": "django_redis.client.DefaultClient"}
    cache = RedisCache(f"{server.url}/1", {"OPTIONS": options, "KEY_PREFIX": "app", "TIMEOUT": 600})
    yield cache
    cache.close()


def test_cache(cache, server):
    """The cache: any value, many at once, versions, counting, touching, timeouts, patterns"""
    assert cache.set("k", {"any": ["value", 1]})
    assert cache.get("k") == {"any": ["value", 1]}
    assert cache.add("k", 1) is False and cache.get("none", "default") == "default"
    cache.set_many({"a": 1, "b": 2, "c": None})
    assert cache.get_many(["a", "b", "c", "d"]) == {"a": 1, "b": 2, "c": None}
    assert cache.incr("a", 5) == 6 and cache.decr("a") == 5
    with pytest.raises(ValueError, match="not found"):
        cache.incr("none")
    cache.set("k", "second", version=2)
    assert cache.get("k", version=2) == "second" and cache.get("k") != "second"
    assert cache.incr_version("a") and cache.get("a", version=2) == 5
    assert cache.ttl("k") <= 600 and cache.ttl("none") == 0
    assert cache.persist("k") and cache.ttl("k") is None
    assert cache.expire("k", 60) and 0 < cache.ttl("k") <= 60
    assert cache.touch("k", 6000) and cache.ttl("k") > 60
    assert cache.get_or_set("lazy", lambda: "made") == "made" == cache.get("lazy")
    cache.set("brief", 1, timeout=0.03)
    poll(lambda: cache.get("brief") is None, "the timeout")
    assert sorted(cache.keys("*")) == ["b", "c", "k", "lazy"]
    assert set(cache.iter_keys("l*")) == {"lazy"}
    assert cache.delete_pattern("[bc]") == 2
    assert cache.delete("k") and not cache.has_key("k")
    with server.client(3) as client:
        client.select(1)
        assert set(client.keys("*")) == {b"app:1:lazy", b"app:2:k", b"app:2:a"}
    cache.clear()
    assert cache.keys("*") == []


def test_lock(cache):
    """Its lock, sets, hashes and sorted sets, and the raw client"""
    done = []

    def locked(number):
        with cache.lock("lock", timeout=600):
            cache.set("inside", cache.get("inside", 0) + 1)
            done.append(number)

    threads = [threading.Thread(target=locked, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.get("inside") == 4 and sorted(done) == [0, 1, 2, 3]
    assert cache.sadd("s", "a", ("b", 1)) == 2 and cache.smembers("s") == {"a", ("b", 1)}
    assert cache.hset("h", "field", [1]) == 1 and cache.hexists("h", "field") and cache.hlen("h") == 1
    assert cache.zadd("z", {"a": 2, "b": 1}) == 2 and cache.zrange("z", 0, -1) == ["b", "a"]
    raw = cache.client.get_client(write=True)
    assert raw.ping()


def test_sessions(cache, monkeypatch):
    """Django's sessions in the cache"""
    from django.contrib.sessions.backends import cache as sessions

    monkeypatch.setattr(sessions, "caches", {settings.SESSION_CACHE_ALIAS: cache})
    session = sessions.SessionStore()
    session["user"] = 7
    session.save()
    assert sessions.SessionStore(session.session_key)["user"] == 7
    key = session.session_key
    session.cycle_key()
    assert session.session_key != key and not sessions.SessionStore().exists(key)
    session.flush()
    assert cache.keys("*") == []
