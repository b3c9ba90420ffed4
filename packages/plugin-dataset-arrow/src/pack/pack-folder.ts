import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { z } from "@hyfw/core";
import { ArrowFile } from "../arrow/arrow-file.js";
import { packChanged, packTargetInUse } from "../errors.js";
import { isPartEnd, type PartEnd, readPart } from "./slice-part.js";

/** What a pack is of; written before the first shard, so that an interrupted one can be continued or merged. */
export const PackPlan = z.strictObject({
  format: z.literal(1),
  source: z.string(),
  /** Content of the source. */
  fingerprint: z.string(),
  rows: z.number(),
  /** Settings that decide what is written. */
  settings: z.record(z.string(), z.unknown()),
  extra: z.array(z.strictObject({ name: z.string(), type: z.enum(["text", "number"]) })),
  captions: z.array(z.string()),
});
export type PackPlan = z.output<typeof PackPlan>;

/** What is left when a pack is done: `pack.json`. */
export const PackDone = z.strictObject({
  ...PackPlan.shape,
  kept: z.number(),
  repaired: z.number(),
  refused: z.number(),
  refusedByReason: z.record(z.string(), z.number()),
  repairedByReason: z.record(z.string(), z.number()),
  shards: z.array(z.strictObject({ file: z.string(), rows: z.number(), bytes: z.number() })),
});
export type PackDone = z.output<typeof PackDone>;

/** A file of ours that a process with this number began and did not end. */
const LEFT_OVER =
  /^(\d{5,}\.arrow(\.new)?|ledger\.jsonl|refused\.\w+|report\.html|pack\.json)\.\d+\.partial$/;

/** The folder that a pack writes to: shards, the state of unfinished work, and what is left when it is done. */
export class PackFolder {
  constructor(readonly path: string) {}

  get ledger(): string {
    return join(this.path, "ledger.jsonl");
  }
  get refused(): string {
    return join(this.path, "refused.jsonl");
  }
  get report(): string {
    return join(this.path, "report.html");
  }
  get done(): string {
    return join(this.path, "pack.json");
  }
  get state(): string {
    return join(this.path, ".pack");
  }
  get plan(): string {
    return join(this.state, "plan.json");
  }
  shardFile(slice: number): string {
    return `${String(slice).padStart(5, "0")}.arrow`;
  }
  shard(slice: number): string {
    return join(this.path, this.shardFile(slice));
  }
  part(slice: number): string {
    return join(this.state, `${String(slice).padStart(5, "0")}.jsonl`);
  }

  /** Removes everything that an earlier pack left. */
  clear(): void {
    if (!existsSync(this.path)) return;
    for (const name of readdirSync(this.path))
      if (/\.arrow(\.new)?$|\.partial$/.test(name)) rmSync(join(this.path, name));
    for (const path of [this.done, this.ledger, this.refused, this.report, this.state])
      rmSync(path, { recursive: true, force: true });
  }

  /** Removes what is of no use once a pack is done: its state, and half-written files of processes that were killed. */
  sweep(): void {
    for (const name of readdirSync(this.path))
      if (LEFT_OVER.test(name)) rmSync(join(this.path, name), { force: true });
    rmSync(this.state, { recursive: true, force: true });
  }

  /**
   * Begins or continues a pack. @returns what was done when it is finished already
   * @throws HYFW_PACK_TARGET_IN_USE, HYFW_PACK_CHANGED
   */
  enter(plan: PackPlan): PackDone | undefined {
    mkdirSync(this.path, { recursive: true });
    const done = readJson(this.done, PackDone);
    if (done !== undefined) {
      const change = difference(done, plan);
      if (
        change === undefined &&
        done.shards.every(({ file, bytes }) => sizeOf(join(this.path, file)) === bytes)
      ) {
        this.sweep();
        return done;
      }
      throw packTargetInUse(
        this.path,
        `a finished pack (${done.rows} rows of ${done.source}), but ${change ?? "its shards are missing or have another size"}`,
      );
    }
    const begun = readJson(this.plan, PackPlan);
    if (begun !== undefined) {
      const change = difference(begun, plan);
      if (change !== undefined) throw packChanged(this.path, change);
      return undefined;
    }
    const strangers = readdirSync(this.path).filter((name) => name.endsWith(".arrow"));
    if (strangers.length > 0)
      throw packTargetInUse(this.path, `${strangers.length} Arrow file(s) of another run`);
    mkdirSync(this.state, { recursive: true });
    writeWhole(this.plan, JSON.stringify(plan));
    return undefined;
  }

