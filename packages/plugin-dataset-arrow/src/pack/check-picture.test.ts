import sharp from "sharp";
import t from "tap";
import { checkPicture } from "./check-picture.js";

/** Numbers in [0, 1) from a seed: a linear congruential generator, so that every run damages the same bytes. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

async function isWhole(bytes: Buffer): Promise<boolean> {
  return sharp(bytes, { failOn: "warning" })
    .raw()
    .toBuffer()
    .then(() => true)
    .catch(() => false);
}

async function isAccepted(bytes: Buffer): Promise<boolean> {
  return checkPicture(bytes, { decode: "full", maxPixels: 1e8 })
    .then(() => true)
    .catch(() => false);
}

t.test("what does not decode at full size is refused, though the check decodes a reduction", async (t) => {
  const random = numbers(7);
  const noise = Buffer.from(Array.from({ length: 240 * 320 * 3 }, () => Math.floor(random() * 256)));
  const picture = sharp(noise, { raw: { width: 320, height: 240, channels: 3 } });
  const files = {
    baseline: await picture.clone().jpeg({ quality: 80 }).toBuffer(),
    progressive: await picture.clone().jpeg({ quality: 80, progressive: true }).toBuffer(),
    png: await picture.clone().png().toBuffer(),
    webp: await picture.clone().webp().toBuffer(),
  };
  for (const [name, file] of Object.entries(files)) {
    let damaged = 0;
    const missed: string[] = [];
    for (let n = 0; n < 60; n++) {
      const place = Math.floor(random() * file.length);
      const bytes = n % 2 === 0 ? file.subarray(0, place) : Buffer.from(file);
      if (n % 2 === 1) bytes[place] = (bytes[place] ?? 0) ^ (1 + Math.floor(random() * 255));
      if (await isWhole(bytes)) continue;
      damaged += 1;
      if (await isAccepted(bytes))
        missed.push(`${n % 2 === 0 ? "cut" : "changed"} at ${place} of ${file.length}`);
    }
    t.ok(damaged >= 25, `${name}: ${damaged} of 60 do not decode`);
    t.same(missed, [], `${name}: all of them are refused`);
  }
});
