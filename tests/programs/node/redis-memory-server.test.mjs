// redis-memory-server, which starts the server's program itself: ours where it would have downloaded one.

import assert from "node:assert/strict";
import { need, program, serverProgram } from "./program.mjs";

const { RedisMemoryServer } = need("redis-memory-server");
const { Redis } = need("ioredis");
const scenario = program("redis-memory-server", "redis-memory-server");

scenario("systemBinary and arguments: started, two at once, stopped", {}, async ({ backend, atEnd }) => {
  const systemBinary = serverProgram(backend);
  const start = async (args) => {
    const server = new RedisMemoryServer({ binary: { systemBinary }, instance: { args } });
    atEnd(() => server.stop());
    const redis = new Redis(await server.getPort(), await server.getHost(), { retryStrategy: () => null });
    redis.on("error", () => {});
    atEnd(() => redis.disconnect());
    return { server, redis };
  };
  const first = await start(["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
  const second = await start([]);
  assert.equal(await first.redis.set("k", "v"), "OK");
  assert.equal(await second.redis.get("k"), null);
  assert.deepEqual(await first.redis.config("GET", "maxmemory-policy"), ["maxmemory-policy", "allkeys-lru"]);
  assert.notEqual(await first.server.getPort(), await second.server.getPort());

  const ended = new Promise((resolve) => first.redis.once("end", resolve));
  assert.equal(await first.server.stop(), true);
  await ended;
  assert.equal(first.server.getInstanceInfo(), false);
});
