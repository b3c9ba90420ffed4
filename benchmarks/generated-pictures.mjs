// @ts-check
// JPEGs around 1024 pixels for timings, the same ones every time, with a CSV that lists them.
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rngFromKey } from "@hyfw/core";
import sharp from "sharp";

/**
 * Smooth colours with fine noise: about 0.3 bytes a pixel at quality 90, as photographs have.
 * @param {string} folder
 * @param {number} images
 * @returns {Promise<string>} the CSV that lists them
 */
export async function makePictures(folder, images) {
  const pictures = join(folder, "pictures");
  mkdirSync(pictures, { recursive: true });
  let bytes = 0;
  /** @type {string[]} */
  const rows = [];
  for (let i = 0; i < images; i++) {
    const path = join(pictures, `${i}.jpg`);
    if (!existsSync(path)) writeFileSync(path, await picture(i));
    bytes += statSync(path).size;
    rows.push(`pictures/${i}.jpg,"第 ${i} 张图片，颜色柔和, 带有细小的颗粒"`);
  }
  const csv = join(folder, `${images}.csv`);
  writeFileSync(csv, `image_path,text_zh\n${rows.join("\n")}\n`);
  process.stdout.write(
    `${images} JPEGs, ${(bytes / 1e6).toFixed(0)} MB, ${(bytes / images / 1e3).toFixed(0)} kB each\n`,
  );
  return csv;
}

/** @param {number} i */
async function picture(i) {
  const rng = rngFromKey({ low: i, high: 0x7061636b });
  const width = 896 + Math.floor(rng.uniform() * 256);
  const height = 896 + Math.floor(rng.uniform() * 256);
  const coarse = Buffer.from(Array.from({ length: 64 * 64 * 3 }, () => Math.floor(rng.uniform() * 256)));
  const grain = Buffer.from(
    Array.from({ length: 256 * 256 * 3 }, () => 108 + Math.floor(rng.uniform() * 40)),
  );
  return sharp(coarse, { raw: { width: 64, height: 64, channels: 3 } })
    .resize(width, height, { fit: "fill", kernel: "cubic" })
    .composite([
      { input: grain, raw: { width: 256, height: 256, channels: 3 }, blend: "soft-light", tile: true },
    ])
    .jpeg({ quality: 90 })
    .toBuffer();
}
