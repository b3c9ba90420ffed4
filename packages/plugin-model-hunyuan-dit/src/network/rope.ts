import type { Resolution } from "@hyfw/core";
import { fromTypedArray, type Tensor } from "@hyfw/native";

/** How token positions are chosen: counted, or spread over a square of 32 (base512) or 64 (base1024) tokens. */
export type RopeImg = "extend" | "base512" | "base1024";

/** Where positions of one axis begin and end (end excluded), and how many there are. */
export interface Positions {
  readonly start: number;
  readonly stop: number;
  readonly count: number;
}

/** Python's round: halves go to the even number. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * Fits a token grid into a square of `base` tokens with its ratio kept, and centres it.
 * @param grid tokens, height first. @returns top left and bottom right of the fitted grid in the square
 */
export function fillResizeAndCrop(
  { height, width }: Resolution,
  base: number,
): { readonly top: number; readonly left: number; readonly bottom: number; readonly right: number } {
  const isTall = height > width;
  const fitted = {
    height: isTall ? base : roundHalfEven((base / width) * height),
    width: isTall ? roundHalfEven((base / height) * width) : base,
  };
  const top = roundHalfEven((base - fitted.height) / 2);
  const left = roundHalfEven((base - fitted.width) / 2);
  return { top, left, bottom: top + fitted.height, right: left + fitted.width };
}

/** Positions of rows and columns of a token grid. */
export function ropePositions(
  ropeImg: RopeImg,
  grid: Resolution,
): { readonly rows: Positions; readonly columns: Positions } {
  const { height, width } = grid;
  if (ropeImg === "extend")
    return {
      rows: { start: 0, stop: height, count: height },
      columns: { start: 0, stop: width, count: width },
    };
  const base = Number(ropeImg.slice("base".length)) / 8 / 2; // VAE factor 8, patch 2, whatever the latents here
  const { top, left, bottom, right } = fillResizeAndCrop(grid, base);
  return {
    rows: { start: top, stop: bottom, count: height },
    columns: { start: left, stop: right, count: width },
  };
}

/** Cosines and sines for all tokens of a grid, float32 [L, K], row-major. */
export interface RopeNumbers {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
  readonly tokens: number;
  readonly headSize: number;
}

/**
 * Rotary tables: per axis K/2 numbers from the frequencies 10000^(−2i/(K/2)), each written twice in a row. The first
 * half of a head turns with the column, the second with the row. Positions are divided in float64, everything after
 * is float32 step by step.
 */
export function ropeNumbers(ropeImg: RopeImg, grid: Resolution, headSize: number): RopeNumbers {
  const { rows, columns } = ropePositions(ropeImg, grid);
  const tokens = grid.height * grid.width;
  const cos = new Float32Array(tokens * headSize);
  const sin = new Float32Array(tokens * headSize);
  const columnTurns = axisTurns(columns, headSize / 2);
  const rowTurns = axisTurns(rows, headSize / 2);
  const half = headSize / 2;
  for (let y = 0; y < grid.height; y++)
    for (let x = 0; x < grid.width; x++) {
      const at = (y * grid.width + x) * headSize;
      cos.set(columnTurns.cos.subarray(x * half, (x + 1) * half), at);
      sin.set(columnTurns.sin.subarray(x * half, (x + 1) * half), at);
      cos.set(rowTurns.cos.subarray(y * half, (y + 1) * half), at + half);
      sin.set(rowTurns.sin.subarray(y * half, (y + 1) * half), at + half);
    }
  return { cos, sin, tokens, headSize };
}

/** Cosines and sines of position · frequency for one axis, [count, size], each frequency twice. */
function axisTurns(
  { start, stop, count }: Positions,
  size: number,
): { readonly cos: Float32Array; readonly sin: Float32Array } {
  const cos = new Float32Array(count * size);
  const sin = new Float32Array(count * size);
  for (let i = 0; i < size; i += 2) {
    const power = Math.fround(10000 ** Math.fround(i / size));
    const frequency = Math.fround(1 / power);
    for (let position = 0; position < count; position++) {
      const place = Math.fround(start + (position * (stop - start)) / count);
      const angle = Math.fround(place * frequency);
      const at = position * size + i;
      cos[at] = cos[at + 1] = Math.cos(angle);
      sin[at] = sin[at + 1] = Math.sin(angle);
    }
  }
  return { cos, sin };
}

/** The two tables as tensors, each [L, K], in the current scope. */
export function ropeTables(
  ropeImg: RopeImg,
  grid: Resolution,
  headSize: number,
): { readonly cos: Tensor; readonly sin: Tensor } {
  const { cos, sin, tokens } = ropeNumbers(ropeImg, grid, headSize);
  return {
    cos: fromTypedArray(cos, [tokens, headSize]),
    sin: fromTypedArray(sin, [tokens, headSize]),
  };
}
