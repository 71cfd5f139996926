"""Every data type as redis-py's documentation shows it."""

import redis


def text(value):
    """Replies without the difference between bytes and text, lists and tuples, that protocols make."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dict):
        return {text(key): text(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [text(item) for item in value]
    if isinstance(value, set):
        return {text(item) for item in value}
    return value


def test_strings(connect):
    client = connect()
    assert client.set("bike:1", "Process 134") is True
    assert client.get("bike:1") == b"Process 134"
    assert client.mset({"bike:1": "Deimos", "bike:2": "Ares"}) is True
    assert client.mget(["bike:1", "bike:2", "nokey"]) == [b"Deimos", b"Ares", None]
    client.set("total_crashes", 0)
    assert [client.incr("total_crashes"), client.incrby("total_crashes", 10)] == [1, 11]


def test_lists(connect):
    client = connect()
    assert client.lpush("bikes:repairs", "bike:1") == 1
    assert client.rpush("bikes:repairs", "bike:2", "bike:3") == 3
    assert text(client.lrange("bikes:repairs", 0, -1)) == ["bike:1", "bike:2", "bike:3"]
    assert client.linsert("bikes:repairs", "BEFORE", "bike:2", "bike:x") == 4
    assert client.lpos("bikes:repairs", "bike:3") == 3
    assert client.lrem("bikes:repairs", 0, "bike:x") == 1
    assert client.ltrim("bikes:repairs", 0, 1) is True
    assert client.lindex("bikes:repairs", -1) == b"bike:2"
    assert client.lmove("bikes:repairs", "bikes:finished", "LEFT", "RIGHT") == b"bike:1"
    assert client.rpop("bikes:finished") == b"bike:1"
    assert client.lpop("bikes:finished") is None
    assert text(client.lmpop(2, "bikes:finished", "bikes:repairs", direction="LEFT")) == ["bikes:repairs", ["bike:2"]]
    assert client.exists("bikes:repairs") == 0


def test_sets(connect):
    client = connect()
    assert client.sadd("bikes:racing:france", "bike:1", "bike:2", "bike:3") == 3
    assert client.sadd("bikes:racing:usa", "bike:1", "bike:4") == 2
    assert client.sismember("bikes:racing:usa", "bike:1") == 1
    assert client.smismember("bikes:racing:france", ["bike:2", "bike:4"]) == [1, 0]
    assert text(set(client.sinter("bikes:racing:france", "bikes:racing:usa"))) == {"bike:1"}
    assert text(set(client.sdiff("bikes:racing:france", "bikes:racing:usa"))) == {"bike:2", "bike:3"}
    assert client.sunionstore("bikes:all", "bikes:racing:france", "bikes:racing:usa") == 4
    assert client.scard("bikes:all") == 4
    assert client.spop("bikes:all") is not None
    assert client.srem("bikes:racing:france", "bike:1", "bike:9") == 1
    assert sorted(text(list(client.sscan_iter("bikes:racing:france")))) == ["bike:2", "bike:3"]


def test_hashes(connect):
    client = connect()
    bike = {"model": "Deimos", "brand": "Ergonom", "type": "Enduro bikes", "price": 4972}
    assert client.hset("bike:1", mapping=bike) == 4
    assert client.hget("bike:1", "model") == b"Deimos"
    assert text(client.hgetall("bike:1")) == {field: str(value) for field, value in bike.items()}
    assert text(client.hmget("bike:1", ["price", "nofield"])) == ["4972", None]
    assert client.hincrby("bike:1", "price", 100) == 5072
    assert client.hdel("bike:1", "type") == 1
    assert client.hlen("bike:1") == 3
    assert dict(text(list(client.hscan_iter("bike:1")))) == {"model": "Deimos", "brand": "Ergonom", "price": "5072"}


def test_sorted_sets(connect):
    client = connect()
    assert client.zadd("racers", {"Norem": 10, "Castilla": 12, "Sam-Bodden": 8, "Royce": 10, "Ford": 6}) == 5
    assert text(client.zrange("racers", 0, -1)) == ["Ford", "Sam-Bodden", "Norem", "Royce", "Castilla"]
    ranked = client.zrange("racers", 0, 0, desc=True, withscores=True)
    assert [(text(member), float(score)) for member, score in ranked] == [("Castilla", 12.0)]
    assert text(client.zrangebyscore("racers", "-inf", 8)) == ["Ford", "Sam-Bodden"]
    assert client.zremrangebyscore("racers", "-inf", 9) == 2
    assert [client.zrank("racers", "Norem"), client.zrevrank("racers", "Norem")] == [0, 2]
    assert client.zincrby("racers", 50, "Norem") == 60.0
    assert client.zscore("racers", "Norem") == 60.0
    assert "Royce" in str(client.zpopmin("racers"))
    assert client.zcard("racers") == 2


def test_streams(connect):
    client = connect()
    first = client.xadd("race:france", {"rider": "Castilla", "speed": 30.2})
    second = client.xadd("race:france", {"rider": "Norem", "speed": 28.8})
    entries = client.xrange("race:france", "-", "+")
    assert [text(entry) for entry, _ in entries] == [text(first), text(second)]
    assert text(entries[0][1]) == {"rider": "Castilla", "speed": "30.2"}
    assert client.xlen("race:france") == 2
    read = client.xread({"race:france": 0}, count=1)
    [(name, found)] = list(read.items() if isinstance(read, dict) else read)
    assert text(name) == "race:france" and found
    assert client.xgroup_create("race:france", "riders", id="0") is True
    client.xreadgroup("riders", "Alice", {"race:france": ">"}, count=1)
    assert client.xpending("race:france", "riders")["pending"] == 1
    assert client.xack("race:france", "riders", first) == 1
    assert client.xtrim("race:france", maxlen=1, approximate=False) == 1
    assert client.xinfo_stream("race:france")["length"] == 1


def test_bits_and_counts(connect):
    client = connect()
    assert [client.setbit("pings", 123, 1), client.getbit("pings", 123), client.bitcount("pings")] == [0, 1, 1]
    assert client.pfadd("bikes", "Hyperion", "Deimos", "Phoebe") == 1
    assert client.pfcount("bikes") == 3


def test_places(connect):
    client = connect()
    places = [-122.27652, 37.805186, "station:1", -122.2674626, 37.8062344, "station:2"]
    assert client.geoadd("bikes:rentable", places) == 2
    near = client.geosearch("bikes:rentable", longitude=-122.27652, latitude=37.805186, radius=100, unit="m")
    assert text(near) == ["station:1"]
    assert 700 < client.geodist("bikes:rentable", "station:1", "station:2") < 900


def test_values_travel(connect):
    """What is dumped is restored, and a wrong type is told."""
    client = connect()
    client.rpush("list", *range(1000))
    client.zadd("zset", {str(n): n / 3 for n in range(300)})
    client.hset("hash", mapping={f"field:{n}": n for n in range(600)})
    client.sadd("set", *(f"member:{n}" for n in range(300)))
    for name in ("list", "zset", "hash", "set"):
        assert client.restore(f"{name}:copy", 0, client.dump(name)) == b"OK"
    assert client.lrange("list", 0, -1) == client.lrange("list:copy", 0, -1)
    assert client.zrange("zset", 0, -1, withscores=True) == client.zrange("zset:copy", 0, -1, withscores=True)
    assert client.hgetall("hash") == client.hgetall("hash:copy")
    assert client.smembers("set") == client.smembers("set:copy")
    try:
        client.incr("list")
        raise AssertionError("a list is no number")
    except redis.ResponseError as error:
        assert "wrong kind of value" in str(error)
