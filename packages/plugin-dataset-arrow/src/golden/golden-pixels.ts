import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "@hyfw/core";
import sharp from "sharp";
import { ArrowFile } from "../arrow/arrow-file.js";
import { centreGeometry } from "../geometry.js";
import { imageColumnOf } from "../index-build/build-index.js";
import { readIndex } from "../index-build/index-file.js";
import { decodeInto, pictureSize } from "../read-pixels.js";
import { check, type GoldenCase, load, measured, same, skipped } from "./golden-case.js";

const pair = z.tuple([z.number(), z.number()]);
const Decoded = z.object({
  rows: z.array(
    z.object({
      index: z.number(),
      arrow: z.string(),
      row: z.number(),
      decode_failed: z.boolean(),
      rgb_size: pair.nullish(),
      rgb_sha256: z.string().nullish(),
      rgb_mean: z.array(z.number()).nullish(),
      format: z.string().nullish(),
      mode: z.string().nullish(),
    }),
  ),
});
const Pixels = z.object({
  cases: z.array(
    z.object({
      index: z.number(),
      source_size: pair,
      target: pair,
      crop_left_top: pair,
      file: z.string(),
    }),
  ),
});
const Items = z.object({
  sets: z.array(
    z.object({
      name: z.string(),
      settings: z.looseObject({
        resolution: z.number(),
        index_file: z.string(),
        multireso: z.boolean().optional(),
        random_shrink_size_cond: z.boolean().optional(),
        merge_src_cond: z.boolean().optional(),
      }),
      random_crop: z.string(),
      rows: z.array(z.object({ ind: z.number(), index: z.number(), image_meta_size: z.array(z.number()) })),
    }),
  ),
});

/** As the official tools read pictures: transparency dropped, EXIF orientation ignored. */
const OFFICIAL = { alpha: "drop", orientation: "stored", resize: "exact" } as const;

/** Decoding, resizing and cropping against Pillow, and the sizes and crops that the official data set hands to the model. */
export async function* pixelCases(folder: string): AsyncGenerator<GoldenCase> {
  for (const row of load(folder, "decoded.json", Decoded)?.rows ?? [])
    yield await check(`decoded/${row.index}`, () => compareDecoded(folder, row));
  const decoded = load(folder, "decoded.json", Decoded);
  for (const one of load(folder, "pixels/pixels.json", Pixels)?.cases ?? [])
    yield await check(`pixels/${one.file}`, () => comparePixels(folder, one, decoded));
  for (const set of load(folder, "items.json", Items)?.sets ?? [])
    yield await check(`items/${set.name}/${set.random_crop}`, () => compareItems(folder, set, decoded));
}

async function pictureAt(folder: string, arrow: string, row: number): Promise<Uint8Array> {
  const file = await ArrowFile.open(join(folder, arrow));
  try {
    const bytes = await file.column(imageColumnOf(file)).bytes(row);
    if (bytes === null) throw new Error(`${arrow}, row ${row}: no picture`);
    return Uint8Array.from(bytes);
  } finally {
    await file.close();
  }
}

async function decode(
  bytes: Uint8Array,
): Promise<{ size: { height: number; width: number }; rgb: Uint8Array }> {
  const size = await pictureSize(bytes, "stored");
  const rgb = new Uint8Array(size.height * size.width * 3);
  const geometry = { resized: size, crop: { top: 0, left: 0 }, resolution: size, flip: false };
  await decodeInto(bytes, { size, geometry, out: rgb }, OFFICIAL);
  return { size, rgb };
}

