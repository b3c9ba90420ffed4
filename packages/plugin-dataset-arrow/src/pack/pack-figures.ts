import { nearestResolution, resolutionList } from "../resolutions.js";
import type { PackDone } from "./pack-folder.js";
import { RowCounts } from "./row-counts.js";
import type { LedgerLine, PartEnd, Thumb } from "./slice-part.js";

/** Thumbnails shown per reason. */
const THUMBS_SHOWN = 24;

/** Buckets that the report shows the filling of. */
export const REPORT_BUCKETS = { baseSize: 1024, resoStep: 64, align: 16 } as const;

/** A refused row that the report shows. */
export interface ShownRow {
  readonly line: LedgerLine;
  readonly jpeg: string | undefined;
}

/** Everything that the report and the closing counts are made from, gathered from the ledger. */
export class PackFigures {
  kept = 0;
  repaired = 0;
  refused = 0;
  readonly refusedByReason = new Map<string, number>();
  readonly repairedByReason = new Map<string, number>();
  /** Pictures by shorter side, in steps of 128 pixels. */
  readonly sides = new Map<number, number>();
  /** Pictures by log2(width / height), in steps of a quarter. */
  readonly aspects = new Map<number, number>();
  /** Rows per bucket, in the order of `buckets`. */
  readonly bucketRows: number[];
  readonly buckets = resolutionList({ ...REPORT_BUCKETS, targetRatios: null });
  /** Pictures that a bucket would enlarge. */
  enlarged = 0;
  readonly rows = new RowCounts();
  /** The first refused rows of each reason. */
  readonly shown = new Map<string, ShownRow[]>();
  readonly #pending = new Map<number, LedgerLine>();

  constructor() {
    this.bucketRows = this.buckets.map(() => 0);
  }

  add(line: LedgerLine): void {
    if (line.status === "refused") {
      this.refused++;
      const reason = line.reason ?? "unknown";
      this.refusedByReason.set(reason, (this.refusedByReason.get(reason) ?? 0) + 1);
      const seen = this.shown.get(reason)?.length ?? 0;
      if (seen + this.#waiting(reason) < THUMBS_SHOWN) this.#pending.set(line.row, line);
      return;
    }
    this[line.status]++;
    for (const repair of line.repairs ?? []) {
      const kind = repair.replace(/^\d+ /, "");
      this.repairedByReason.set(kind, (this.repairedByReason.get(kind) ?? 0) + 1);
    }
    this.#size(line.width ?? 0, line.height ?? 0);
  }

  /** Takes the end of the slice whose lines were added. */
  addPart(end: PartEnd): void {
    this.rows.addPart(end);
    const thumbs = new Map(end.thumbs.map((thumb: Thumb) => [thumb.row, thumb.jpeg]));
    for (const line of this.#pending.values()) {
      const reason = line.reason ?? "unknown";
      this.shown.set(reason, [...(this.shown.get(reason) ?? []), { line, jpeg: thumbs.get(line.row) }]);
    }
    this.#pending.clear();
  }

  counts(): Pick<PackDone, "kept" | "repaired" | "refused" | "refusedByReason" | "repairedByReason"> {
    return {
      kept: this.kept,
      repaired: this.repaired,
      refused: this.refused,
      refusedByReason: byCount(this.refusedByReason),
      repairedByReason: byCount(this.repairedByReason),
    };
  }

  #waiting(reason: string): number {
    let waiting = 0;
    for (const line of this.#pending.values()) if (line.reason === reason) waiting++;
    return waiting;
  }

  #size(width: number, height: number): void {
    const side = Math.floor(Math.min(width, height) / 128) * 128;
    this.sides.set(side, (this.sides.get(side) ?? 0) + 1);
    const aspect = Math.max(-12, Math.min(12, Math.round(4 * Math.log2(width / height)))) / 4;
    this.aspects.set(aspect, (this.aspects.get(aspect) ?? 0) + 1);
    const at = nearestResolution(this.buckets, { height, width });
    this.bucketRows[at] = (this.bucketRows[at] ?? 0) + 1;
    const bucket = this.buckets[at];
    if (bucket !== undefined && (height < bucket.height || width < bucket.width)) this.enlarged++;
  }
}

/** Most frequent first; equal counts by name, so that the order depends on nothing else. */
export function byCount(counts: ReadonlyMap<string, number>): Record<string, number> {
  const sorted = [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return Object.fromEntries(sorted);
}