  /** The plan of an unfinished pack, or what a finished one left. */
  begun(): { plan?: PackPlan | undefined; done?: PackDone | undefined } {
    return { plan: readJson(this.plan, PackPlan), done: readJson(this.done, PackDone) };
  }

  /** Removes half-written files of a slice, whoever left them. */
  clearSlice(slice: number): void {
    const own = [this.shardFile(slice), `${String(slice).padStart(5, "0")}.jsonl`];
    for (const folder of [this.path, this.state])
      for (const name of readdirSync(folder))
        if (name.endsWith(".partial") && own.some((start) => name.startsWith(`${start}.`)))
          rmSync(join(folder, name), { force: true });
  }

  /**
   * The end of a slice's part when the slice is done and its shard is what the part says; undefined when it must be packed again.
   * A shard that a rewrite left under another name is moved into place.
   */
  async finished(slice: number, rows: number): Promise<PartEnd | undefined> {
    if (!existsSync(this.part(slice))) return undefined;
    let end: PartEnd | undefined;
    let lines = 0;
    for await (const line of readPart(this.part(slice))) {
      if (line === undefined) return undefined;
      if (isPartEnd(line)) end = line;
      else lines++;
    }
    if (end === undefined || lines !== rows || end.rows !== rows) return undefined;
    if (end.shard === null) {
      rmSync(this.shard(slice), { force: true });
      return end;
    }
    const { file, bytes, from } = end.shard;
    if (from !== undefined && sizeOf(join(this.path, from)) === bytes)
      renameSync(join(this.path, from), join(this.path, file));
    return (await isWhole(join(this.path, file), bytes, end.kept)) ? end : undefined;
  }
}

async function isWhole(path: string, bytes: number, rows: number): Promise<boolean> {
  if (sizeOf(path) !== bytes) return false;
  try {
    const file = await ArrowFile.open(path);
    await file.close();
    return file.rows === rows;
  } catch {
    return false;
  }
}

/** Writes a small file in one piece. */
export function writeWhole(path: string, text: string): void {
  const partial = `${path}.${process.pid}.partial`;
  writeFileSync(partial, text, { flush: true });
  renameSync(partial, path);
}

function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}

function readJson<Schema extends z.ZodType>(path: string, schema: Schema): z.output<Schema> | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return schema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return undefined; // half-written or of another version: as if it were not there
  }
}

/** What differs between two packs, in words. */
function difference(before: PackPlan, now: PackPlan): string | undefined {
  if (before.fingerprint !== now.fingerprint || before.rows !== now.rows)
    return `the source has changed since (${before.rows} rows then, ${now.rows} now)`;
  const keys = [...new Set([...Object.keys(before.settings), ...Object.keys(now.settings)])];
  const changed = keys.filter(
    (key) => JSON.stringify(before.settings[key]) !== JSON.stringify(now.settings[key]),
  );
  if (changed.length > 0)
    return changed
      .map(
        (key) =>
          `${key} was ${JSON.stringify(before.settings[key]) ?? "not set"} and is now ${JSON.stringify(now.settings[key]) ?? "not set"}`,
      )
      .join(", ");
  return JSON.stringify([before.extra, before.captions]) === JSON.stringify([now.extra, now.captions])
    ? undefined
    : "its columns are others now";
}
