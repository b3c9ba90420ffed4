import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { verifyManifest } from "./manifest.js";
import type { WriteOrder } from "./write-order.js";
import { CheckpointWriter } from "./writer.js";

function order(folder: string, step: number, more: Partial<WriteOrder> = {}): WriteOrder {
  const path = join(folder, `step-${String(step).padStart(6, "0")}`);
  mkdirSync(`${path}.partial`, { recursive: true });
  return {
    partial: `${path}.partial`,
    files: [{ name: "model.safetensors", parts: [new Uint8Array(5_000_000).fill(step)] }],
    rank: 0,
    finish: { path, step, kind: "kept", worldSize: 1, keep: 2, keepEvery: 4 },
    ...more,
  };
}

t.test("a checkpoint is written while others go on, and what the policy says stays", async (t) => {
  const folder = t.testdir({});
  const writer = new CheckpointWriter();
  t.teardown(() => writer.close());
  for (let step = 1; step <= 7; step++) {
    writer.write(order(folder, step));
    t.ok(writer.busy, "the caller has not waited");
    await writer.idle();
    t.notOk(writer.busy);
  }
  const names = readdirSync(folder).sort();
  t.strictSame(
    names,
    ["latest", "step-000004", "step-000006", "step-000007"],
    "two newest, and every fourth for good",
  );
  t.equal(readFileSync(join(folder, "latest"), "utf8"), "step-000007\n");
  for (const name of names.slice(1)) t.ok(await verifyManifest(join(folder, name)), name);
});

t.test(
  "a full disk is told, and the checkpoint before is as it was",
  { skip: !existsSync("/dev/full") && "no /dev/full" },
  async (t) => {
    const folder = t.testdir({});
    const writer = new CheckpointWriter();
    t.teardown(() => writer.close());
    writer.write(order(folder, 1));
    await writer.idle();
    const full = order(folder, 2);
    symlinkSync("/dev/full", join(full.partial, "model.safetensors"));
    writer.write(full);
    await t.rejects(writer.idle(), {
      code: "HYFW_CHECKPOINT_WRITE",
      message: /step-000002 could not be written: ENOSPC/,
    });
    t.strictSame(readdirSync(folder).sort(), ["latest", "step-000001"], "nothing half-written is left");
    t.equal(readFileSync(join(folder, "latest"), "utf8"), "step-000001\n");
    await verifyManifest(join(folder, "step-000001"));
    await writer.idle();
    t.pass("the failure is told once");
    writer.write(order(folder, 3));
    await writer.idle();
    t.ok(existsSync(join(folder, "step-000003", "manifest.json")), "and the next one is written");
  },
);

t.test("rank 0 finishes a checkpoint only when all processes have written theirs", async (t) => {
  const folder = t.testdir({});
  const [first, second] = [new CheckpointWriter(), new CheckpointWriter()];
  t.teardown(() => Promise.all([first.close(), second.close()]));
  const whole = order(folder, 1);
  const finish = whole.finish && { ...whole.finish, worldSize: 2 };
  first.write({ ...whole, ...(finish && { finish }) });
  await new Promise((resolve) => setTimeout(resolve, 300));
  t.strictSame(readdirSync(folder), ["step-000001.partial"], "rank 1 is missing");
  second.write({
    partial: whole.partial,
    rank: 1,
    files: [{ name: "ema-rank1.safetensors", parts: [new Uint8Array(9)] }],
  });
  await Promise.all([first.idle(), second.idle()]);
  const { files } = await verifyManifest(join(folder, "step-000001"));
  t.strictSame(
    files.map(({ name }) => name),
    ["ema-rank1.safetensors", "model.safetensors"],
  );
});
