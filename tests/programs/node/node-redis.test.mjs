// node-redis, as its documentation shows it.

import assert from "node:assert/strict";
import { ask, need, program, until } from "./program.mjs";

const { createClient, createClientPool, defineScript, ErrorReply, RESP_TYPES, WatchError } = need("redis");
const scenario = program("node-redis", "redis");

/** A connected client of the server that ends with the scenario. */
async function client({ url, atEnd }, options = {}) {
  const made = createClient({ url, socket: { reconnectStrategy: 10 }, ...options }).on("error", () => {});
  atEnd(() => made.isOpen && made.destroy());
  return made.connect();
}

for (const RESP of [2, 3]) {
  scenario(`Commands and their replies, buffers, commands it does not know (RESP${RESP})`, {}, async (server) => {
    const redis = await client(server, { RESP, name: "mine" });
    assert.equal(await redis.set("k", "v", { EX: 600, NX: true }), "OK");
    assert.equal(await redis.set("k", "w", { NX: true }), null);
    assert.equal(await redis.hSet("h", { x: 1, y: 2 }), 2);
    assert.deepEqual({ ...(await redis.hGetAll("h")) }, { x: "1", y: "2" });
    assert.equal(await redis.zAdd("z", [{ score: 1.5, value: "a" }, { score: Infinity, value: "b" }]), 2);
    assert.deepEqual(await redis.zRangeWithScores("z", 0, -1), [
      { value: "a", score: 1.5 },
      { value: "b", score: Infinity },
    ]);
    const binary = redis.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    const payload = await binary.dump("h");
    assert.equal(await binary.restore("copy", 0, payload), "OK");
    assert.equal(await redis.hGet("copy", "y"), "2");
    assert.deepEqual(await redis.sendCommand(["OBJECT", "ENCODING", "k"]), "embstr");
    await assert.rejects(redis.incr("h"), (error) => error instanceof ErrorReply && /^WRONGTYPE/.test(error.message));
    const mine = (await redis.clientList()).find((seen) => seen.name === "mine");
    assert.deepEqual([mine.resp, mine.libName], [RESP, "node-redis"]);
  });

  scenario(`Transactions, WATCH, auto-pipelining (RESP${RESP})`, {}, async (server) => {
    const redis = await client(server, { RESP });
    const other = await client(server, { RESP });
    assert.deepEqual(await redis.multi().set("a", 1).incr("a").get("a").exec(), ["OK", 2, "2"]);
    await redis.watch("a");
    await other.incr("a");
    await assert.rejects(redis.multi().set("a", "lost").exec(), WatchError);
    assert.equal(await redis.get("a"), "3");
    const counted = await Promise.all(Array.from({ length: 300 }, () => redis.incr("n")));
    assert.deepEqual(counted, Array.from({ length: 300 }, (_, index) => index + 1));
    assert.deepEqual(await redis.multi().set("p", 1).get("p").execAsPipeline(), ["OK", "1"]);
  });

  scenario(`Messages: channels, patterns, shard channels, after a reconnect (RESP${RESP})`, {}, async (server) => {
    const redis = await client(server, { RESP });
    const listener = await client(server, { RESP });
    const heard = [];
    await listener.subscribe("news", (text, channel) => heard.push([channel, text]));
    await listener.pSubscribe("w*", (text, channel) => heard.push([channel, text]));
    await listener.sSubscribe("shard", (text, channel) => heard.push([channel, text]));
    assert.equal(await redis.publish("news", "one"), 1);
    assert.equal(await redis.publish("weather", "sun"), 1);
    assert.equal(await redis.sPublish("shard", "s"), 1);
    await until(() => heard.length === 3, "all messages");
    assert.deepEqual(heard, [["news", "one"], ["weather", "sun"], ["shard", "s"]]);
    await redis.sendCommand(["CLIENT", "KILL", "TYPE", "pubsub"]);
    await until(async () => (await redis.publish("news", "two")) === 1, "the second subscription");
    await until(() => heard.length === 4, "the message after the reconnect");
    await listener.unsubscribe("news");
    assert.equal(await redis.publish("news", "three"), 0);
  });
}

