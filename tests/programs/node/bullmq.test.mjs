// BullMQ, as its documentation shows it: queues, workers, schedulers and flows.

import assert from "node:assert/strict";
import { need, program, until } from "./program.mjs";

const { DelayedError, FlowProducer, Job, Queue, QueueEvents, UnrecoverableError, Worker } = need("bullmq");
const scenario = program("BullMQ", "bullmq");

/** What makes queues, workers and the like on the server, and closes them with the scenario. */
function workshop({ port, atEnd }) {
  const connection = { port };
  const make = (Kind, ...rest) => {
    const options = { connection, ...rest.pop() };
    const made = new Kind(...rest, options);
    made.on("error", () => {});
    atEnd(() => made.close(true));
    return made;
  };
  return {
    queue: (name, options = {}) => make(Queue, name, options),
    worker: (name, work, options = {}) => make(Worker, name, work, options),
    events: async (name) => {
      const events = make(QueueEvents, name, {});
      await events.waitUntilReady();
      return events;
    },
    flow: () => make(FlowProducer, {}),
  };
}

scenario("Queue and worker: jobs in order, their results, progress, logs and events", {}, async (server) => {
  const { queue, worker, events } = workshop(server);
  const paint = queue("paint");
  const heard = await events("paint");
  const progress = [];
  heard.on("progress", ({ jobId, data }) => progress.push([jobId, data]));
  const done = [];
  worker("paint", async (job) => {
    await job.log(`painting ${job.data.color}`);
    await job.updateProgress(50);
    done.push(job.data.color);
    return { painted: job.data.color };
  });
  const blue = await paint.add("cars", { color: "blue" });
  assert.deepEqual(await blue.waitUntilFinished(heard, 20_000), { painted: "blue" });
  const more = await paint.addBulk(["red", "green", "pink"].map((color) => ({ name: "cars", data: { color } })));
  await Promise.all(more.map((job) => job.waitUntilFinished(heard, 20_000)));
  assert.deepEqual(done, ["blue", "red", "green", "pink"]);
  assert.deepEqual((await paint.getJobLogs(blue.id)).logs, ["painting blue"]);
  await until(() => progress.length === 4, "the progress of all");
  assert.deepEqual(progress[0], [blue.id, 50]);
  assert.equal(await blue.getState(), "completed");
  const counts = await paint.getJobCounts("completed", "wait", "active", "failed");
  assert.deepEqual(counts, { completed: 4, wait: 0, active: 0, failed: 0 });
  assert.equal((await paint.getWorkers()).length, 1);
});

scenario("Failures: attempts with back-off, an unrecoverable error, retried by hand", {}, async (server) => {
  const { queue, worker, events } = workshop(server);
  const shaky = queue("shaky");
  const heard = await events("shaky");
  let mended = false;
  worker("shaky", async (job) => {
    if (job.name === "hopeless" && !mended) throw new UnrecoverableError("never");
    if (job.attemptsMade < 2) throw new Error(`attempt ${job.attemptsMade}`);
    return job.attemptsMade;
  });
  const third = await shaky.add("third", {}, { attempts: 3, backoff: { type: "exponential", delay: 5 } });
  assert.equal(await third.waitUntilFinished(heard, 20_000), 2);
  const hopeless = await shaky.add("hopeless", {}, { attempts: 3 });
  await assert.rejects(hopeless.waitUntilFinished(heard, 20_000), /never/);
  const failed = await Job.fromId(shaky, hopeless.id);
  assert.deepEqual([failed.attemptsMade, failed.failedReason], [1, "never"]);
  assert.equal(await shaky.getFailedCount(), 1);
  mended = true;
  await failed.retry();
  // It goes on from the one attempt it had.
  await until(async () => (await shaky.getCompletedCount()) === 2, "the retried job to complete");
});

