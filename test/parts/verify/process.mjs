// A process of a queue application on Bull, as small as the verification's contract allows: an API that listens and sends canaries,
// or a worker that processes. LEAK=N opens N connections of its own, SKIP names a queue that is not processed, HOLD one that gets two jobs that
// do not end.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire("/app/node_modules/");
const Bull = require("bull");
const Redis = require("ioredis");

const role = process.env.BERTH_PROCESS;
const password = readFileSync("/run/secrets/redis_password", "utf8").trim();
const connect = (name) => new Redis({ host: "redis", password, connectionName: name, maxRetriesPerRequest: null, enableReadyCheck: false });

const queues = ["file", "email"].map((name) => new Bull(name, { createClient: (use) => connect(`${role}:${use}:${name}`) }));

for (let left = Number(process.env.LEAK ?? 0); left > 0; left -= 1) {
  const client = connect("leak");
  setInterval(() => void client.get("berth:nothing"), 500);
}

if (role === "worker") {
  for (const queue of queues) if (queue.name !== process.env.SKIP) void queue.process(({ data }) => (data.hold ? new Promise(() => undefined) : Promise.resolve(true)));
  for (const queue of queues) if (queue.name === process.env.HOLD) for (const hold of [1, 2]) await queue.add({ hold });
  const beat = () => queues[0].client.setex("berth:heartbeat:worker", 90, new Date().toISOString());
  setInterval(() => void beat(), 30_000);
  await beat();
}

async function canary(queue) {
  const start = Date.now();
  const job = await queue.add({ "berth:canary": true }, { lifo: true });
  for (; Date.now() - start < 3000; await new Promise((resolve) => setTimeout(resolve, 25))) {
    if (await job.isCompleted()) return [queue.name, { ok: true, ms: Date.now() - start }];
  }
  const waiting = await job.isWaiting();
  await job.remove();
  return [queue.name, { ok: false, ms: Date.now() - start, reason: "no worker finished the canary", waiting }];
}

if (role === "api") {
  for (const queue of queues) queue.on("global:completed", () => undefined);
  createServer((request, response) => {
    const answer = async () => {
      if (request.url === "/ops/canary") return { queues: Object.fromEntries(await Promise.all(queues.map(canary))) };
      await Promise.all(queues.map((queue) => queue.count()));
      return { ready: true };
    };
    answer().then(
      (body) => response.end(JSON.stringify(body)),
      (error) => response.writeHead(503).end(String(error)),
    );
  }).listen(3000);
}
