import type { Geometry, Resolution } from "@hyfw/core";
import sharp, { type Sharp } from "sharp";
import { resampleInto } from "./lanczos.js";

sharp.concurrency(1);
sharp.cache(false);

/** How stored pictures become RGB. */
export interface PixelSettings {
  /** `drop` keeps the colours under the transparency, `white` lays the picture on white. */
  readonly alpha: "drop" | "white";
  /** Whether the EXIF orientation is followed or ignored. */
  readonly orientation: "exif" | "stored";
  /** `exact` resizes as the official tools do, `fast` by libvips where the picture shrinks. */
  readonly resize: "exact" | "fast";
}

/** Size of an encoded picture as it will be decoded, from its header only. */
export async function pictureSize(
  bytes: Uint8Array,
  orientation: PixelSettings["orientation"],
): Promise<Resolution> {
  const { width, height, autoOrient } = await sharp(bytes).metadata();
  return orientation === "exif" ? { height: autoOrient.height, width: autoOrient.width } : { height, width };
}

/**
 * Decodes, resizes (Lanczos, antialiased when shrinking) and cuts the window into `out`, uint8 RGB [H, W, 3].
 * Colour profiles are ignored, as the official tools do.
 * @param size the picture's size that `geometry` was made for
 * @throws Error saying what is wrong with the picture; the caller knows its row
 */
export async function decodeInto(
  bytes: Uint8Array,
  { size, geometry, out }: { size: Resolution; geometry: Geometry; out: Uint8Array },
  settings: PixelSettings,
): Promise<void> {
  const { resolution, resized, crop } = geometry;
  const expected = resolution.height * resolution.width * 3;
  if (out.byteLength !== expected)
    throw new RangeError(`the place for its pixels must have ${expected} bytes, found ${out.byteLength}`);
  const found = await pictureSize(bytes, settings.orientation);
  if (found.height !== size.height || found.width !== size.width)
    throw new Error(
      `its recorded size is ${size.height} x ${size.width}, but the picture has ${found.height} x ${found.width} (height x width)`,
    );
  const picture = (await opaque(bytes, settings)).toColourspace("srgb");
  // Enlarging in libvips moves the picture by about half a pixel, so it is never used for that.
  const shrinks = resized.height <= size.height && resized.width <= size.width;
  const isFast = settings.resize === "fast" && shrinks;
  const read = isFast
    ? picture
        .resize(resized.width, resized.height, { fit: "fill", kernel: "lanczos3", fastShrinkOnLoad: false })
        .extract({ left: crop.left, top: crop.top, width: resolution.width, height: resolution.height })
    : picture;
  const { data, info } = await read.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`it decodes to ${info.channels} channels, expected 3`);
  if (isFast) out.set(data);
  else resampleInto(data, size, geometry, out);
}

/** The picture without transparency. sharp would weigh colours by their alpha when resizing, so dropping it is a pass of its own. */
async function opaque(bytes: Uint8Array, { alpha, orientation }: PixelSettings): Promise<Sharp> {
  let picture = sharp(bytes, { failOn: "warning", ignoreIcc: true });
  if (orientation === "exif") picture = picture.autoOrient();
  const { hasAlpha } = await sharp(bytes).metadata();
  if (!hasAlpha) return picture;
  if (alpha === "white") return picture.flatten({ background: "#ffffff" });
  const { data, info } = await picture
    .toColourspace("srgb")
    .removeAlpha()
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  return sharp(data, { raw: { width: info.width, height: info.height, channels: 3 } });
}
