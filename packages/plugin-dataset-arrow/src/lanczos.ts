import type { Geometry, Resolution } from "@hyfw/core";

/*
 * Antialiased Lanczos resampling with window 3, as Pillow computes it: two passes, horizontal first, weights in 22-bit fixed point,
 * each pass rounded to bytes. When shrinking by a factor f the kernel is f times as wide.
 */

const BITS = 22;
const HALF = 2 ** (BITS - 1);
const WINDOW = 3;

/** For every wanted output place: the first input place, and `taps` weights of which `counts` are used. */
interface Weights {
  readonly first: Int32Array;
  readonly counts: Int32Array;
  readonly taps: number;
  readonly values: Int32Array;
}

/**
 * Resizes and cuts the window in one go into `out`, computing only what the window shows.
 * @param rgb uint8 [H, W, 3] of `size`
 * @param out uint8 [h, w, 3] of `geometry.resolution`
 */
export function resampleInto(rgb: Uint8Array, size: Resolution, geometry: Geometry, out: Uint8Array): void {
  const { resized, crop, resolution } = geometry;
  const across = weightsFor(size.width, resized.width, { from: crop.left, count: resolution.width });
  const down = weightsFor(size.height, resized.height, { from: crop.top, count: resolution.height });
  const last = resolution.height - 1;
  const top = down.first[0] ?? 0;
  const bottom = (down.first[last] ?? 0) + (down.counts[last] ?? 0);
  const narrow = new Uint8Array((bottom - top) * resolution.width * 3);
  for (let y = top; y < bottom; y++) {
    const row = rgb.subarray(y * size.width * 3, (y + 1) * size.width * 3);
    narrowRow(row, across, narrow.subarray((y - top) * resolution.width * 3));
  }
  lowerRows(narrow, down, { top, rowBytes: resolution.width * 3, out });
}

function narrowRow(row: Uint8Array, { first, counts, taps, values }: Weights, out: Uint8Array): void {
  for (let x = 0; x < first.length; x++) {
    let red = HALF;
    let green = HALF;
    let blue = HALF;
    let at = (first[x] as number) * 3;
    const end = x * taps + (counts[x] as number);
    for (let k = x * taps; k < end; k++) {
      const weight = values[k] as number;
      red += (row[at] as number) * weight;
      green += (row[at + 1] as number) * weight;
      blue += (row[at + 2] as number) * weight;
      at += 3;
    }
    out[3 * x] = clip(red);
    out[3 * x + 1] = clip(green);
    out[3 * x + 2] = clip(blue);
  }
}

function lowerRows(
  narrow: Uint8Array,
  { first, counts, taps, values }: Weights,
  { top, rowBytes, out }: { top: number; rowBytes: number; out: Uint8Array },
): void {
  const sums = new Float64Array(rowBytes);
  for (let y = 0; y < first.length; y++) {
    sums.fill(HALF);
    for (let k = 0; k < (counts[y] as number); k++) {
      const weight = values[y * taps + k] as number;
      const from = ((first[y] as number) - top + k) * rowBytes;
      for (let i = 0; i < rowBytes; i++)
        sums[i] = (sums[i] as number) + (narrow[from + i] as number) * weight;
    }
    for (let i = 0; i < rowBytes; i++) out[y * rowBytes + i] = clip(sums[i] as number);
  }
}

function clip(sum: number): number {
  const value = sum >> BITS;
  return Math.max(0, Math.min(255, value));
}

function weightsFor(
  input: number,
  output: number,
  { from, count }: { from: number; count: number },
): Weights {
  const scale = input / output;
  const wide = Math.max(scale, 1);
  const support = WINDOW * wide;
  const taps = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(count);
  const counts = new Int32Array(count);
  const values = new Int32Array(count * taps);
  for (let i = 0; i < count; i++) {
    const centre = (from + i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(input, Math.trunc(centre + support + 0.5));
    const weights = Array.from({ length: end - start }, (_, k) => lanczos((start + k - centre + 0.5) / wide));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    first[i] = start;
    counts[i] = end - start;
    for (const [k, weight] of weights.entries()) {
      const fixed = (weight / total) * 2 ** BITS;
      values[i * taps + k] = Math.trunc(fixed + (fixed < 0 ? -0.5 : 0.5));
    }
  }
  return { first, counts, taps, values };
}

/** sinc(x) · sinc(x / 3) within the window, else 0. */
function lanczos(x: number): number {
  return x >= -WINDOW && x < WINDOW ? sinc(x) * sinc(x / WINDOW) : 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}
