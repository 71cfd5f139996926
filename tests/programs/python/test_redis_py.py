"""redis-py, as its documentation shows it: the client, its pipelines, locks, messages, retries and asyncio twin."""

import asyncio
import threading

import pytest
import redis
import redis.asyncio
import redis.cache
from redis.backoff import ConstantBackoff, NoBackoff
from redis.exceptions import LockError, LockNotOwnedError, WatchError
from redis.retry import Retry
from servers import Server, poll

PROGRAM = "redis-py"
VERSION = redis.__version__


@pytest.fixture(params=[2, 3], ids=["RESP2", "RESP3"])
def protocol(request):
    return request.param


@pytest.fixture
def client(server, protocol):
    with redis.Redis.from_url(server.url, protocol=protocol, decode_responses=True) as client:
        yield client


@pytest.fixture
def other(server, protocol):
    """One with connections of its own."""
    with redis.Redis.from_url(server.url, protocol=protocol, decode_responses=True) as client:
        yield client


def test_pool(client):
    """Connection pool, CLIENT SETINFO and SETNAME, single-connection client, URL with a database"""
    options = client.connection_pool.connection_kwargs
    with redis.Redis(port=options["port"], db=3, client_name="hello", protocol=options["protocol"]) as named:
        assert named.ping()
        [mine] = [seen for seen in client.client_list() if seen["name"] == "hello"]
        assert (mine["db"], mine["lib-name"], mine["lib-ver"]) == ("3", "redis-py", VERSION)
        assert mine["resp"] == str(options["protocol"])
        named.set("here", 1)
        assert client.get("here") is None
    with client.client() as alone:
        assert alone.client_id() == alone.client_id()
    threads = [threading.Thread(target=lambda: [client.incr("hits") for _ in range(50)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.get("hits") == "400"


def test_pipeline(client):
    """Pipelines, with and without MULTI; an error in the middle"""
    with client.pipeline(transaction=False) as pipe:
        pipe.set("a", 1).incr("a").lpush("a", "x").get("a")
        answers = pipe.execute(raise_on_error=False)
    assert answers[:2] == [True, 2] and answers[3] == "2"
    assert isinstance(answers[2], redis.ResponseError) and str(answers[2]).startswith("WRONGTYPE")
    with client.pipeline() as pipe:
        pipe.hset("h", mapping={"x": 1, "y": 2}).hgetall("h").zadd("z", {"m": 1.5}).zscore("z", "m")
        assert pipe.execute() == [2, {"x": "1", "y": "2"}, 1, 1.5]
    with client.pipeline() as pipe:
        pipe.set("never", 1).execute_command("SET", "never")
        with pytest.raises(redis.ResponseError, match="wrong number of arguments"):
            pipe.execute()
    assert client.exists("never") == 0


def test_watch(client, other):
    """WATCH: a pipeline that loses the race fails, `transaction` tries again"""
    client.set("balance", 10)
    with client.pipeline() as pipe:
        pipe.watch("balance")
        balance = int(pipe.get("balance"))
        other.incr("balance")
        pipe.multi()
        pipe.set("balance", balance + 100)
        with pytest.raises(WatchError):
            pipe.execute()
    assert client.get("balance") == "11"

    attempts = []

    def double(pipe):
        balance = int(pipe.get("balance"))
        if not attempts:
            other.incr("balance")
        attempts.append(balance)
        pipe.multi()
        pipe.set("balance", balance * 2)
        pipe.get("balance")

    assert client.transaction(double, "balance") == [True, "24"]
    assert attempts == [11, 12]


def test_lock(client):
    """Lock: taken once, extended, reacquired, released by its owner alone, gone after its timeout"""
    lock = client.lock("lock", timeout=600)
    assert lock.acquire(blocking=False)
    rival = client.lock("lock", timeout=600, blocking=False)
    assert not rival.acquire() and lock.locked() and lock.owned() and not rival.owned()
    with pytest.raises(LockError):
        rival.release()
    assert lock.extend(600)
    assert 600 < client.ttl("lock") <= 1200
    assert lock.reacquire()
    assert 0 < client.ttl("lock") <= 600
    lock.release()
    assert client.exists("lock") == 0

    brief = client.lock("lock", timeout=0.05)
    assert brief.acquire()
    with client.lock("lock", timeout=600, sleep=0.005, blocking_timeout=20) as won:
        assert won.owned()
        with pytest.raises(LockNotOwnedError):
            brief.release()

    total, threads = [], []
    for _ in range(4):
        threads.append(threading.Thread(target=count, args=(client, total)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert client.get("counted") == "20" and len(total) == 4


def count(client, total):
    for _ in range(5):
        with client.lock("counting", timeout=600, sleep=0.002):
            client.set("counted", int(client.get("counted") or 0) + 1)
    total.append(1)


def test_messages(client):
    """Messages: subscribe, patterns, handlers in a thread, keyspace notifications, shard channels"""
    with client.pubsub() as listener:
        listener.subscribe("news")
        listener.psubscribe("w*")
        assert [listener.get_message(timeout=20)["type"] for _ in "12"] == ["subscribe", "psubscribe"]
        assert client.publish("news", "one") == 1
        assert client.publish("weather", "sun") == 1
        assert listener.get_message(timeout=20) == {
            "type": "message",
            "pattern": None,
            "channel": "news",
            "data": "one",
        }
        assert listener.get_message(timeout=20)["pattern"] == "w*"
        listener.unsubscribe()
        listener.punsubscribe()
        assert [listener.get_message(timeout=20)["data"] for _ in "12"] == [1, 0]
        assert not listener.subscribed

    heard = []
    listener = client.pubsub()
    listener.subscribe(**{"handled": lambda message: heard.append(message["data"])})
    thread = listener.run_in_thread(sleep_time=0.01)
    poll(lambda: client.publish("handled", "x"), "the thread to subscribe")
    poll(lambda: heard, "the handler to be called")
    thread.stop()
    thread.join()
    assert heard[0] == "x"

    client.config_set("notify-keyspace-events", "Kgx")
    with client.pubsub(ignore_subscribe_messages=True) as listener:
        listener.psubscribe("__keyspace@0__:*")
        poll(lambda: client.pubsub_numpat() == 1, "the subscription")
        client.set("brief", 1, px=5)
        events = []
        poll(lambda: events.append(listener.get_message(timeout=1)) or said("expired") in events, "the expiry")
        assert said("expire") in events

    with client.pubsub() as listener:
        listener.ssubscribe("shard")
        assert listener.get_sharded_message(timeout=20)["type"] == "ssubscribe"
        assert client.spublish("shard", "s") == 1
        assert listener.get_sharded_message(timeout=20)["data"] == "s"


def said(event):
    return {"type": "pmessage", "pattern": "__keyspace@0__:*", "channel": "__keyspace@0__:brief", "data": event}


def test_scripts(client):
    """Registered scripts: loaded when missing, also in a pipeline; functions"""
    script = client.register_script("return {KEYS[1], ARGV[1], redis.call('INCRBY', KEYS[1], ARGV[1])}")
    assert script(keys=["n"], args=[2]) == ["n", "2", 2]
    client.script_flush()
    assert client.script_exists(script.sha) == [False]
    with client.pipeline() as pipe:
        script(keys=["n"], args=[3], client=pipe)
        script(keys=["n"], args=[4], client=pipe)
        assert [answer[2] for answer in pipe.execute()] == [5, 9]
    client.function_load(
        "#!lua name=mine\nredis.register_function('twice', function(k, a) return a[1] * 2 end)", replace=True
    )
    assert client.fcall("twice", 0, 21) == 42
    assert client.function_delete("mine")


def test_retries(client):
    """A connection that was killed is made again, and the command retried; without retries it fails"""
    port = client.connection_pool.connection_kwargs["port"]
    with redis.Redis(port=port, single_connection_client=True, retry=Retry(ConstantBackoff(0.01), 5)) as stubborn:
        first = stubborn.client_id()
        assert client.client_kill_filter(_id=first) == 1
        assert stubborn.ping() and stubborn.client_id() != first
    heard = []
    with redis.Redis(port=port, single_connection_client=True, retry=Retry(NoBackoff(), 0)) as brittle:
        first = brittle.client_id()
        assert client.client_kill_filter(_id=first) == 1
        with pytest.raises(redis.ConnectionError):
            heard.append(brittle.execute_command("INCR", "n"))
        assert brittle.incr("n") == 1 and not heard
    with client.pubsub() as listener:
        listener.subscribe("again")
        assert listener.get_message(timeout=20)["type"] == "subscribe"
        client.client_kill_filter(_type="pubsub")
        with pytest.raises(redis.ConnectionError):
            poll(lambda: listener.get_message(timeout=0.1), "the loss to be noticed")
        # It connects anew and subscribes to what it had.
        poll(lambda: listener.get_message(timeout=0.1), "the second subscription")
        assert client.publish("again", "still here") == 1
        poll(lambda: (listener.get_message(timeout=0.1) or {}).get("data") == "still here", "the message")


def test_scanning(client, other):
    """SCAN, HSCAN, SSCAN and ZSCAN iterators; MONITOR; blocking pops; streams with a group"""
    for number in range(500):
        client.set(f"k:{number}", number)
    assert set(client.scan_iter("k:*", count=50)) == {f"k:{number}" for number in range(500)}
    client.hset("h", mapping={str(number): number for number in range(300)})
    assert dict(client.hscan_iter("h")) == {str(number): str(number) for number in range(300)}
    client.zadd("z", {"a": 1, "b": 2})
    assert sorted(client.zscan_iter("z")) == [("a", 1.0), ("b", 2.0)]
    client.sadd("s", *range(300))
    assert len(set(client.sscan_iter("s"))) == 300

    with other.monitor() as monitor:
        client.set("seen", "by monitor")
        assert monitor.next_command()["command"] == "SET seen by monitor"
    timer = threading.Thread(target=lambda: other.rpush("queue", "job"))
    timer.start()
    assert client.blpop(["empty", "queue"], timeout=4) == popped(client, "queue", "job")
    timer.join()

    client.xgroup_create("stream", "group", mkstream=True)
    first = client.xadd("stream", {"n": 1})
    answer = client.xreadgroup("group", "me", {"stream": ">"}, count=1)
    assert first in str(answer)
    assert client.xpending("stream", "group")["pending"] == 1
    claimed = client.xautoclaim("stream", "group", "you", min_idle_time=0)
    assert claimed[1] == [(first, {"n": "1"})]
    assert client.xack("stream", "group", first) == 1


def popped(client, *what):
    """RESP2 brings a tuple of what RESP3 brings as a list."""
    return list(what) if client.get_connection_kwargs()["protocol"] == 3 else what


def test_introspection(client):
    """INFO, CONFIG, COMMAND, MEMORY USAGE, SLOWLOG, CLIENT and OBJECT as redis-py parses them"""
    info = client.info()
    assert (info["role"], info["connected_slaves"]) == ("master", 0)
    assert isinstance(info["uptime_in_seconds"], int) and isinstance(info["mem_fragmentation_ratio"], float)
    assert client.config_get("maxmemory*")["maxmemory-policy"] == "noeviction"
    assert client.command_count() > 200
    assert client.command()["get"]["arity"] == 2
    client.set("k", "v" * 1000)
    assert client.memory_usage("k") > 1000
    assert client.object("encoding", "k") == "raw"
    client.config_set("slowlog-log-slower-than", 0)
    client.get("k")
    client.config_set("slowlog-log-slower-than", 10000)
    assert "GET k" in [text(entry["command"]) for entry in client.slowlog_get(10)]
    assert client.info("keyspace")["db0"]["keys"] == 1
    assert client.time()[0] > 1_700_000_000


def text(value):
    return value.decode() if isinstance(value, bytes) else value


async def test_asyncio(server, protocol):
    """asyncio: pool, pipeline, WATCH, Lock, messages, blocking pop that is cancelled, retries"""
    async with redis.asyncio.Redis.from_url(server.url, protocol=protocol, decode_responses=True) as client:
        assert await asyncio.gather(*(client.incr("n") for _ in range(100)))
        assert await client.get("n") == "100"
        async with client.pipeline(transaction=True) as pipe:
            assert await pipe.set("a", 1).incr("a").get("a").execute() == [True, 2, "2"]
        async with client.pipeline() as pipe:
            await pipe.watch("a")
            await client.set("a", "changed")
            pipe.multi()
            pipe.set("a", "lost")
            with pytest.raises(WatchError):
                await pipe.execute()

        inside, most = [], []

        async def locked():
            async with client.lock("lock", timeout=600, sleep=0.002):
                inside.append(1)
                most.append(len(inside))
                await asyncio.sleep(0)
                inside.pop()

        await asyncio.gather(*(locked() for _ in range(10)))
        assert most == [1] * 10

        async with client.pubsub() as listener:
            await listener.subscribe("news")
            assert (await listener.get_message(timeout=20))["type"] == "subscribe"
            await client.publish("news", "one")
            assert (await listener.get_message(timeout=20))["data"] == "one"

        waiting = asyncio.create_task(client.blpop("queue", timeout=4))
        while (await client.info("clients"))["blocked_clients"] == 0:
            await asyncio.sleep(0.002)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        while (await client.info("clients"))["blocked_clients"] != 0:
            await asyncio.sleep(0.002)
        await client.rpush("queue", "kept")
        assert await client.lrange("queue", 0, -1) == ["kept"]

        mine = redis.asyncio.Redis.from_url(server.url, single_connection_client=True, protocol=protocol)
        first = await mine.client_id()
        assert await client.client_kill_filter(_id=first) == 1
        with pytest.raises(redis.ConnectionError):
            await mine.ping()
        assert await mine.ping() and await mine.client_id() != first
        await mine.aclose()


def test_client_side_caching(server):
    """Client-side caching: refused to what says it is older than Redis 7.4, otherwise dropped when another writes"""
    with server.client(3) as other:
        if other.info("server")["redis_version"] >= "7.4":
            keeps_and_drops(server)
            return
    # It goes by this field, whatever else the server says it is.
    with near_client(server) as near, pytest.raises(redis.ConnectionError, match="supported by Redis 7.4 or later"):
        near.get("k")


@pytest.mark.parametrize("server", ["Scrubjay"], indirect=True)
def test_client_side_caching_of_what_passes_for_redis(server):
    """Client-side caching of a server that passes for Redis 8.0: `--compat redis-8.0`"""
    passing = Server(server.backend, "--compat", "redis-8.0")
    try:
        keeps_and_drops(passing)
    finally:
        passing.stop()


def near_client(server):
    return redis.Redis(port=server.port, protocol=3, cache_config=redis.cache.CacheConfig())


def keeps_and_drops(server):
    with near_client(server) as near, server.client(3) as other:
        other.set("k", "old")
        assert near.get("k") == b"old"
        cache = near.get_cache()
        assert cache.size == 1
        before = reads(other)
        assert [near.get("k") for _ in range(10)] == [b"old"] * 10
        assert reads(other) == before
        other.set("k", "new")
        poll(lambda: near.get("k") == b"new", "the invalidation")
        other.flushall()
        poll(lambda: near.get("k") is None, "the invalidation of everything")


def reads(client):
    return client.info("commandstats").get("cmdstat_get", {"calls": 0})["calls"]
