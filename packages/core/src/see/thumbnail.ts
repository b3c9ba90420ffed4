import { encodePng, type Picture } from "../run/png.js";

/**
 * A picture as PNG with no side longer than `most` pixels: shrunk by a whole number, each pixel the mean of those that
 * it stands for; pixels left over at the right and the bottom are cut off.
 */
export function thumbnailPng(picture: Picture, most: number): Buffer {
  const by = Math.ceil(Math.max(picture.height, picture.width) / most);
  return encodePng(by <= 1 ? picture : shrink(picture, by));
}

function shrink({ height, width, pixels }: Picture, by: number): Picture {
  const small = { height: Math.max(1, Math.floor(height / by)), width: Math.max(1, Math.floor(width / by)) };
  const out = new Uint8Array(small.height * small.width * 3);
  const down = Math.min(by, height);
  const across = Math.min(by, width);
  for (let y = 0; y < small.height; y++)
    for (let x = 0; x < small.width; x++)
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (let dy = 0; dy < down; dy++)
          for (let dx = 0; dx < across; dx++)
            sum += pixels[((y * by + dy) * width + x * by + dx) * 3 + channel] ?? 0;
        out[(y * small.width + x) * 3 + channel] = Math.round(sum / (down * across));
      }
  return { ...small, pixels: out };
}
