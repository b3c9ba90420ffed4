import { createHash } from "node:crypto";
import type { Bucket, Dataset, Geometry, Resolution, Row } from "@hyfw/core";
import type { ArrowFile } from "./arrow/arrow-file.js";
import { arrowColumn, arrowRow } from "./errors.js";
import { centreGeometry } from "./geometry.js";
import { imageColumnOf, type Shard } from "./index-build/build-index.js";
import type { DatasetOptions } from "./options.js";
import { decodeInto, pictureSize } from "./read-pixels.js";
import { parseTags } from "./row-tags.js";

/** What a data set is made from, once its rows are chosen and its shards are open. */
export interface DatasetParts {
  readonly name: string;
  readonly options: DatasetOptions;
  readonly shards: readonly Shard[];
  /** Global row number of every position. */
  readonly rows: Uint32Array;
  readonly buckets: readonly Bucket[];
  readonly fingerprint: string;
  /** Positions whose picture occurred before, with how often. */
  readonly occurrences: ReadonlyMap<number, number>;
  readonly notes: readonly string[];
}

const REPACK = "remove the row from the index, or pack the shard again: packing lists damaged pictures";

/** Rows of Arrow shards, read by position. Made by `openDataset`; closing it closes the shards. */
export class ArrowDataset implements Dataset {
  readonly name: string;
  readonly fingerprint: string;
  readonly length: number;
  readonly buckets: readonly Bucket[];
  readonly #parts: DatasetParts;
  /** First global row of every shard, and the total. */
  readonly #starts: number[];
  readonly #textColumns = new Map<ArrowFile, readonly string[]>();

  constructor(parts: DatasetParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.fingerprint = parts.fingerprint;
    this.length = parts.rows.length;
    this.buckets = parts.buckets;
    this.#starts = [0];
    for (const { file } of parts.shards) this.#starts.push((this.#starts.at(-1) ?? 0) + file.rows);
    for (const { file } of parts.shards) this.#textColumns.set(file, textColumns(file, parts.options));
    this.#checkTextColumns();
  }

  describe(): readonly string[] {
    const { shards, notes, buckets } = this.#parts;
    const rows = this.#starts.at(-1) ?? 0;
    const sizes = buckets.map(
      ({ resolution: { height, width }, positions }) => `${height}x${width}: ${positions.length}`,
    );
    return [
      `${this.length} position(s) of ${rows} row(s) in ${shards.length} Arrow file(s)`,
      `captions: ${[...new Set([...this.#textColumns.values()].flat())].join(", ")}`,
      `${buckets.length} bucket(s), height x width: ${sizes.join(", ")}`,
      ...notes,
    ];
  }

  async row(position: number): Promise<Row> {
    const { shard, rowInFile } = this.#find(position);
    const { file } = shard;
    const texts: Record<string, string> = {};
    for (const name of this.#textColumns.get(file) ?? []) {
      const text = await file.column(name).text(rowInFile);
      if (text !== null) texts[name] = text;
    }
    const image = file.column(imageColumnOf(file));
    const picture = await this.#md5(file, rowInFile);
    return {
      position,
      picture,
      id: `${picture}-${this.#parts.occurrences.get(position) ?? 0}`,
      arrowFile: file.path,
      rowInFile,
      texts,
      tags: await this.#tags(file, rowInFile),
      size: await this.#size(file, rowInFile),
      imageBytes: await image.byteLength(rowInFile),
    };
  }

  geometry(row: Row, resolution: Resolution): Geometry {
    const single = !this.#parts.options.multireso && resolution.height === resolution.width;
    return centreGeometry(row.size, resolution, single);
  }

  async readPixels(row: Row, geometry: Geometry, out: Uint8Array): Promise<void> {
    const { file } = this.#find(row.position).shard;
    const bytes = await this.#picture(file, row.rowInFile);
    try {
      await decodeInto(bytes, { size: row.size, geometry, out }, this.#parts.options);
    } catch (cause) {
      const what = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
      const turned = what?.startsWith("its recorded size")
        ? 'for shards of the official converter set dataset.orientation to "stored", else pack the shard again'
        : REPACK;
      throw arrowRow(file.path, row.rowInFile, `its picture cannot be used: ${what}`, turned, cause);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#parts.shards.map(({ file }) => file.close()));
  }

  #find(position: number): { shard: Shard; rowInFile: number } {
    const row = this.#parts.rows[position];
    if (row === undefined)
      throw new RangeError(`position ${position} lies outside of ${this.name} (${this.length} positions)`);
    let low = 0;
    let high = this.#starts.length - 1;
    while (low + 1 < high) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle] as number) <= row) low = middle;
      else high = middle;
    }
    const shard = this.#parts.shards[low];
    if (shard === undefined) throw new RangeError(`row ${row} lies in no shard`);
    return { shard, rowInFile: row - (this.#starts[low] as number) };
  }

  async #picture(file: ArrowFile, row: number): Promise<Uint8Array> {
    const bytes = await file.column(imageColumnOf(file)).bytes(row);
    if (bytes === null) throw arrowRow(file.path, row, "it has no picture", REPACK);
    return bytes;
  }

  async #md5(file: ArrowFile, row: number): Promise<string> {
    const known = file.has("md5") ? await file.column("md5").text(row) : null;
    if (known !== null) return known;
    return createHash("md5")
      .update(await this.#picture(file, row))
      .digest("hex");
  }

  async #size(file: ArrowFile, row: number): Promise<Resolution> {
    const read = async (name: string) => (file.has(name) ? file.column(name).number(row) : Number.NaN);
    const size = { height: Math.trunc(await read("height")), width: Math.trunc(await read("width")) };
    if (size.height >= 1 && size.width >= 1) return size;
    const bytes = await this.#picture(file, row);
    try {
      return await pictureSize(bytes, this.#parts.options.orientation);
    } catch (cause) {
      throw arrowRow(file.path, row, "it has no recorded size and its picture cannot be read", REPACK, cause);
    }
  }

  async #tags(file: ArrowFile, row: number): Promise<Row["tags"]> {
    const { tagsColumn } = this.#parts.options;
    if (!file.has(tagsColumn)) return {};
    const text = await file.column(tagsColumn).text(row);
    return text === null ? {} : parseTags(text, { file: file.path, row, column: tagsColumn });
  }

  #checkTextColumns(): void {
    for (const [file, columns] of this.#textColumns)
      if (columns.length === 0)
        throw arrowColumn(
          file.path,
          "text_zh",
          `is missing, and no other text column is there; the file has ${file.fields.map((f) => f.name).join(", ")}`,
          "pack the shard with a caption column, or set dataset.textColumns",
        );
  }
}

function textColumns(file: ArrowFile, { textColumns: wanted, tagsColumn }: DatasetOptions): string[] {
  const apart = new Set(["md5", tagsColumn, imageColumnOf(file)]);
  if (wanted !== null) {
    for (const name of wanted) file.column(name); // throws when it is missing
    return [...wanted];
  }
  return file.fields.map((field) => field.name).filter((name) => !apart.has(name) && isText(file, name));
}

function isText(file: ArrowFile, name: string): boolean {
  const type = file.fields.find((field) => field.name === name)?.type ?? "";
  // The official converter stores a column of captions that are all numbers as numbers.
  return /Utf8/.test(type) || /^text_/.test(name);
}
