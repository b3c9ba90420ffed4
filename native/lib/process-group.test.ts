import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import t from "tap";
import type { CollectiveJob } from "./collectives.fixture.js";
import { fromTypedArray, ones, tensor, zeros } from "./ops.js";
import { noProcessGroups } from "./process-group.js";
import { Scope } from "./scope.js";
import { fillStorage, freeStorage, storageBytes, untracked } from "./storage.js";

const WORLD = 2;
const script = fileURLToPath(new URL("../dist/collectives.fixture.js", import.meta.url));

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** Runs one job on two processes; gives what each printed and its exit code. */
async function together(what: CollectiveJob["what"], timeoutMs: number) {
  const port = await freePort();
  return Promise.all(
    Array.from({ length: WORLD }, (_unused, rank) => {
      const job: CollectiveJob = { rank, worldSize: WORLD, port, timeoutMs, what };
      const child = spawn(process.execPath, [script, JSON.stringify(job)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let out = "";
      child.stdout.on("data", (chunk) => {
        out += chunk;
      });
      return new Promise<{ code: number | null; said: Record<string, unknown> }>((resolve) => {
        child.on("close", (code) => resolve({ code, said: out === "" ? {} : JSON.parse(out) }));
      });
    }),
  );
}

const skip = noProcessGroups() === "" ? false : noProcessGroups();

t.test("two processes over Gloo", { skip }, async (t) => {
  const [first, second] = await together("all", 20_000);
  t.strictSame([first?.code, second?.code], [0, 0]);
  const same = {
    sum: [12, 14, 16, 18],
    mean: [6, 7, 8, 9],
    max: [11, 12, 13, 14],
    half: [12, 14, 16, 18],
    whole: [1, 2, 3, 4, 11, 12, 13, 14],
    told: [11, 12, 13, 14],
  };
  t.match(first?.said, { ...same, part: [6, 7] }, "rank 0 has the first part");
  t.match(second?.said, { ...same, part: [8, 9] }, "rank 1 has the second");
  const ticks = Number(first?.said.ticks);
  t.ok(ticks > 20, `the event loop went on while rank 0 waited 200 ms: ${ticks} ticks of 2 ms`);
});

t.test("a process that does not come is named by the collective that waits for it", { skip }, async (t) => {
  const [first] = await together("late", 1500);
  t.equal(first?.said.code, "HYFW_NATIVE_COLLECTIVE");
  t.match(first?.said.message, /rank 0 of 2: all-reduce of \[4\] float32 cpu \(collective 2\) failed/);
  const seconds = Number(first?.said.seconds);
  t.ok(seconds > 1 && seconds < 5, `after the time-out of 1.5 s: ${seconds.toFixed(1)} s`);
  t.equal(first?.code, 3, "and the process can end with a code of its own");
});

t.test("a process that is gone fails the collective at once", { skip }, async (t) => {
  const [first] = await together("gone", 60_000);
  t.equal(first?.said.code, "HYFW_NATIVE_COLLECTIVE");
  t.ok(Number(first?.said.seconds) < 5, `${first?.said.seconds} s with a time-out of 60 s`);
});

t.test("memory under a tensor goes and comes back", async (t) => {
  using scope = new Scope();
  scope.run(() => {
    const base = tensor([1, 2, 3, 4]);
    const view = base.narrow(0, 2, 2);
    const bytes = storageBytes(view);
    t.equal(bytes, 16, "a view lies in the whole memory");
    freeStorage(base);
    t.equal(storageBytes(view), 0);
    fillStorage(base, bytes);
    untracked(base).copy_(ones([4]));
    t.strictSame(view.toArray(), [1, 1], "the view sees what was written");
    const lent = fromTypedArray(new Float32Array(2));
    t.throws(() => freeStorage(lent), { code: "HYFW_NATIVE_ARGUMENT" }, "lent memory cannot be freed");
    t.strictSame(zeros([2]).toArray(), [0, 0]);
  });
});