scenario("Scripts: EVALSHA, and EVAL where the script is not known; functions", {}, async (server) => {
  const scripts = {
    add: defineScript({
      NUMBER_OF_KEYS: 1,
      SCRIPT: "return redis.call('GET', KEYS[1]) + ARGV[1]",
      parseCommand(parser, key, toAdd) {
        parser.pushKey(key);
        parser.push(toAdd.toString());
      },
      transformReply: (reply) => reply,
    }),
  };
  const functions = {
    library: {
      twice: {
        NUMBER_OF_KEYS: 0,
        parseCommand: (parser, number) => parser.push(number.toString()),
        transformReply: (reply) => reply,
      },
    },
  };
  const redis = await client(server, { scripts, functions });
  await redis.set("key", "1");
  assert.equal(await redis.add("key", 2), 3);
  await redis.scriptFlush();
  assert.equal(await redis.add("key", 3), 4);
  assert.deepEqual(await redis.multi().set("key", "10").add("key", 5).exec(), ["OK", 15]);
  const code = "#!lua name=library\nredis.register_function('twice', function(keys, args) return args[1] * 2 end)";
  assert.equal(await redis.functionLoad(code, { REPLACE: true }), "library");
  assert.equal(await redis.library.twice(21), 42);
  await redis.functionDelete("library");
});

scenario("Pools: blocking commands beside others, transactions with WATCH of their own", {}, async (server) => {
  const pool = createClientPool({ url: server.url }, { minimum: 1, maximum: 4 }).on("error", () => {});
  await pool.connect();
  server.atEnd(() => pool.destroy());
  const popped = pool.blPop("queue", 0);
  await until(async () => /blocked_clients:1\r/.test(await pool.info("clients")), "the client to wait");
  await pool.rPush("queue", "job");
  assert.deepEqual({ ...(await popped) }, { key: "queue", element: "job" });

  const raise = () =>
    pool.execute(async (one) => {
      await one.watch("balance");
      const balance = Number(await one.get("balance"));
      return one.multi().set("balance", balance + 1).exec();
    });
  let lost = 0;
  const insist = () => raise().catch((error) => (error instanceof WatchError ? (lost++, insist()) : Promise.reject(error)));
  await Promise.all(Array.from({ length: 40 }, insist));
  assert.equal(await pool.get("balance"), "40");
  assert.ok(pool.totalClients <= 4);
});

scenario("Iterators over SCAN, HSCAN, SSCAN and ZSCAN; a connection that was killed", {}, async (server) => {
  const redis = await client(server);
  const numbers = Array.from({ length: 300 }, (_, index) => String(index));
  await Promise.all(numbers.map((number) => redis.set(`k:${number}`, number)));
  await redis.sAdd("s", numbers);
  await redis.hSet("h", Object.fromEntries(numbers.map((number) => [number, number])));
  await redis.zAdd("z", numbers.map((value) => ({ value, score: Number(value) })));
  const found = async (iterator) => {
    const all = [];
    for await (const some of iterator) all.push(...some);
    return all;
  };
  assert.equal(new Set(await found(redis.scanIterator({ MATCH: "k:*", TYPE: "string", COUNT: 20 }))).size, 300);
  assert.equal(new Set(await found(redis.sScanIterator("s"))).size, 300);
  assert.ok((await found(redis.hScanIterator("h"))).every(({ field, value }) => field === value));
  assert.ok((await found(redis.zScanIterator("z"))).every(({ score, value }) => String(score) === value));

  const id = await redis.clientId();
  const gone = new Promise((resolve) => redis.once("reconnecting", resolve));
  assert.equal(await ask(server.port, `CLIENT KILL ID ${id}`), ":1");
  await gone;
  assert.equal(await redis.get("k:1"), "1");
  assert.notEqual(await redis.clientId(), id);
});

scenario("Client-side caching: served from memory, dropped when another client writes", {}, async (server) => {
  const cached = { RESP: 3, clientSideCache: { ttl: 0, maxEntries: 100, evictPolicy: "LRU" } };
  const near = await client(server, cached);
  const other = await client(server);
  await other.set("k", "old");
  assert.equal(await near.get("k"), "old");
  await ask(server.port, "CONFIG RESETSTAT");
  for (let time = 0; time < 10; time++) assert.equal(await near.get("k"), "old");
  assert.doesNotMatch(await other.info("commandstats"), /cmdstat_get:/);
  await other.set("k", "new");
  await until(async () => (await near.get("k")) === "new", "the invalidation");
  await other.flushAll();
  await until(async () => (await near.get("k")) === null, "the invalidation of everything");
});
