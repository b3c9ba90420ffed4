import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { packNothingKept, packTargetInUse } from "../errors.js";
import { ArrowShard } from "./arrow-shard.js";
import { checkPicture, PictureRefused } from "./check-picture.js";
import { type CsvRow, readCsv } from "./csv-table.js";
import { mapInOrder } from "./map-in-order.js";

/** What `packCsv` needs to know. */
export interface PackSettings {
  readonly csv: string;
  /** Folder for the shards and `refused.jsonl`; made when missing. */
  readonly out: string;
  /** CSV rows per shard; refused rows count, so that a row's shard does not depend on other rows' pictures. */
  readonly rowsPerShard?: number;
  /** Replaces the start of picture paths: `[["/old/", "/new/"]]`; the first that fits is used. */
  readonly pathPrefixes?: readonly (readonly [string, string])[];
  /** Removes Arrow files that lie in `out` already. */
  readonly replace?: boolean;
  /** Pictures decoded at a time. */
  readonly inFlight?: number;
  /** Called after every row with the rows done so far. */
  readonly onRow?: (rows: number) => void;
}

/** A row that was not packed, as `refused.jsonl` lists it. */
export interface RefusedRow {
  readonly file: string;
  readonly row: number;
  readonly line: number;
  readonly image: string | null;
  readonly reason: string;
  readonly detail: string;
}

/** What became of a CSV: rows = kept + refused. */
export interface PackReport {
  readonly rows: number;
  readonly kept: number;
  readonly refused: readonly RefusedRow[];
  readonly refusedByReason: Readonly<Record<string, number>>;
  readonly shards: readonly string[];
  readonly columns: readonly string[];
}

/**
 * Packs the rows of a CSV and their pictures into Arrow shards. Every picture is decoded in full first; a row whose picture cannot be
 * used is listed in `refused.jsonl` with the reason, never left out silently. Relative picture paths start at the CSV's folder.
 * @throws HYFW_CSV_*, HYFW_PACK_TARGET_IN_USE, HYFW_PACK_NOTHING_KEPT
 */
export async function packCsv(settings: PackSettings): Promise<PackReport> {
  const { csv, out, rowsPerShard = 5000, inFlight = 2 } = settings;
  const table = await readCsv(csv);
  clearTarget(out, settings.replace ?? false);
  const zh = table.columns.indexOf("text_zh");
  const extraColumns = table.columns.filter((_, i) => i !== zh);
  const refused: RefusedRow[] = [];
  const shards: string[] = [];
  let shard: { number: number; file: ArrowShard } | undefined;
  let rows = 0;
  const finishShard = (): void => {
    if (shard === undefined) return;
    shard.file.finish();
    shards.push(shard.file.path);
    shard = undefined;
  };
  try {
    for await (const { row, outcome } of mapInOrder(table.rows, inFlight, (row) => checkRow(row, settings))) {
      rows++;
      if (outcome instanceof PictureRefused) {
        const { reason, detail } = outcome;
        refused.push({ file: csv, row: row.row, line: row.line, image: row.imagePath, reason, detail });
      } else {
        const number = Math.floor((row.row - 1) / rowsPerShard);
        if (shard?.number !== number) finishShard();
        shard ??= { number, file: new ArrowShard(join(out, shardName(number)), extraColumns) };
        const extra = row.cells.filter((_, i) => i !== zh);
        const { bytes, md5, width, height } = outcome;
        shard.file.add({ md5, width, height, image: bytes, textZh: row.cells[zh] ?? null, extra });
      }
      settings.onRow?.(rows);
    }
    finishShard();
  } finally {
    shard?.file.abandon();
  }
  writeRefused(join(out, "refused.jsonl"), refused);
  if (shards.length === 0) throw packNothingKept(csv, rows, join(out, "refused.jsonl"));
  return {
    rows,
    kept: rows - refused.length,
    refused,
    refusedByReason: countBy(refused),
    shards,
    columns: ["text_zh", "md5", "width", "height", "image", ...extraColumns],
  };
}

async function checkRow(row: CsvRow, { csv, pathPrefixes = [] }: PackSettings) {
  try {
    if (row.imagePath === null) throw new PictureRefused("no picture path", "the field is empty");
    const prefix = pathPrefixes.find(([from]) => row.imagePath?.startsWith(from));
    const path = prefix ? prefix[1] + row.imagePath.slice(prefix[0].length) : row.imagePath;
    return { row, outcome: await checkPicture(resolve(dirname(csv), path)) };
  } catch (error) {
    if (error instanceof PictureRefused) return { row, outcome: error };
    throw error;
  }
}

function shardName(number: number): string {
  return `${String(number).padStart(5, "0")}.arrow`;
}

function clearTarget(out: string, replace: boolean): void {
  if (existsSync(out)) {
    const old = readdirSync(out).filter((name) => /\.arrow(\.partial)?$/.test(name));
    const whole = old.filter((name) => name.endsWith(".arrow"));
    if (whole.length > 0 && !replace) throw packTargetInUse(out, whole.length);
    for (const name of old) rmSync(join(out, name));
  }
  mkdirSync(out, { recursive: true });
}

function writeRefused(path: string, refused: readonly RefusedRow[]): void {
  writeFileSync(`${path}.partial`, refused.map((row) => `${JSON.stringify(row)}\n`).join(""));
  renameSync(`${path}.partial`, path);
}

function countBy(refused: readonly RefusedRow[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { reason } of refused) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}