scenario("Delayed jobs: in the order of their delays; changed and promoted", {}, async (server) => {
  const { queue, worker } = workshop(server);
  const later = queue("later");
  await later.add("third", {}, { delay: 150 });
  await later.add("first", {}, { delay: 20 });
  await later.add("second", {}, { delay: 80 });
  const never = await later.add("never", {}, { delay: 600_000 });
  assert.equal(await never.getState(), "delayed");
  const done = [];
  const working = worker("later", async (job) => {
    if (job.name === "again" && done.push("put off") && job.attemptsStarted === 1) {
      await job.moveToDelayed(Date.now() + 10, job.token);
      throw new DelayedError();
    }
    done.push(job.name);
  });
  await until(() => done.length === 3, "the three delays");
  assert.deepEqual(done, ["first", "second", "third"]);
  await never.promote();
  await until(() => done.length === 4, "the promoted job");
  const changed = await later.add("changed", {}, { delay: 600_000 });
  await changed.changeDelay(1);
  await until(() => done.length === 5, "the job with the new delay");
  await later.add("again", {});
  await until(() => done.at(-1) === "again", "the job that put itself off");
  assert.deepEqual(done.slice(3), ["never", "changed", "put off", "put off", "again"]);
  await working.close();
});

scenario("Job schedulers: every so often and by cron pattern, changed and removed", {}, async (server) => {
  const { queue, worker } = workshop(server);
  const clock = queue("clock");
  const done = [];
  worker("clock", async (job) => void done.push(job.data.of));
  await clock.upsertJobScheduler("often", { every: 40, limit: 3 }, { name: "tick", data: { of: "often" } });
  await until(() => done.length === 3, "three ticks");
  await until(async () => (await clock.getDelayedCount()) === 0, "the limit to be reached");
  await clock.upsertJobScheduler("nightly", { pattern: "0 30 3 * * *", tz: "UTC" }, { name: "night" });
  const nightly = await clock.getJobScheduler("nightly");
  assert.equal(nightly.pattern, "0 30 3 * * *");
  const next = new Date(nightly.next);
  assert.deepEqual([next.getUTCHours(), next.getUTCMinutes(), next.getUTCSeconds()], [3, 30, 0]);
  assert.equal(await clock.getDelayedCount(), 1);
  await clock.upsertJobScheduler("nightly", { pattern: "0 0 4 * * *", tz: "UTC" }, { name: "night" });
  assert.equal(await clock.getDelayedCount(), 1);
  assert.equal(await clock.removeJobScheduler("nightly"), true);
  assert.equal(await clock.getDelayedCount(), 0);
});

scenario("Flows: a parent waits for its children and reads what they returned; a child that fails", {}, async (server) => {
  const { queue, worker, flow } = workshop(server);
  const done = [];
  worker("steps", async (job) => {
    if (job.data.fails) throw new Error("no");
    done.push(job.name);
    return job.data.value;
  });
  worker("house", async (job) => {
    done.push(job.name);
    return Object.values(await job.getChildrenValues()).reduce((sum, value) => sum + value, 0);
  });
  const child = (name, value, more = {}) => ({ name, queueName: "steps", data: { value }, ...more });
  const tree = await flow().add({
    name: "renovate",
    queueName: "house",
    children: [child("walls", 1), child("floor", 10, { children: [child("ground", 100)] })],
  });
  await until(async () => (await tree.job.getState()) === "completed", "the parent");
  assert.equal(done.at(-1), "renovate");
  assert.ok(done.indexOf("ground") < done.indexOf("floor"));
  assert.equal((await Job.fromId(queue("house"), tree.job.id)).returnvalue, 11);

  const doomed = await flow().add({
    name: "doomed",
    queueName: "house",
    children: [{ ...child("bad", 0), data: { fails: true }, opts: { failParentOnFailure: true } }],
  });
  await until(async () => (await doomed.job.getState()) === "failed", "the parent to fail");
  assert.ok(!done.includes("doomed"));
});

scenario("Rate limit: no more than so many in so long, for all workers together", {}, async (server) => {
  const { queue, worker } = workshop(server);
  const calls = queue("calls");
  await calls.addBulk(Array.from({ length: 6 }, (_, index) => ({ name: `call ${index}`, data: {} })));
  const done = [];
  const limiter = { max: 2, duration: 600_000 };
  const workers = [1, 2].map(() => worker("calls", async (job) => void done.push(job.name), { limiter }));
  await until(() => done.length === 2, "as many as the limit has");
  await until(async () => (await calls.getRateLimitTtl(2)) > 0, "the limit to be reached");
  // One may be taken and put back.
  await until(async () => (await calls.getWaitingCount()) === 4, "the others to wait");
  assert.equal(done.length, 2);
  await Promise.all(workers.map((one) => one.close(true)));
  await calls.removeRateLimitKey();
  worker("calls", async (job) => void done.push(job.name), { limiter: { max: 1, duration: 10 } });
  await until(() => done.length === 6, "the rest, one after another");
  assert.equal(new Set(done).size, 6);
});