async function compareDecoded(folder: string, golden: z.output<typeof Decoded>["rows"][number]) {
  const { format, mode } = golden;
  const what = `${format ?? "?"} ${mode ?? "?"}`;
  if (format === "BMP") return skipped("BMP is not built: packing refuses it by name");
  const bytes = await pictureAt(folder, golden.arrow, golden.row);
  if (golden.decode_failed) {
    try {
      await decode(bytes);
    } catch (error) {
      return `both fail to decode it: ${error instanceof Error ? error.message.split("\n")[0] : ""}`;
    }
    throw new Error("Pillow cannot decode it, hyfw decodes it without a word");
  }
  const { size, rgb } = await decode(bytes);
  same("size", [size.width, size.height], golden.rgb_size);
  if (mode?.startsWith("I;16") || mode === "I") return skipped("16-bit gray depends on the Pillow version");
  const exact = createHash("sha256").update(rgb).digest("hex") === golden.rgb_sha256;
  if (exact) return measured(`${what}: equal bytes`, 0, 0);
  const error = Math.max(...means(rgb).map((mean, c) => Math.abs(mean - (golden.rgb_mean?.[c] ?? 0))));
  if (mode === "CMYK") return skipped("CMYK goes through a colour profile here, a plain formula in Pillow");
  const binding = ["PNG", "GIF", "BMP"].includes(format ?? "");
  return measured(`${what}: largest difference of the mean of a channel`, error, binding ? 0 : 1);
}

function means(rgb: Uint8Array): number[] {
  const sums = [0, 0, 0];
  for (let i = 0; i < rgb.length; i++) sums[i % 3] = (sums[i % 3] ?? 0) + (rgb[i] ?? 0);
  return sums.map((sum) => sum / (rgb.length / 3));
}

type Listing = z.output<typeof Decoded> | undefined;

async function comparePixels(
  folder: string,
  golden: z.output<typeof Pixels>["cases"][number],
  decoded: Listing,
) {
  const [width, height] = golden.source_size;
  const [targetWidth, targetHeight] = golden.target;
  const size = { height, width };
  const resolution = { height: targetHeight, width: targetWidth };
  const geometry = centreGeometry(size, resolution, false);
  same("crop", [geometry.crop.left, geometry.crop.top], golden.crop_left_top);
  const place = decoded?.rows.find((row) => row.index === golden.index);
  if (place === undefined) return skipped("decoded.json does not say where the row lies");
  const out = new Uint8Array(targetHeight * targetWidth * 3);
  await decodeInto(await pictureAt(folder, place.arrow, place.row), { size, geometry, out }, OFFICIAL);
  const { data, info } = await sharp(join(folder, golden.file))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  same("size", [info.width, info.height, info.channels], [targetWidth, targetHeight, 3]);
  let largest = 0;
  for (let i = 0; i < out.length; i++) largest = Math.max(largest, Math.abs((out[i] ?? 0) - (data[i] ?? 0)));
  return measured(
    `largest difference of 0..255, ${width}x${height} to ${targetWidth}x${targetHeight}`,
    largest,
    2,
  );
}

async function compareItems(folder: string, set: z.output<typeof Items>["sets"][number], decoded: Listing) {
  const { settings, rows } = set;
  if (settings.random_shrink_size_cond || settings.merge_src_cond)
    return skipped("changed size conditions belong to the model plugin");
  const index = await readIndex(join(folder, settings.index_file));
  const highest = set.random_crop.startsWith("highest");
  let compared = 0;
  for (const { index: row, image_meta_size } of rows) {
    const place = decoded?.rows.find((one) => one.index === row);
    if (place === undefined || place.decode_failed || settings.index_file !== "index/plain.json") {
      if (!settings.multireso || place === undefined || place.decode_failed) continue;
    }
    const [width, height] = place?.rgb_size ?? [0, 0];
    const key = [...index.rows].find(([, own]) => Array.from(own).includes(row))?.[0] ?? "";
    const [bucketHeight = 0, bucketWidth = 0] = key.split("x").map(Number);
    const resolution = settings.multireso
      ? { height: bucketHeight, width: bucketWidth }
      : { height: settings.resolution, width: settings.resolution };
    const { resized } = centreGeometry({ height, width }, resolution, !settings.multireso);
    const left = highest ? resized.width - resolution.width : 0;
    const top = highest ? resized.height - resolution.height : 0;
    same(`row ${row}`, [width, height, resolution.width, resolution.height, left, top], image_meta_size);
    compared++;
  }
  if (compared === 0) return skipped("decoded.json lists none of its rows");
  return `sizes and crops of ${compared} of ${rows.length} rows`;
}
