import type { Bucket } from "@hyfw/core";
import { permutation } from "./permute.js";

/** What to do with the rows of a bucket that do not fill a unit at the end of an epoch. */
export type Leftover = "carry" | "drop" | "pad" | "legacy-indexkits";

/** Whether rows are permuted, or stay as the index has them. */
export type RowOrder = "keyed" | "index";

/** The units that one bucket gives in one epoch. */
export interface BucketUnits {
  readonly units: number;
  /** Positions of unit i, 0 ≤ i < units, in the order they are dealt. The first call permutes the rows. */
  unit(i: number): Uint32Array;
  /** What was left over or repeated, for the plan; undefined when nothing was. */
  readonly note: string | undefined;
}

interface Draw {
  readonly seed: number;
  readonly epoch: number;
  readonly unitSize: number;
  readonly order: RowOrder;
}

/** The units of one bucket by a policy; a pure function of its arguments. */
export function bucketUnits(
  bucket: Bucket,
  draw: Draw,
  leftover: Exclude<Leftover, "legacy-indexkits">,
): BucketUnits {
  if (leftover === "carry") return carried(bucket, draw);
  return leftover === "drop" ? dropped(bucket, draw) : padded(bucket, draw);
}

/**
 * The bucket's rows as one endless stream, one keyed permutation after the other, cut into units: epoch e holds the units that end
 * within the first (e + 1)·n rows. So what one epoch leaves over starts the next one, and nothing has to be remembered.
 */
function carried(bucket: Bucket, draw: Draw): BucketUnits {
  const { epoch, unitSize } = draw;
  const n = bucket.positions.length;
  const firstUnit = Math.floor((epoch * n) / unitSize);
  const units = Math.floor(((epoch + 1) * n) / unitSize) - firstUnit;
  const left = (epoch + 1) * n - (firstUnit + units) * unitSize;
  return {
    units,
    unit: cut(unitSize, () => slice(bucket, draw, { start: firstUnit * unitSize, length: units * unitSize })),
    note: left === 0 ? undefined : `${nameOf(bucket)}: ${left} of ${n} row(s) carried into the next epoch`,
  };
}

/** Rows [start, start + length) of the endless stream. */
function slice(
  bucket: Bucket,
  draw: Omit<Draw, "epoch" | "unitSize">,
  { start, length }: { start: number; length: number },
): Uint32Array {
  const n = bucket.positions.length;
  const rows = new Uint32Array(length);
  let done = 0;
  while (done < length) {
    const pass = Math.floor((start + done) / n);
    const from = start + done - pass * n;
    const take = Math.min(n - from, length - done);
    const mixed = mixedRows(bucket, bucket.positions, { ...draw, epoch: pass }, from);
    rows.set(mixed.subarray(from, from + take), done);
    done += take;
  }
  return rows;
}

/** Whole units of this epoch's permutation; the rest is left out until another epoch's order takes it. */
function dropped(bucket: Bucket, draw: Draw): BucketUnits {
  const { epoch, unitSize } = draw;
  const n = bucket.positions.length;
  const units = Math.floor(n / unitSize);
  const left = n - units * unitSize;
  return {
    units,
    unit: cut(unitSize, () => slice(bucket, draw, { start: epoch * n, length: units * unitSize })),
    note: left === 0 ? undefined : `${nameOf(bucket)}: ${left} of ${n} row(s) left out of this epoch`,
  };
}

/** The official alignment: rows are repeated until whole units are filled, then the result is permuted. */
function padded(bucket: Bucket, draw: Draw): BucketUnits {
  const { unitSize } = draw;
  const n = bucket.positions.length;
  const repeats = (unitSize - (n % unitSize)) % unitSize;
  return {
    units: (n + repeats) / unitSize,
    unit: cut(unitSize, () => mixedRows(bucket, alignRows(bucket.positions, unitSize), draw)),
    note: repeats === 0 ? undefined : `${nameOf(bucket)}: ${n} row(s) filled up with ${repeats} repeat(s)`,
  };
}

/**
 * The only bucket as the official loader gives out a set of one resolution: rows go round the ranks in turns, those that
 * do not go round, and of every rank those that fill no batch, are left out.
 */
export function dealtInTurns(bucket: Bucket, draw: Draw, ranks: number): BucketUnits {
  const { unitSize } = draw;
  const n = bucket.positions.length;
  const batchSize = unitSize / ranks;
  const units = Math.floor(Math.floor(n / ranks) / batchSize);
  const left = n - units * unitSize;
  return {
    units,
    unit: cut(unitSize, () => {
      const mixed = mixedRows(bucket, bucket.positions, draw);
      const rows = new Uint32Array(units * unitSize);
      for (let rank = 0; rank < ranks; rank++) {
        const turns = turnsOf(n, { rank, ranks });
        for (let i = 0; i < units * batchSize; i++) {
          const unit = Math.floor(i / batchSize);
          rows[unit * unitSize + rank * batchSize + (i % batchSize)] = mixed[turns[i] as number] as number;
        }
      }
      return rows;
    }),
    note: left === 0 ? undefined : `${nameOf(bucket)}: ${left} of ${n} row(s) left out of this epoch`,
  };
}

/**
 * Places that the official sampler of a set of one resolution gives a rank, in order.
 * @param start places that are passed over first, counted over all ranks
 * @param dropLast whether the last places that do not go round are left out; otherwise the first are taken again
 */
export function turnsOf(
  length: number,
  {
    rank,
    ranks,
    start = 0,
    dropLast = true,
  }: { rank: number; ranks: number; start?: number; dropLast?: boolean },
): Uint32Array {
  const left = length - start;
  const turns = dropLast ? Math.floor(left / ranks) : Math.ceil(left / ranks);
  return Uint32Array.from({ length: turns }, (_, turn) => start + ((rank + turn * ranks) % left));
}

/** Rows in the keyed order of an epoch, or as they are. @param from first place that has to be right */
function mixedRows(
  bucket: Bucket,
  rows: Uint32Array,
  { seed, epoch, order }: Omit<Draw, "unitSize">,
  from = 0,
): Uint32Array {
  if (order === "index") return rows;
  const key = { seed, epoch, name: nameOf(bucket), purpose: "sampler-bucket/rows" };
  const places = permutation(rows.length, key, from);
  for (let i = from; i < places.length; i++) places[i] = rows[places[i] as number] as number;
  return places;
}

/** Unit after unit of rows that are made when the first is asked for: plans ask for counts only. */
function cut(unitSize: number, make: () => Uint32Array): (i: number) => Uint32Array {
  let rows: Uint32Array | undefined;
  return (i) => {
    rows ??= make();
    return rows.subarray(i * unitSize, (i + 1) * unitSize);
  };
}

/**
 * The rows repeated to a multiple of `align` as the official loader does: all 1 + floor(need / n) times, the last need mod n rows
 * once more; copies are neighbours.
 */
export function alignRows(positions: Uint32Array, align: number): Uint32Array {
  const n = positions.length;
  if (n % align === 0) return positions;
  const need = align - (n % align);
  const times = 1 + Math.floor(need / n);
  const more = need % n;
  const aligned = new Uint32Array(n + need);
  let at = 0;
  for (let i = 0; i < n; i++) {
    const copies = i >= n - more ? times + 1 : times;
    aligned.fill(positions[i] as number, at, at + copies);
    at += copies;
  }
  return aligned;
}

function nameOf({ resolution: { height, width } }: Bucket): string {
  return `${height}x${width}`;
}
