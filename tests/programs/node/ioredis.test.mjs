// ioredis, as its documentation shows it.

import assert from "node:assert/strict";
import { need, program, until } from "./program.mjs";

const { Redis } = need("ioredis");
const scenario = program("ioredis", "ioredis");

/** A client of the server that ends with the scenario. */
function client({ port, atEnd }, options = {}) {
  const redis = new Redis({ port, retryStrategy: () => 10, ...options });
  atEnd(() => redis.disconnect());
  return redis;
}

for (const protocol of [2, 3]) {
  const resp = `RESP${protocol}`;

  scenario(`Commands, buffers, argument transformers and key prefixes (${resp})`, {}, async (server) => {
    const redis = client(server, { protocol, keyPrefix: "app:" });
    assert.equal(await redis.set("k", "v", "PX", 600_000, "NX"), "OK");
    assert.equal(await redis.set("k", "w", "NX"), null);
    assert.equal(await redis.get("k"), "v");
    const bytes = Buffer.from([0, 255, 13, 10]);
    await redis.set("bytes", bytes);
    assert.deepEqual(await redis.getBuffer("bytes"), bytes);
    assert.equal(await redis.mset({ a: 1, b: 2 }), "OK");
    assert.deepEqual(await redis.mget("a", "b", "none"), ["1", "2", null]);
    await redis.hset("h", new Map([["x", "1"], ["y", "2"]]));
    assert.deepEqual({ ...(await redis.hgetall("h")) }, { x: "1", y: "2" });
    assert.deepEqual((await client(server).keys("*")).sort(), ["app:a", "app:b", "app:bytes", "app:h", "app:k"]);
    await assert.rejects(redis.incr("h"), /WRONGTYPE/);
  });

  scenario(`Pipelines and transactions, with errors in them (${resp})`, {}, async (server) => {
    const redis = client(server, { protocol });
    const results = await redis.pipeline().set("a", 1).incr("a").lpush("a", "x").get("a").exec();
    assert.deepEqual(results.map(([, result]) => result), ["OK", 2, undefined, "2"]);
    assert.match(results[2][0].message, /^WRONGTYPE/);
    assert.deepEqual(await redis.multi().set("a", 5).incr("a").exec(), [[null, "OK"], [null, 6]]);
    await redis.multi({ pipeline: false });
    assert.equal(await redis.set("a", 7), "QUEUED");
    assert.deepEqual(await redis.exec(), [[null, "OK"]]);
    await assert.rejects(redis.multi().set("a").exec(), /EXECABORT/);

    const watching = client(server, { protocol });
    await watching.watch("a");
    await redis.incr("a");
    assert.equal(await watching.multi().set("a", "lost").exec(), null);
    assert.equal(await redis.get("a"), "8");
  });

  scenario(`Messages on channels and patterns, and after a reconnect (${resp})`, {}, async (server) => {
    const listener = client(server, { protocol });
    const redis = client(server, { protocol });
    const heard = [];
    listener.on("message", (channel, text) => heard.push([channel, text]));
    listener.on("pmessage", (pattern, channel, text) => heard.push([pattern, channel, text]));
    assert.equal(await listener.subscribe("news", "music"), 2);
    assert.equal(await listener.psubscribe("w*"), 3);
    assert.equal(await redis.publish("news", "one"), 1);
    assert.equal(await redis.publish("weather", "sun"), 1);
    await until(() => heard.length === 2, "both messages");
    assert.deepEqual(heard, [["news", "one"], ["w*", "weather", "sun"]]);

    await redis.client("KILL", "TYPE", "pubsub");
    await until(async () => (await redis.pubsub("NUMSUB", "news"))[1] === 1, "the second subscription");
    await redis.publish("news", "two");
    await until(() => heard.length === 3, "the message after the reconnect");
    assert.deepEqual(heard[2], ["news", "two"]);
    assert.equal(await listener.unsubscribe("news", "music"), 1);
  });
}

