"""valkey-glide, as its documentation shows it: the asynchronous client."""

import asyncio
from importlib.metadata import version

import glide
import pytest
from glide import (
    Batch,
    ConditionalChange,
    ExpirySet,
    ExpiryType,
    GlideClient,
    GlideClientConfiguration,
    NodeAddress,
    ProtocolVersion,
    RequestError,
    Script,
)

PROGRAM = "valkey-glide"
VERSION = version("valkey-glide")
glide.Logger.set_logger_config(glide.LogLevel.OFF)


@pytest.fixture(params=[ProtocolVersion.RESP2, ProtocolVersion.RESP3], ids=lambda version: version.name)
def configuration(request, server):
    addresses = [NodeAddress("127.0.0.1", server.port)]

    def make(**options):
        return GlideClientConfiguration(addresses, protocol=request.param, request_timeout=20_000, **options)

    return make


async def test_commands(configuration):
    """Commands of every type, conditions and expiry, scanning, errors, a custom command"""
    client = await GlideClient.create(configuration(client_name="mine"))
    expiry = ExpirySet(ExpiryType.SEC, 600)
    only = ConditionalChange.ONLY_IF_DOES_NOT_EXIST
    assert await client.set("k", "v", expiry=expiry) == "OK"
    assert await client.set("k", "w", conditional_set=only) is None
    assert await client.get("k") == b"v" and 0 < await client.ttl("k") <= 600
    assert await client.hset("h", {"x": "1", "y": "2"}) == 2 and await client.hgetall("h") == {b"x": b"1", b"y": b"2"}
    assert await client.zadd("z", {"a": 1.5, "b": 2}) == 2 and await client.zscore("z", "a") == 1.5
    assert await client.rpush("l", ["a", "b"]) == 2 and await client.lrange("l", 0, -1) == [b"a", b"b"]
    assert await client.sadd("s", ["a", "b"]) == 2 and await client.smembers("s") == {b"a", b"b"}
    entry = await client.xadd("x", [("field", "value")])
    assert await client.xlen("x") == 1 and entry
    with pytest.raises(RequestError, match="WRONGTYPE"):
        await client.incr("h")
    assert await client.custom_command(["OBJECT", "ENCODING", "k"]) == b"embstr"
    assert await client.client_getname() == b"mine"
    await client.mset({f"n:{number}": "x" for number in range(300)})
    found, cursor = set(), "0"
    while True:
        cursor, keys = await client.scan(cursor, match="n:*", count=50)
        found.update(keys)
        if cursor == b"0":
            break
    assert len(found) == 300
    assert sum(await asyncio.gather(*(client.incr("sum") for _ in range(200)))) == 200 * 201 // 2
    await client.close()


async def test_batches(configuration):
    """Batches, atomic and not; WATCH; scripts; functions"""
    client = await GlideClient.create(configuration())
    other = await GlideClient.create(configuration())
    atomic = Batch(is_atomic=True).set("a", "1").incr("a").get("a")
    assert await client.exec(atomic, raise_on_error=True) == ["OK", 2, b"2"]
    pipeline = Batch(is_atomic=False).set("a", "1").lpush("a", ["x"]).incr("a")
    answers = await client.exec(pipeline, raise_on_error=False)
    assert (answers[0], answers[2]) == ("OK", 2) and "WRONGTYPE" in str(answers[1])
    assert await client.watch(["a"]) == "OK"
    await other.set("a", "changed")
    assert await client.exec(Batch(is_atomic=True).set("a", "lost"), raise_on_error=True) is None
    assert await other.get("a") == b"changed"

    script = Script("return {KEYS[1], ARGV[1]}")
    assert await client.invoke_script(script, keys=["k"], args=["v"]) == [b"k", b"v"]
    await client.custom_command(["SCRIPT", "FLUSH"])
    assert await client.invoke_script(script, keys=["k"], args=["v"]) == [b"k", b"v"]
    library = "#!lua name=glide\nredis.register_function('twice', function(k, a) return a[1] * 2 end)"
    assert await client.function_load(library, replace=True) == b"glide"
    assert await client.fcall("twice", arguments=["21"]) == 42
    assert await client.function_delete("glide") == "OK"
    await client.close()
    await other.close()


async def test_messages(configuration, request):
    """Messages on channels and patterns, a blocking pop beside them, a connection that was killed"""
    if "RESP2" in request.node.name:
        return  # it has messages with RESP3 alone
    modes = GlideClientConfiguration.PubSubChannelModes
    wanted = GlideClientConfiguration.PubSubSubscriptions(
        channels_and_patterns={modes.Exact: {"news"}, modes.Pattern: {"w*"}}, callback=None, context=None
    )
    listener = await GlideClient.create(configuration(pubsub_subscriptions=wanted))
    client = await GlideClient.create(configuration())
    await subscribed(client, 1)
    assert await client.publish("one", "news") == 1
    assert await client.publish("sun", "weather") == 1
    got = [await asyncio.wait_for(listener.get_pubsub_message(), 20) for _ in "12"]
    assert {(message.channel, message.message, message.pattern) for message in got} == {
        (b"news", b"one", None),
        (b"weather", b"sun", b"w*"),
    }
    await client.custom_command(["CLIENT", "KILL", "TYPE", "pubsub"])
    await subscribed(client, 1)
    assert await client.publish("two", "news") == 1
    assert (await asyncio.wait_for(listener.get_pubsub_message(), 20)).message == b"two"

    blocked = await GlideClient.create(configuration())
    popped = asyncio.create_task(blocked.blpop(["queue"], 0))
    while b"blocked_clients:1\r" not in await client.info([glide.InfoSection.CLIENTS]):
        await asyncio.sleep(0.002)
    await client.rpush("queue", ["job"])
    assert await popped == [b"queue", b"job"]
    for each in (listener, client, blocked):
        await each.close()


async def subscribed(client, count):
    async with asyncio.timeout(20):
        while (await client.pubsub_numsub(["news"]))[b"news"] != count or await client.pubsub_numpat() != count:
            await asyncio.sleep(0.002)
