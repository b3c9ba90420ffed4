import type { Picture } from "./png.js";

/** Pixels between two pictures. */
const GAP = 4;
const WHITE = 255;

/** Columns that make a nearly square grid of so many pictures, wider rather than taller. */
export function squareColumns(count: number): number {
  return Math.ceil(Math.sqrt(count));
}

/** Pictures side by side in reading order, white between them; all have one size. */
export function pictureGrid(pictures: readonly Picture[], columns: number): Picture {
  const { height = 0, width = 0 } = pictures[0] ?? {};
  const across = Math.min(columns, pictures.length);
  const down = Math.ceil(pictures.length / across);
  const whole = { height: down * (height + GAP) - GAP, width: across * (width + GAP) - GAP };
  const pixels = new Uint8Array(whole.height * whole.width * 3).fill(WHITE);
  for (const [n, picture] of pictures.entries()) {
    const top = Math.floor(n / across) * (height + GAP);
    const left = (n % across) * (width + GAP);
    for (let y = 0; y < height; y++)
      pixels.set(
        picture.pixels.subarray(y * width * 3, (y + 1) * width * 3),
        ((top + y) * whole.width + left) * 3,
      );
  }
  return { ...whole, pixels };
}
