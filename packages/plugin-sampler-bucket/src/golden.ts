import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "@hyfw/core";
import type { GoldenCase } from "@hyfw/core/golden";
import { alignRows } from "./bucket-stream.js";

const Batches = z.object({
  multireso: z
    .array(
      z.object({
        index_file: z.string(),
        batch_size: z.number(),
        world_size: z.number(),
        align: z.number(),
        buckets: z.array(z.object({ reso: z.string(), aligned: z.number(), indices: z.array(z.number()) })),
      }),
    )
    .default([]),
  base: z.array(z.unknown()).default([]),
  arrow_index_align: z
    .array(z.object({ index_file: z.string(), align: z.number(), indices: z.array(z.number()) }))
    .default([]),
});
const Npz = z.record(z.string(), z.record(z.string(), z.array(z.number())));
const BaseIndex = z.object({ indices: z.array(z.number()) });

/** Runs the alignment cases of the data reference set that a folder holds, against the `pad` policy. */
export async function* goldenCases(folder: string): AsyncGenerator<GoldenCase> {
  const file = join(folder, "batches.json");
  if (!existsSync(file)) return;
  const golden = Batches.parse(JSON.parse(readFileSync(file, "utf8")));
  const npzFile = join(folder, "index/npz_contents.json");
  const npz = existsSync(npzFile) ? Npz.parse(JSON.parse(readFileSync(npzFile, "utf8"))) : {};
  for (const { index_file, batch_size, world_size, align, buckets } of golden.multireso) {
    const name = `batches/${index_file}/${batch_size}x${world_size}`;
    const raw = npz[index_file];
    if (raw === undefined) yield { name, status: "skipped", detail: "npz_contents.json lacks this index" };
    else
      yield compare(
        name,
        buckets.map(({ reso, indices }) => ({ raw: raw[reso] ?? [], align, expected: indices })),
      );
  }
  for (const { index_file, align, indices } of golden.arrow_index_align) {
    const { indices: raw } = BaseIndex.parse(JSON.parse(readFileSync(join(folder, index_file), "utf8")));
    yield compare(`batches/align/${index_file}/${align}`, [{ raw, align, expected: indices }]);
  }
  if (golden.base.length > 0)
    yield {
      name: "batches/base",
      status: "skipped",
      detail: "the official rank order is not reproduced: units are dealt to ranks contiguously",
    };
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
