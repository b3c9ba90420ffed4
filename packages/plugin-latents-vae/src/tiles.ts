import { arange, cat, type Tensor, tidy } from "@hyfw/native";

/** Share of a tile that overlaps the next. */
const OVERLAP = 0.25;

/** Sides of tiles. */
export interface TileSizes {
  /** In pixels. */
  readonly tileSize: number;
  /** Pixels per latent cell on each side. */
  readonly cellSize: number;
}

/**
 * Decodes a picture in overlapping tiles and blends neighbours evenly over the overlap, first downwards, then to the
 * right: diffusers' tiled decoding. A picture that fits into one tile is decoded whole.
 * @param latents [B, C, h, w]; @param decode of one tile, [B, 3, h · cell, w · cell]
 */
export function decodeTiled(
  latents: Tensor,
  decode: (tile: Tensor) => Tensor,
  { tileSize, cellSize }: TileSizes,
): Tensor {
  const [, , height = 0, width = 0] = latents.shape;
  const cells = Math.max(1, Math.floor(tileSize / cellSize));
  if (height <= cells && width <= cells) return decode(latents);
  const step = Math.max(1, Math.floor(cells * (1 - OVERLAP)));
  const overlap = (cells - step) * cellSize;
  const keep = step * cellSize;
  return tidy(() => {
    let above: Tensor[] = [];
    const bands = starts(height, cells, step).map((top, n, tops) => {
      const tiles = starts(width, cells, step).map((left) =>
        tidy(() => decode(cut(cut(latents, 2, top, cells), 3, left, cells))),
      );
      const blended: Tensor[] = [];
      for (const [i, tile] of tiles.entries()) {
        const upper = above[i];
        const down = upper === undefined ? tile : blend(upper, tile, 2, overlap);
        const left = blended[i - 1];
        blended.push(left === undefined ? down : blend(left, down, 3, overlap));
      }
      above = blended;
      const isLast = n === tops.length - 1;
      return cat(
        blended.map((tile, i) => {
          const rows = isLast ? tile : cut(tile, 2, 0, keep);
          return i === blended.length - 1 ? rows : cut(rows, 3, 0, keep);
        }),
        3,
      );
    });
    return cat(bands, 2);
  });
}

/** Where tiles begin: the last one reaches the end. */
function starts(length: number, size: number, step: number): number[] {
  const all = [0];
  for (let start = step; (all.at(-1) ?? 0) + size < length; start += step) all.push(start);
  return all;
}

/** `next` with its first `overlap` rows or columns going over from the last ones of `before`. */
function blend(before: Tensor, next: Tensor, dim: 2 | 3, overlap: number): Tensor {
  const length = Math.min(overlap, before.shape[dim] ?? 0, next.shape[dim] ?? 0);
  const shape = dim === 2 ? [length, 1] : [1, length];
  const device = next.device === "meta" ? "cpu" : next.device;
  const share = arange(0, length, 1, { dtype: "float32", device })
    .mul(1 / length)
    .reshape(shape);
  const end = before.narrow(dim, (before.shape[dim] ?? 0) - length, length);
  const begin = next.narrow(dim, 0, length);
  const mixed = end.add(begin.sub(end).mul(share));
  const rest = (next.shape[dim] ?? 0) - length;
  return rest === 0 ? mixed : cat([mixed, next.narrow(dim, length, rest)], dim);
}

function cut(x: Tensor, dim: number, start: number, length: number): Tensor {
  return x.narrow(dim, start, Math.min(length, (x.shape[dim] ?? 0) - start));
}
