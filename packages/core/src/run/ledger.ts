import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Sample } from "../hooks/augmenter.js";
import { givenText } from "../text/caption.js";
import { RUN_FILES } from "./run-folder.js";
import { type DataPlace, PlaceSchema } from "./unit-places.js";
import type { World } from "./world.js";

const LineSchema = z.object({
  step: z.number().int(),
  /** Where the step's data begins. */
  place: PlaceSchema,
  /** Units that the step took. */
  units: z.number().int(),
  /** Sum of the digests of all its samples, over all processes. */
  digest: z.number(),
});

/** What one optimizer step was trained on. */
export type LedgerLine = z.output<typeof LineSchema>;

/** Bits of one sample's digest: sums of 4096 of them are exact in a double. */
const BITS = 40;

/** A number that stands for what samples are: rows, captions, crops, mirrors; their order does not matter. */
export function digestOf(samples: readonly Sample[]): number {
  return samples.reduce((sum, { row, caption, captionT5, geometry }) => {
    const text = JSON.stringify([row.id, givenText(caption), givenText(captionT5), geometry]);
    const bytes = createHash("sha256").update(text).digest();
    return sum + bytes.readUIntBE(0, BITS / 8);
  }, 0);
}

/** Writes down what each step was trained on, so that a resumed run can be compared with it. */
export class Ledger {
  private readonly file: number | undefined;

  constructor(
    runDir: string,
    private readonly world: World,
  ) {
    this.file = world.isFirst ? openSync(join(runDir, RUN_FILES.ledger), "a") : undefined;
  }

  /** Every process tells its own samples of the step. @param place where the step's data began */
  async add(step: number, place: DataPlace, units: number, samples: readonly Sample[]): Promise<void> {
    const [digest = 0] = await this.world.reduce([digestOf(samples)], "sum");
    if (this.file !== undefined) writeSync(this.file, `${JSON.stringify({ step, place, units, digest })}\n`);
  }

  close(): void {
    if (this.file !== undefined) closeSync(this.file);
  }
}

/** The record of a run by step; of a step that was trained twice, after going back, the later one. */
export function readLedger(runDir: string): Map<number, LedgerLine> {
  const path = join(runDir, RUN_FILES.ledger);
  const found = new Map<number, LedgerLine>();
  if (!existsSync(path)) return found;
  const lines = readFileSync(path, "utf8").split("\n");
  // Without its newline the last line may be half of one.
  lines.pop();
  for (const line of lines) {
    const parsed = LineSchema.safeParse(JSON.parse(line));
    if (parsed.success) found.set(parsed.data.step, parsed.data);
  }
  return found;
}
