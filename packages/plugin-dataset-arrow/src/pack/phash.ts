/** Side in pixels of the reduction that blank pictures and look-alikes are told by. */
export const GRID = 32;

/** Low frequencies per side that the hash looks at. */
const LOW = 8;

/** cos((2x + 1)·u·π / 2·GRID) for u < LOW, the basis of the discrete cosine transform. */
const COSINES = Float64Array.from({ length: LOW * GRID }, (_, i) =>
  Math.cos(((2 * (i % GRID) + 1) * Math.floor(i / GRID) * Math.PI) / (2 * GRID)),
);

/** A reduction turned upright as an EXIF orientation says, so that the hash is of what people see. */
export function orientGrid(grid: Uint8Array, orientation: number): Uint8Array {
  if (orientation < 2 || orientation > 8) return grid;
  const turned = new Uint8Array(grid.length);
  const last = GRID - 1;
  for (let y = 0; y < GRID; y++)
    for (let x = 0; x < GRID; x++) {
      const [sx, sy] = stored(orientation, x, y, last);
      for (let c = 0; c < 3; c++) turned[(y * GRID + x) * 3 + c] = grid[(sy * GRID + sx) * 3 + c] ?? 0;
    }
  return turned;
}

/** Where the pixel at (x, y) of the upright picture is stored; EXIF 2.3, tag 0x0112. */
function stored(orientation: number, x: number, y: number, last: number): [number, number] {
  switch (orientation) {
    case 2:
      return [last - x, y];
    case 3:
      return [last - x, last - y];
    case 4:
      return [x, last - y];
    case 5:
      return [y, x];
    case 6:
      return [y, last - x];
    case 7:
      return [last - y, last - x];
    default:
      return [last - y, x];
  }
}

/**
 * Perceptual hash: sign of the 63 lowest frequencies of the luma (constant part left out) against their median.
 * Two words, high first; the highest bit is 0.
 */
export function perceptualHash(grid: Uint8Array): readonly [number, number] {
  const luma = new Float64Array(GRID * GRID);
  for (let i = 0; i < luma.length; i++)
    luma[i] = 0.299 * (grid[3 * i] ?? 0) + 0.587 * (grid[3 * i + 1] ?? 0) + 0.114 * (grid[3 * i + 2] ?? 0);
  const rows = new Float64Array(GRID * LOW);
  for (let y = 0; y < GRID; y++)
    for (let u = 0; u < LOW; u++) {
      let sum = 0;
      for (let x = 0; x < GRID; x++) sum += (luma[y * GRID + x] ?? 0) * (COSINES[u * GRID + x] ?? 0);
      rows[y * LOW + u] = sum;
    }
  const low: number[] = [];
  for (let v = 0; v < LOW; v++)
    for (let u = 0; u < LOW; u++) {
      if (u === 0 && v === 0) continue;
      let sum = 0;
      for (let y = 0; y < GRID; y++) sum += (rows[y * LOW + u] ?? 0) * (COSINES[v * GRID + y] ?? 0);
      low.push(sum);
    }
  const median = [...low].sort((a, b) => a - b)[31] ?? 0;
  let high = 0;
  let rest = 0;
  for (const [i, value] of low.entries()) {
    if (value <= median) continue;
    if (i < 31) high |= 1 << (30 - i);
    else rest |= 1 << (62 - i);
  }
  return [high >>> 0, rest >>> 0];
}

/** The largest difference between two cells of the reduction in any channel, 0 for a picture of one colour. */
export function colourRange(grid: Uint8Array): number {
  let range = 0;
  for (let c = 0; c < 3; c++) {
    let least = 255;
    let most = 0;
    for (let i = c; i < grid.length; i += 3) {
      const value = grid[i] ?? 0;
      if (value < least) least = value;
      if (value > most) most = value;
    }
    range = Math.max(range, most - least);
  }
  return range;
}

/** Sixteen hex digits. */
export function hashText([high, low]: readonly [number, number]): string {
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}
