// @ts-check
// One of the processes of scale.mjs: takes steps when a line comes in, and tells how long they took.
import { createInterface } from "node:readline";
import { joinGroup, setThreads } from "@hyfw/native";
import { syntheticRun } from "./synthetic-run.mjs";

const { shape, stage } = JSON.parse(process.argv[2] ?? "{}");
setThreads(1);
const rank = Number(process.env.RANK);
const group = await joinGroup({
  rank,
  worldSize: Number(process.env.WORLD_SIZE),
  host: process.env.MASTER_ADDR ?? "127.0.0.1",
  port: Number(process.env.MASTER_PORT),
  isServer: rank === 0,
  backend: "gloo",
  timeoutMs: 600_000,
});
const run = await syntheticRun(shape, { group, stage });
process.stdout.write(`${JSON.stringify({ parameters: run.parameters, held: run.held() })}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  const times = [];
  for (let n = Number(line.split(" ")[1]); n > 0; n--) {
    const start = performance.now();
    await run.step();
    times.push(performance.now() - start);
  }
  process.stdout.write(`${JSON.stringify(times)}\n`);
}
group.leave();