scenario("Stalled jobs: one whose worker has died is done by another", {}, async (server) => {
  const { queue, worker, events } = workshop(server);
  const fragile = queue("fragile");
  const heard = await events("fragile");
  const stalled = [];
  heard.on("stalled", ({ jobId }) => stalled.push(jobId));
  let taken;
  const dead = { lockDuration: 50, skipLockRenewal: true, skipStalledCheck: true };
  const dying = worker("fragile", (job) => new Promise(() => (taken = job.id)), dead);
  const job = await fragile.add("work", {});
  await until(() => taken, "the first worker to take it");
  await dying.close(true);
  const heir = worker("fragile", async () => "done by another", { stalledInterval: 60 });
  assert.equal(await job.waitUntilFinished(heard, 20_000), "done by another");
  await until(() => stalled.length > 0, "the event");
  assert.equal(stalled[0], job.id);
  await heir.close();
});

scenario("Priorities, LIFO, deduplication, pausing, concurrency, cleaning", { long: true }, async (server) => {
  const { queue, worker, events } = workshop(server);
  const mixed = queue("mixed");
  await mixed.pause();
  assert.equal(await mixed.isPaused(), true);
  for (const [name, priority] of [["low", 10], ["high", 1], ["middle", 5]]) await mixed.add(name, {}, { priority });
  await mixed.add("plain", {});
  await mixed.add("last in", {}, { lifo: true });
  const once = await mixed.add("once", {}, { deduplication: { id: "same" } });
  assert.equal((await mixed.add("twice", {}, { deduplication: { id: "same" } })).id, once.id);
  assert.equal((await mixed.add("mine", {}, { jobId: "mine" })).id, (await mixed.add("mine", {}, { jobId: "mine" })).id);
  const done = [];
  worker("mixed", async (job) => void done.push(job.name));
  await mixed.resume();
  await until(() => done.length === 7, "all of them");
  assert.deepEqual(done, ["last in", "plain", "once", "mine", "high", "middle", "low"]);
  await until(async () => (await mixed.getCompletedCount()) === 7, "the last to be filed");
  assert.equal((await mixed.clean(0, 100, "completed")).length, 7);

  const many = queue("many");
  const heard = await events("many");
  let inside = 0;
  let most = 0;
  const gates = [];
  const options = { concurrency: 5 };
  const work = async () => {
    most = Math.max(most, ++inside);
    await new Promise((resolve) => gates.push(resolve));
    inside--;
  };
  worker("many", work, options);
  const jobs = await many.addBulk(Array.from({ length: 20 }, () => ({ name: "one", data: {} })));
  await until(() => inside === 5, "five at once");
  const opening = setInterval(() => gates.splice(0).forEach((open) => open()), 5);
  await Promise.all(jobs.map((job) => job.waitUntilFinished(heard, 20_000)));
  clearInterval(opening);
  assert.equal(most, 5);
  await many.obliterate({ force: true });
  assert.equal(await many.count(), 0);
});

scenario("A thousand jobs on four workers: none lost, none done twice", { long: true }, async (server) => {
  const { queue, worker } = workshop(server);
  const bulk = queue("bulk");
  const done = new Map();
  const work = async (job) => void done.set(job.data.n, (done.get(job.data.n) ?? 0) + 1);
  for (let number = 0; number < 4; number++) worker("bulk", work, { concurrency: 20 });
  for (let start = 0; start < 1000; start += 250) {
    await bulk.addBulk(Array.from({ length: 250 }, (_, index) => ({ name: "n", data: { n: start + index } })));
  }
  await until(async () => (await bulk.getCompletedCount()) === 1000, "all jobs");
  assert.equal(done.size, 1000);
  assert.ok([...done.values()].every((times) => times === 1));
});
