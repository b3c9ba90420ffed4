import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "@hyfw/core";
import type { GoldenCase } from "@hyfw/core/golden";
import { alignRows, turnsOf } from "./bucket-stream.js";
import { bucketSampler } from "./sampler.js";

const Multireso = z.object({
  index_file: z.string(),
  batch_size: z.number(),
  world_size: z.number(),
  align: z.number(),
  buckets: z.array(z.object({ reso: z.string(), indices: z.array(z.number()) })),
  ranks: z.array(z.object({ rank: z.number(), batch_reso: z.array(z.string()) })),
});
const Base = z.object({
  index_file: z.string(),
  batch_size: z.number(),
  world_size: z.number(),
  drop_last: z.boolean(),
  start_index: z.number(),
  length: z.number(),
  ranks: z.array(z.array(z.number())),
  batches_per_rank: z.number(),
});
const Batches = z.object({
  multireso: z.array(Multireso).default([]),
  base: z.array(Base).default([]),
  arrow_index_align: z
    .array(z.object({ index_file: z.string(), align: z.number(), indices: z.array(z.number()) }))
    .default([]),
});
const Npz = z.record(z.string(), z.record(z.string(), z.array(z.number())));
const BaseIndex = z.object({ indices: z.array(z.number()) });

/**
 * Runs the alignment cases of the data reference set that a folder holds, against the policies `pad` and
 * `legacy-indexkits`.
 */
export async function* goldenCases(folder: string): AsyncGenerator<GoldenCase> {
  const file = join(folder, "batches.json");
  if (!existsSync(file)) return;
  const golden = Batches.parse(JSON.parse(readFileSync(file, "utf8")));
  const npzFile = join(folder, "index/npz_contents.json");
  const npz = existsSync(npzFile) ? Npz.parse(JSON.parse(readFileSync(npzFile, "utf8"))) : {};
  for (const { index_file, batch_size, world_size, align, buckets, ranks } of golden.multireso) {
    const name = `batches/${index_file}/${batch_size}x${world_size}`;
    const raw = npz[index_file];
    if (raw === undefined) {
      yield { name, status: "skipped", detail: "npz_contents.json lacks this index" };
      continue;
    }
    yield compare(
      name,
      buckets.map(({ reso, indices }) => ({ raw: raw[reso] ?? [], align, expected: indices })),
    );
    yield compareOrder(`${name}/order`, raw, { batch_size, world_size, buckets, ranks });
  }
  for (const { index_file, align, indices } of golden.arrow_index_align) {
    const { indices: raw } = BaseIndex.parse(JSON.parse(readFileSync(join(folder, index_file), "utf8")));
    yield compare(`batches/align/${index_file}/${align}`, [{ raw, align, expected: indices }]);
  }
  for (const one of golden.base) {
    const { index_file, batch_size, world_size, drop_last, start_index } = one;
    const last = drop_last ? "" : ", keeping the last";
    yield compareTurns(
      `batches/base/${index_file}/${batch_size}x${world_size} from ${start_index}${last}`,
      one,
    );
  }
}

/** The whole sequence of batches: the units of `legacy-indexkits`, unpermuted, cut into one block per rank. */
function compareOrder(
  name: string,
  raw: Readonly<Record<string, readonly number[]>>,
  {
    batch_size,
    world_size,
    buckets,
    ranks,
  }: Pick<z.output<typeof Multireso>, "batch_size" | "world_size" | "buckets" | "ranks">,
): GoldenCase {
  const facts = {
    buckets: buckets.map(({ reso }) => {
      const [height = 0, width = 0] = reso.split("x").map(Number);
      return { resolution: { height, width }, positions: Uint32Array.from(raw[reso] ?? []) };
    }),
    seed: 0,
    unitSize: batch_size * world_size,
    ranks: world_size,
  };
  const leftover = facts.buckets.length === 1 ? "pad" : "legacy-indexkits";
  const order = bucketSampler({ leftover, order: "index" }).order(facts, 0);
  const units = Array.from({ length: order.units }, (_, n) => order.unit(n));
  const rows = units.flatMap(({ positions }) => [...positions]);
  const expected = buckets.flatMap(({ indices }) => indices);
  if (rows.join() !== expected.join()) return { name, status: "failed", detail: "the rows differ" };
  const sizes = units.flatMap(({ resolution: { height, width } }) =>
    Array.from({ length: world_size }, () => `${height}x${width}`),
  );
  const share = sizes.length / world_size;
  const wrong = ranks.find(
    ({ rank, batch_reso }) => sizes.slice(rank * share, (rank + 1) * share).join() !== batch_reso.join(),
  );
  if (wrong !== undefined)
    return { name, status: "failed", detail: `the resolutions of rank ${wrong.rank} differ` };
  return { name, status: "passed", detail: `${rows.length} rows, ${sizes.length} batches` };
}

/** What each rank gets of a set of one resolution, and where nothing is left out or passed over, its batches. */
function compareTurns(
  name: string,
  { batch_size, world_size, drop_last, start_index, length, ranks, batches_per_rank }: z.output<typeof Base>,
): GoldenCase {
  const turns = ranks.map((_, rank) =>
    turnsOf(length, { rank, ranks: world_size, start: start_index, dropLast: drop_last }),
  );
  const odd = ranks.findIndex((places, rank) => places.join() !== turns[rank]?.join());
  if (odd >= 0) return { name, status: "failed", detail: `rank ${odd} differs` };
  if (!drop_last || start_index > 0)
    return { name, status: "passed", detail: `${length} rows to ${world_size} rank(s)` };
  const positions = Uint32Array.from({ length }, (_, n) => n);
  const facts = {
    buckets: [{ resolution: { height: 1, width: 1 }, positions }],
    seed: 0,
    unitSize: batch_size * world_size,
    ranks: world_size,
  };
  if (batches_per_rank === 0) return { name, status: "passed", detail: "no batch" };
  const order = bucketSampler({ leftover: "legacy-indexkits", order: "index" }).order(facts, 0);
  if (order.units !== batches_per_rank)
    return {
      name,
      status: "failed",
      detail: `expected ${batches_per_rank} batches per rank, found ${order.units}`,
    };
  for (const [rank, places] of ranks.entries()) {
    const own = Array.from({ length: order.units }, (_, n) => [
      ...order.unit(n).positions.subarray(rank * batch_size, (rank + 1) * batch_size),
    ]).flat();
    if (own.join() !== places.slice(0, own.length).join())
      return { name, status: "failed", detail: `the batches of rank ${rank} differ` };
  }
  return { name, status: "passed", detail: `${order.units} batches for each of ${world_size} rank(s)` };
}

function compare(
  name: string,
  parts: readonly { raw: readonly number[]; align: number; expected: readonly number[] }[],
): GoldenCase {
  for (const { raw, align, expected } of parts) {
    const found = Array.from(alignRows(Uint32Array.from(raw), align));
    if (found.length !== expected.length || found.some((row, i) => row !== expected[i]))
      return {
        name,
        status: "failed",
        detail: `${raw.length} rows aligned to ${align}: expected ${expected.length} rows, found ${found.length}`,
      };
  }
  return { name, status: "passed", detail: `${parts.length} bucket(s) aligned` };
}