scenario("Auto-pipelining: what is asked for in one turn goes in one write, in order", {}, async (server) => {
  const redis = client(server, { enableAutoPipelining: true });
  const counted = await Promise.all(Array.from({ length: 500 }, () => redis.incr("n")));
  assert.deepEqual(counted, Array.from({ length: 500 }, (_, index) => index + 1));
  const mixed = await Promise.allSettled([redis.set("s", "x"), redis.incr("s"), redis.get("s")]);
  assert.deepEqual(mixed.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  assert.equal(mixed[2].value, "x");
  assert.equal(redis.autoPipelineQueueSize, 0);
});

scenario("defineCommand: EVALSHA, and EVAL where the script is not known; dynamic keys, pipelines", {}, async (server) => {
  const lua = "return {KEYS[1], ARGV[1], redis.call('INCRBY', KEYS[1], ARGV[1])}";
  const redis = client(server, { scripts: { constructed: { numberOfKeys: 1, lua } } });
  redis.defineCommand("add", { numberOfKeys: 1, lua });
  redis.defineCommand("dynamic", { lua: "return {#KEYS, #ARGV}" });
  assert.deepEqual(await redis.add("n", 2), ["n", "2", 2]);
  assert.deepEqual(await redis.addBuffer("n", 2), [Buffer.from("n"), Buffer.from("2"), 4]);
  assert.deepEqual(await redis.constructed("n", 1), ["n", "1", 5]);
  assert.deepEqual(await redis.dynamic(2, "a", "b", "c"), [2, 1]);
  await redis.script("FLUSH");
  assert.deepEqual(await redis.add("n", 1), ["n", "1", 6]);
  await redis.script("FLUSH");
  const results = await redis.pipeline().set("n", 10).add("n", 5).exec();
  assert.deepEqual(results, [[null, "OK"], [null, ["n", "5", 15]]]);
});

scenario("Offline queue: what is asked for while disconnected is done once connected", {}, async (server) => {
  const redis = client(server, { lazyConnect: true });
  assert.equal(redis.status, "wait");
  const early = Promise.all([redis.set("early", 1), redis.get("early")]);
  assert.deepEqual(await early, ["OK", "1"]);

  const id = await redis.client("ID");
  const admin = client(server);
  const gone = new Promise((resolve) => redis.once("close", resolve));
  assert.equal(await admin.client("KILL", "ID", id), 1);
  await gone;
  assert.equal(await redis.incr("early"), 2);
  assert.notEqual(await redis.client("ID"), id);

  const impatient = client(server, { enableOfflineQueue: false, lazyConnect: true });
  await assert.rejects(impatient.get("early"), /enableOfflineQueue/);
});

scenario("A blocking command that was cut off is sent again; reconnectOnError", {}, async (server) => {
  const redis = client(server, { maxRetriesPerRequest: null });
  const admin = client(server);
  const id = await redis.client("ID");
  const popped = redis.blpop("queue", 0);
  await until(async () => /blocked_clients:1\r/.test(await admin.info("clients")), "the client to wait");
  await admin.client("KILL", "ID", id);
  await until(async () => /cmd=blpop/.test(await admin.client("LIST")), "the client to wait again");
  await admin.rpush("queue", "job");
  assert.deepEqual(await popped, ["queue", "job"]);

  let errors = 0;
  const stubborn = client(server, { reconnectOnError: (error) => /WRONGTYPE/.test(error.message) && errors++ < 1 && 2 });
  await admin.set("s", "text");
  await assert.rejects(stubborn.lpush("s", 1), /WRONGTYPE/);
  assert.equal(errors, 2);
});

scenario("Streams, scans as Node streams, MONITOR", {}, async (server) => {
  const redis = client(server);
  const pipeline = redis.pipeline();
  for (let number = 0; number < 300; number++) pipeline.set(`k:${number}`, number).hset("h", number, number);
  await pipeline.exec();
  const keys = new Set();
  for await (const some of redis.scanStream({ match: "k:*", count: 20 })) some.forEach((key) => keys.add(key));
  assert.equal(keys.size, 300);
  const fields = new Set();
  for await (const some of redis.hscanStream("h")) some.forEach((field) => fields.add(field));
  assert.equal(fields.size, 300);

  const monitor = await redis.monitor();
  server.atEnd(() => monitor.disconnect());
  const seen = [];
  monitor.on("monitor", (time, command) => seen.push(command));
  await redis.set("seen", 1);
  await until(() => seen.some((command) => command.join(" ") === "set seen 1"), "the monitor to show it");

  await redis.xgroup("CREATE", "stream", "group", "0", "MKSTREAM");
  const blocked = client(server).xreadgroup("GROUP", "group", "me", "BLOCK", 0, "STREAMS", "stream", ">");
  const id = await redis.xadd("stream", "*", "name", "John");
  assert.deepEqual(await blocked, [["stream", [[id, ["name", "John"]]]]]);
  assert.equal(await redis.xack("stream", "group", id), 1);
});
