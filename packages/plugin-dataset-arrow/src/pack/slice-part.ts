import { closeSync, fsyncSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "@hyfw/core";
import { syncFolder } from "./arrow-shard.js";
import { readLines } from "./read-lines.js";

/** What became of one source row: a line of the ledger. */
export interface LedgerLine {
  readonly row: number;
  readonly line?: number | undefined;
  readonly image: string | null;
  readonly status: "kept" | "repaired" | "refused";
  /** How the row was put right. */
  readonly repairs?: readonly string[] | undefined;
  readonly reason?: string | undefined;
  readonly detail?: string | undefined;
  /** Where it is now: shard and row in it, from 0. */
  readonly shard?: string | undefined;
  readonly at?: number | undefined;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly md5?: string | undefined;
  readonly phash?: string | undefined;
}

const Counts = z.record(z.string(), z.number());

/** The last line of a part: that it is there shows that the part is whole. */
const PartEnd = z.strictObject({
  end: z.literal(true),
  rows: z.number(),
  kept: z.number(),
  shard: z.strictObject({ file: z.string(), bytes: z.number(), from: z.string().optional() }).nullable(),
  /** Caption lengths in characters by column. */
  captions: z.record(z.string(), Counts),
  /** How often each tag occurs, by category. */
  tags: z.record(z.string(), Counts),
  thumbs: z.array(z.strictObject({ row: z.number(), reason: z.string(), jpeg: z.string() })),
});
export type PartEnd = z.output<typeof PartEnd>;

/** A small picture of a refused row, JPEG in base64. */
export type Thumb = PartEnd["thumbs"][number];

/** Writes the ledger lines of one slice; the file gets its name only when the last line is on disk. */
export class PartWriter {
  #fd: number;
  #pending: string[] = [];
  #units = 0;

  constructor(readonly partial: string) {
    this.#fd = openSync(partial, "w");
  }

  add(line: LedgerLine | PartEnd): void {
    const text = `${JSON.stringify(line)}\n`;
    this.#pending.push(text);
    this.#units += text.length;
    if (this.#units > 1 << 18) this.#flush();
  }

  finish(end: PartEnd, path: string): void {
    this.add(end);
    this.#flush();
    fsyncSync(this.#fd);
    closeSync(this.#fd);
    renameSync(this.partial, path);
    syncFolder(dirname(path));
  }

  abandon(): void {
    closeSync(this.#fd);
  }

  #flush(): void {
    const bytes = Buffer.from(this.#pending.join(""), "utf8");
    for (let done = 0; done < bytes.byteLength; ) done += writeSync(this.#fd, bytes, done);
    this.#pending = [];
    this.#units = 0;
  }
}

/** The lines of a part in order; `undefined` comes last when its end is missing or a line is damaged. */
export async function* readPart(path: string): AsyncGenerator<LedgerLine | PartEnd | undefined> {
  let isEnded = false;
  for await (const { bytes } of readLines(path)) {
    const line = parseLine(bytes.toString("utf8"));
    if (line === undefined || isEnded) {
      yield undefined;
      return;
    }
    isEnded = isPartEnd(line);
    yield line;
  }
  if (!isEnded) yield undefined;
}

function parseLine(text: string): LedgerLine | PartEnd | undefined {
  try {
    const line = JSON.parse(text) as LedgerLine | PartEnd;
    return isPartEnd(line) ? PartEnd.parse(line) : line;
  } catch {
    return undefined;
  }
}

/** Whether a line of a part is its last one. */
export function isPartEnd(line: LedgerLine | PartEnd): line is PartEnd {
  return "end" in line;
}
