import type { Bucket } from "@hyfw/core";
import { permutation } from "./permute.js";

/** What to do with the rows of a bucket that do not fill a unit at the end of an epoch. */
export type Leftover = "carry" | "drop" | "pad";

/** The units that one bucket gives in one epoch. */
export interface BucketUnits {
  readonly units: number;
  /** Positions of unit i, 0 ≤ i < units, in the order they are dealt. */
  unit(i: number): Uint32Array;
  /** What was left over or repeated, for the plan; undefined when nothing was. */
  readonly note: string | undefined;
}

interface Draw {
  readonly seed: number;
  readonly epoch: number;
  readonly unitSize: number;
}

/** The units of one bucket by a policy; a pure function of its arguments. */
export function bucketUnits(bucket: Bucket, draw: Draw, leftover: Leftover): BucketUnits {
  if (leftover === "carry") return carried(bucket, draw);
  return leftover === "drop" ? dropped(bucket, draw) : padded(bucket, draw);
}

/**
 * The bucket's rows as one endless stream, one keyed permutation after the other, cut into units: epoch e holds the units that end
 * within the first (e + 1)·n rows. So what one epoch leaves over starts the next one, and nothing has to be remembered.
 */
function carried(bucket: Bucket, { seed, epoch, unitSize }: Draw): BucketUnits {
  const n = bucket.positions.length;
  const firstUnit = Math.floor((epoch * n) / unitSize);
  const units = Math.floor(((epoch + 1) * n) / unitSize) - firstUnit;
  const start = firstUnit * unitSize;
  const stream = slice(bucket, { seed, start, length: units * unitSize });
  const left = (epoch + 1) * n - (firstUnit + units) * unitSize;
  return {
    units,
    unit: (i) => stream.subarray(i * unitSize, (i + 1) * unitSize),
    note: left === 0 ? undefined : `${nameOf(bucket)}: ${left} of ${n} row(s) carried into the next epoch`,
  };
}

/** Rows [start, start + length) of the endless stream. */
function slice(
  bucket: Bucket,
  { seed, start, length }: { seed: number; start: number; length: number },
): Uint32Array {
  const n = bucket.positions.length;
  const rows = new Uint32Array(length);
  let done = 0;
  while (done < length) {
    const pass = Math.floor((start + done) / n);
    const from = start + done - pass * n;
    const take = Math.min(n - from, length - done);
    const order = permutation(n, { seed, epoch: pass, name: nameOf(bucket), purpose: "sampler-bucket/rows" });
    for (let i = 0; i < take; i++) rows[done + i] = bucket.positions[order[from + i] as number] as number;
    done += take;
  }
  return rows;
}

/** Whole units of this epoch's permutation; the rest is left out until another epoch's order takes it. */
function dropped(bucket: Bucket, { seed, epoch, unitSize }: Draw): BucketUnits {
  const n = bucket.positions.length;
  const units = Math.floor(n / unitSize);
  const stream = slice(bucket, { seed, start: epoch * n, length: units * unitSize });
  const left = n - units * unitSize;
  return {
    units,
    unit: (i) => stream.subarray(i * unitSize, (i + 1) * unitSize),
    note: left === 0 ? undefined : `${nameOf(bucket)}: ${left} of ${n} row(s) left out of this epoch`,
  };
}

/** The official alignment: rows are repeated until whole units are filled, then the result is permuted. */
function padded(bucket: Bucket, { seed, epoch, unitSize }: Draw): BucketUnits {
  const n = bucket.positions.length;
  const aligned = alignRows(bucket.positions, unitSize);
  const order = permutation(aligned.length, {
    seed,
    epoch,
    name: nameOf(bucket),
    purpose: "sampler-bucket/rows",
  });
  const stream = order.map((i) => aligned[i] as number);
  const repeats = aligned.length - n;
  return {
    units: aligned.length / unitSize,
    unit: (i) => stream.subarray(i * unitSize, (i + 1) * unitSize),
    note: repeats === 0 ? undefined : `${nameOf(bucket)}: ${n} row(s) filled up with ${repeats} repeat(s)`,
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
