import { setThreads } from "./machine.js";
import { tensor, zeros } from "./ops.js";
import { joinGroup } from "./process-group.js";

/** What one process of the collectives' tests is asked to do. */
export interface CollectiveJob {
  readonly rank: number;
  readonly worldSize: number;
  readonly port: number;
  readonly timeoutMs: number;
  /** `all` runs every collective; `late` leaves rank 1 out of the second; `gone` ends rank 1 before it. */
  readonly what: "all" | "late" | "gone";
}

const job: CollectiveJob = JSON.parse(process.argv[2] ?? "{}");
setThreads(1);
const { rank, worldSize, port, timeoutMs, what } = job;
const group = await joinGroup({
  rank,
  worldSize,
  host: "127.0.0.1",
  port,
  isServer: rank === 0,
  backend: "gloo",
  timeoutMs,
});
const own = [1, 2, 3, 4].map((number) => number + 10 * rank);
const print = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
if (what === "all") {
  const sum = tensor(own);
  const mean = tensor(own);
  const max = tensor(own);
  const half = tensor(own, [4], { dtype: "bfloat16" });
  const part = zeros([2]);
  const whole = zeros([4 * worldSize]);
  const told = tensor(own);
  let ticks = 0;
  const timer = setInterval(() => ticks++, 2);
  // Rank 0 waits for the others here; its event loop must not.
  if (rank !== 0) await new Promise((resolve) => setTimeout(resolve, 200));
  await Promise.all([
    group.allReduce(sum, "sum"),
    group.allReduce(mean, "mean"),
    group.allReduce(max, "max"),
    group.allReduce(half, "sum"),
    group.reduceScatter(part, tensor(own), "mean"),
    group.allGather(whole, tensor(own)),
    group.broadcast(told, 1),
    group.barrier(),
  ]);
  clearInterval(timer);
  print({
    sum: sum.toArray(),
    mean: mean.toArray(),
    max: max.toArray(),
    half: half.toArray(),
    part: part.toArray(),
    whole: whole.toArray(),
    told: told.toArray(),
    ticks,
  });
  group.leave();
} else {
  await group.barrier();
  if (rank === 1) {
    if (what === "late") await new Promise((resolve) => setTimeout(resolve, 3 * timeoutMs));
    group.abandon();
    process.exit(0);
  }
  const started = performance.now();
  try {
    await group.allReduce(tensor(own));
    print({ message: "no error" });
  } catch (fault) {
    const { code, message } = fault as { code: string; message: string };
    print({ code, message, seconds: (performance.now() - started) / 1000 });
  }
  group.abandon();
  process.exit(3);
}
