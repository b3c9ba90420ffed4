import type { Geometry, Resolution } from "@hyfw/core";
import sharp, { type Metadata, type Sharp } from "sharp";
import { type PictureEngine, pictureEngine } from "./native-pictures.js";

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
  return sizeOf(await sharp(bytes).metadata(), orientation);
}

function sizeOf(
  { width, height, autoOrient }: Metadata,
  orientation: PixelSettings["orientation"],
): Resolution {
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
  engine?: PictureEngine,
): Promise<void> {
  const { resolution, resized, crop } = geometry;
  const expected = resolution.height * resolution.width * 3;
  if (out.byteLength !== expected)
    throw new RangeError(`the place for its pixels must have ${expected} bytes, found ${out.byteLength}`);
  const metadata = await sharp(bytes).metadata();
  const found = sizeOf(metadata, settings.orientation);
  if (found.height !== size.height || found.width !== size.width)
    throw new Error(
      `its recorded size is ${size.height} x ${size.width}, but the picture has ${found.height} x ${found.width} (height x width)`,
    );
  // Enlarging in libvips moves the picture by about half a pixel, so it is never used for that.
  const shrinks = resized.height <= size.height && resized.width <= size.width;
  const isFast = settings.resize === "fast" && shrinks;
  const chosen = engine ?? (await pictureEngine());
  const isUpright = settings.orientation === "stored" || (metadata.orientation ?? 1) === 1;
  const isWhole = metadata.format === "jpeg" && isUpright;
  // What it does not decode goes through sharp, which decodes it or says what is wrong.
  if (!isFast && isWhole && (await chosen.decodeJpeg(bytes, size, geometry, out))) return;
  const picture = (await opaque(bytes, metadata, settings)).toColourspace("srgb");
  const read = isFast
    ? picture
        .resize(resized.width, resized.height, { fit: "fill", kernel: "lanczos3", fastShrinkOnLoad: false })
        .extract({ left: crop.left, top: crop.top, width: resolution.width, height: resolution.height })
    : picture;
  const { data, info } = await read.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`it decodes to ${info.channels} channels, expected 3`);
  if (isFast) out.set(data);
  else await chosen.resample(data, size, geometry, out);
}

/** The picture without transparency. sharp would weigh colours by their alpha when resizing, so dropping it is a pass of its own. */
async function opaque(
  bytes: Uint8Array,
  { hasAlpha }: Metadata,
  { alpha, orientation }: PixelSettings,
): Promise<Sharp> {
  let picture = sharp(bytes, { failOn: "warning", ignoreIcc: true });
  if (orientation === "exif") picture = picture.autoOrient();
  if (!hasAlpha) return picture;
  if (alpha === "white") return picture.flatten({ background: "#ffffff" });
  const { data, info } = await picture
    .toColourspace("srgb")
    .removeAlpha()
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  return sharp(data, { raw: { width: info.width, height: info.height, channels: 3 } });
}
