import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { packIncomplete, packUnaccounted } from "../errors.js";
import { syncFolder } from "./arrow-shard.js";
import { type Duplicate, DuplicateFinder } from "./duplicates.js";
import { PackFigures } from "./pack-figures.js";
import { type PackDone, type PackFolder, type PackPlan, writeWhole } from "./pack-folder.js";
import { PackOptions } from "./pack-options.js";
import { packReport } from "./pack-report.js";
import { dropRows } from "./rewrite-slice.js";
import { isPartEnd, readPart } from "./slice-part.js";

/** What finishing needs beside the plan. */
interface FinishFacts {
  readonly onStep: (step: string) => void;
}

/**
 * Ends a pack whose slices are all done: repeats over all slices are refused, every row is accounted for, ledger and report are
 * written, and `pack.json` last. Can be killed at any place and done again.
 * @throws HYFW_PACK_INCOMPLETE, HYFW_PACK_UNACCOUNTED
 */
export async function finishPack(
  folder: PackFolder,
  plan: PackPlan,
  { onStep }: FinishFacts,
): Promise<PackDone> {
  const rowsPerShard = Number(plan.settings.rowsPerShard);
  const slices = Math.ceil(plan.rows / rowsPerShard);
  await checkSlices(folder, plan, slices, rowsPerShard);
  const { rules: _, ...settings } = plan.settings;
  const options = PackOptions.parse(settings);
  if (options.duplicates !== "keep") await refuseRepeats(folder, plan, { slices, options, onStep });
  const { figures, done } = await writeLedger(folder, plan, slices);
  onStep("ledger written");
  writeWhole(folder.report, packReport(done, figures));
  onStep("report written");
  writeWhole(folder.done, `${JSON.stringify(done, null, 1)}\n`);
  syncFolder(folder.path);
  onStep("pack done");
  folder.sweep();
  return done;
}

async function checkSlices(
  folder: PackFolder,
  plan: PackPlan,
  slices: number,
  rowsPerShard: number,
): Promise<void> {
  const missing: string[] = [];
  for (let slice = 0; slice < slices; slice++) {
    const rows = Math.min(rowsPerShard, plan.rows - slice * rowsPerShard);
    if ((await folder.finished(slice, rows)) === undefined) missing.push(folder.shardFile(slice));
  }
  const [first] = missing;
  if (first === undefined) return;
  const more = missing.length > 5 ? ` and ${missing.length - 5} more` : "";
  throw packIncomplete(
    folder.path,
    `${missing.length} of ${slices} shards are not packed yet: ${missing.slice(0, 5).join(", ")}${more}`,
  );
}

/** Refuses repeats in the order of rows, and rewrites the slices that hold some. */
async function refuseRepeats(
  folder: PackFolder,
  plan: PackPlan,
  { slices, options, onStep }: { slices: number; options: PackOptions; onStep: (step: string) => void },
): Promise<void> {
  const finder = new DuplicateFinder(options.duplicates, options.phashDistance);
  for (let slice = 0; slice < slices; slice++) {
    const drops = new Map<number, Duplicate>();
    for await (const line of readPart(folder.part(slice))) {
      if (line === undefined || isPartEnd(line) || line.status === "refused") continue;
      const repeated = finder.add(line.row, line.md5 ?? "", line.phash);
      if (repeated !== undefined) drops.set(line.row, repeated);
    }
    if (drops.size > 0) await dropRows(folder, plan, slice, { drops, maxPixels: options.maxPixels, onStep });
  }
}

/** Joins the parts into the ledger and the list of refused rows, counting; each row must come once, in order. */
async function writeLedger(
  folder: PackFolder,
  plan: PackPlan,
  slices: number,
): Promise<{ figures: PackFigures; done: PackDone }> {
  const figures = new PackFigures();
  const shards: { file: string; rows: number; bytes: number }[] = [];
  const ledger = new TextFile(folder.ledger);
  const refused = new TextFile(folder.refused);
  let row = 0;
  try {
    for (let slice = 0; slice < slices; slice++) {
      let kept = 0;
      for await (const line of readPart(folder.part(slice))) {
        if (line === undefined) throw packUnaccounted(folder.path, `the ledger of slice ${slice} is damaged`);
        if (isPartEnd(line)) {
          figures.addPart(line);
          if (line.kept !== kept)
            throw packUnaccounted(
              folder.path,
              `slice ${slice} has ${kept} rows that were kept, its shard ${line.kept}`,
            );
          if (line.shard !== null)
            shards.push({ file: line.shard.file, rows: line.kept, bytes: line.shard.bytes });
          continue;
        }
        if (line.row !== ++row)
          throw packUnaccounted(
            folder.path,
            `row ${row} is missing from the ledger, row ${line.row} comes instead`,
          );
        if (line.status !== "refused" && line.at !== kept++)
          throw packUnaccounted(
            folder.path,
            `row ${row} should be at ${kept - 1} of its shard, found ${line.at}`,
          );
        figures.add(line);
        const text = `${JSON.stringify(line)}\n`;
        ledger.write(text);
        if (line.status === "refused") refused.write(text);
      }
    }
    if (row !== plan.rows)
      throw packUnaccounted(folder.path, `${plan.rows} rows came in, ${row} are accounted for`);
    refused.finish();
    ledger.finish();
  } finally {
    ledger.abandon();
    refused.abandon();
  }
  return { figures, done: { ...plan, ...figures.counts(), shards } };
}

/** A text file that gets its name when it is whole. */
class TextFile {
  #fd: number | undefined;
  #pending = "";
  #partial: string;

  constructor(readonly path: string) {
    this.#partial = `${path}.${process.pid}.partial`;
    this.#fd = openSync(this.#partial, "w");
  }

  write(text: string): void {
    this.#pending += text;
    if (this.#pending.length > 1 << 18) this.#flush();
  }

  finish(): void {
    this.#flush();
    if (this.#fd === undefined) return;
    fsyncSync(this.#fd);
    closeSync(this.#fd);
    this.#fd = undefined;
    renameSync(this.#partial, this.path);
  }

  /** Does nothing after `finish`. */
  abandon(): void {
    if (this.#fd === undefined) return;
    closeSync(this.#fd);
    this.#fd = undefined;
    if (existsSync(this.#partial)) rmSync(this.#partial);
  }

  #flush(): void {
    if (this.#fd === undefined) return;
    const bytes = Buffer.from(this.#pending, "utf8");
    for (let done = 0; done < bytes.byteLength; ) done += writeSync(this.#fd, bytes, done);
    this.#pending = "";
  }
}
