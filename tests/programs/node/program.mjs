// What the scenarios share: servers to run them on, patience, and the record that each leaves.
//
// A scenario runs on every server. How it went stands afterwards in target/programs/records, one JSON object a line,
// which tests/programs/compatibility makes its page of.

import { spawn } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import net from "node:net";
import path from "node:path";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const target = path.resolve(root, process.env.CARGO_TARGET_DIR ?? "target");
const long = process.env.LONG === "1";
const records = path.join(target, "programs", "records");
// The environment variable that names the program, and where it is found without one.
const servers = {
  Scrubjay: ["SCRUBJAY", path.join(target, "debug", "scrubjay")],
  Valkey: ["VALKEY_SERVER", path.join(target, "references", "bin", "valkey-server")],
  ...(long && { Redis: ["REDIS_SERVER", path.join(target, "references", "bin", "redis-server")] }),
};

/** A package that tests/setup/programs has put under target/. */
export const need = createRequire(path.join(target, "programs", "node", "package.json"));

/** Asks until the answer is true. Nothing here measures a time; what takes long is waited for. */
export async function until(ask, what) {
  for (const deadline = Date.now() + 20_000; ; await pause(3)) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
  }
}

/** The scenarios of one program: `scenario(exercised, options, run)` registers one. */
export function program(name, module) {
  const version = need(`${module}/package.json`).version;
  const file = path.join(records, `${name}.jsonl`);
  fs.mkdirSync(records, { recursive: true });
  fs.rmSync(file, { force: true });
  after(async () => {
    for (const { stop } of Object.values(running)) await stop();
  });
  return (exercised, options, run) => {
    if (options.long && !long) return;
    for (const backend of Object.keys(servers)) {
      test(`${exercised} [${backend}]`, { timeout: 120_000 }, async (t) => {
        const server = await start(backend);
        if (!server) return t.skip(`${backend} left out: there is none (tests/setup/references unpacks one)`);
        const note = (result) => {
          const record = { program: name, version, pinned: true, exercised, server: backend, result, note: "" };
          fs.appendFileSync(file, JSON.stringify(record) + "\n");
        };
        await ask(server.port, "FLUSHALL");
        await ask(server.port, "SCRIPT FLUSH");
        const ends = [];
        try {
          await run({ ...server, backend, atEnd: (end) => ends.push(end) });
          note("ok");
        } catch (error) {
          note("failed");
          throw error;
        } finally {
          for (const end of ends.reverse()) await end();
        }
      });
    }
  };
}

/** One command in one line on a connection of its own; the first line of the reply. */
export function ask(port, line) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1", () => socket.write(`${line}\r\n`));
    socket.once("data", (data) => {
      socket.destroy();
      resolve(String(data).split("\r\n")[0]);
    });
    socket.once("error", reject);
  });
}

/** Where the server program is, if there is one. */
export function serverProgram(backend) {
  const [variable, unpacked] = servers[backend];
  const folders = (process.env.PATH ?? "").split(path.delimiter);
  const places = [process.env[variable], unpacked, ...folders.map((folder) => path.join(folder, path.basename(unpacked)))];
  return places.find((place) => place && fs.existsSync(place));
}

const running = {};

async function start(backend) {
  if (running[backend]) return running[backend];
  const file = serverProgram(backend);
  if (!file) return undefined;
  fs.mkdirSync(path.join(target, "tmp"), { recursive: true });
  const folder = fs.mkdtempSync(path.join(target, "tmp", `${backend.toLowerCase()}-`));
  const port = await freePort();
  const arguments_ = [file, "--bind", "127.0.0.1", "--port", String(port), "--save", "", "--appendonly", "no"];
  const watchdog = spawn(path.join(root, "tests/setup/watchdog"), arguments_, {
    cwd: folder,
    stdio: ["pipe", "ignore", "ignore"],
  });
  await until(() => ask(port, "PING").catch(() => false), `${backend} to start`);
  const stop = async () => {
    const ended = new Promise((resolve) => watchdog.once("exit", resolve));
    watchdog.stdin.end();
    await ended;
    fs.rmSync(folder, { recursive: true });
  };
  running[backend] = { port, url: `redis://127.0.0.1:${port}`, stop };
  return running[backend];
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
