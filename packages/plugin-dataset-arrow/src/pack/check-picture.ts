import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import sharp, { type Metadata } from "sharp";
import { GRID, orientGrid } from "./phash.js";

sharp.concurrency(1);
sharp.cache(false);

/** A picture that was checked. */
export interface CheckedPicture {
  readonly bytes: Uint8Array;
  /** MD5 of the bytes as stored, lower-case hex. */
  readonly md5: string;
  /** Size in pixels after EXIF orientation. */
  readonly width: number;
  readonly height: number;
  /** EXIF orientation, 1 to 8; 1 when there is none. */
  readonly orientation: number;
  /** The picture upright, reduced to 32 x 32 RGB; undefined when only its header was read. */
  readonly grid: Uint8Array | undefined;
}

/** Why a picture cannot be packed; the words group rows in the printed counts. */
export type RefusalReason =
  | "no picture path"
  | "file missing"
  | "not a file"
  | "file unreadable"
  | "file empty"
  | "file too small"
  | "file too large"
  | "vector picture"
  | "not a picture"
  | "format not read"
  | "too many pixels"
  | "picture damaged";

/** A picture that cannot be packed, with the reason and what the system or decoder said. */
export class PictureRefused extends Error {
  constructor(
    readonly reason: RefusalReason,
    readonly detail: string,
    /** What was read of it, for a thumbnail. */
    readonly bytes?: Uint8Array,
  ) {
    super(`${reason}: ${detail}`);
  }
}

/** Limits that hold before anything is decoded, and how much is decoded. */
export interface PictureLimits {
  readonly decode: "full" | "header";
  readonly maxPixels: number;
  readonly minFileBytes: number;
  readonly maxFileBytes: number;
}

/** @throws PictureRefused when a file cannot be read or its size lies outside of the limits */
export async function readPicture(path: string, limits: PictureLimits): Promise<Buffer> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, "r");
    const found = await file.stat();
    if (!found.isFile())
      throw new PictureRefused(
        "not a file",
        `${path} is ${found.isDirectory() ? "a folder" : "no plain file"}`,
      );
    checkFileSize(found.size, path, limits);
    // One byte more than it has, so that a file that grows meanwhile is seen.
    const bytes = Buffer.allocUnsafeSlow(found.size + 1);
    let done = 0;
    for (;;) {
      const { bytesRead } = await file.read(bytes, done, bytes.byteLength - done, done);
      done += bytesRead;
      if (bytesRead === 0 || done > found.size) break;
    }
    if (done !== found.size) throw new PictureRefused("file unreadable", `${path} changed while it was read`);
    return bytes.subarray(0, done);
  } catch (error) {
    if (error instanceof PictureRefused) throw error;
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code === "ENOENT" || code === "ENOTDIR") throw new PictureRefused("file missing", path);
    if (code === "EISDIR") throw new PictureRefused("not a file", `${path} is a folder`);
    throw new PictureRefused("file unreadable", `${path}: ${code || String(error)}`);
  } finally {
    await file?.close();
  }
}

/** @throws PictureRefused */
export function checkFileSize(
  bytes: number,
  name: string,
  { minFileBytes, maxFileBytes }: PictureLimits,
): void {
  if (bytes === 0) throw new PictureRefused("file empty", name);
  if (bytes < minFileBytes)
    throw new PictureRefused("file too small", `${bytes} bytes, the least is ${minFileBytes}`);
  if (bytes > maxFileBytes)
    throw new PictureRefused("file too large", `${bytes} bytes, the most is ${maxFileBytes}`);
}

/**
 * MD5, size and reduction of a picture whose every byte decodes; the bytes are kept unchanged.
 * JPEGs are decoded at an eighth of their size: every coefficient is still read, and only there can a JPEG be damaged.
 * @throws PictureRefused when it is no raster picture, too large, or damaged anywhere
 */
export async function checkPicture(
  bytes: Uint8Array,
  { decode, maxPixels }: Pick<PictureLimits, "decode" | "maxPixels">,
): Promise<CheckedPicture> {
  const { width, height, orientation } = await readHeader(bytes, maxPixels);
  const grid = decode === "full" ? await decodeReduced(bytes, maxPixels, orientation) : undefined;
  return { bytes, md5: createHash("md5").update(bytes).digest("hex"), width, height, orientation, grid };
}

async function readHeader(
  bytes: Uint8Array,
  maxPixels: number,
): Promise<{ width: number; height: number; orientation: number }> {
  const unread = unreadFormat(bytes);
  if (unread?.isVector)
    throw new PictureRefused("vector picture", `${unread.name} has no pixels; rasterise it first`);
  let metadata: Metadata;
  try {
    metadata = await sharp(bytes, { failOn: "warning", limitInputPixels: false }).metadata();
  } catch {
    // What libvips says is shared by its threads, so it may tell of another picture and differ between runs.
    if (unread !== undefined)
      throw new PictureRefused("format not read", `${unread.name}; save it as PNG or JPEG`);
    throw new PictureRefused("not a picture", "its bytes are of no picture format that is read", bytes);
  }
  if (metadata.format === "svg" || metadata.format === "pdf")
    throw new PictureRefused("vector picture", `${metadata.format} has no pixels; rasterise it first`);
  if (metadata.width * metadata.height > maxPixels)
    throw new PictureRefused(
      "too many pixels",
      `${metadata.width} x ${metadata.height}, the most is ${maxPixels}`,
    );
  const { width, height } = metadata.autoOrient;
  return { width, height, orientation: metadata.orientation ?? 1 };
}

async function decodeReduced(bytes: Uint8Array, maxPixels: number, orientation: number): Promise<Uint8Array> {
  try {
    const grid = await sharp(bytes, {
      failOn: "warning",
      limitInputPixels: maxPixels,
      ignoreIcc: true,
      sequentialRead: true,
    })
      .removeAlpha()
      .toColourspace("srgb")
      .resize(GRID, GRID, { fit: "fill", kernel: "linear" })
      .raw({ depth: "uchar" })
      .toBuffer();
    return orientGrid(grid, orientation);
  } catch {
    throw new PictureRefused(
      "picture damaged",
      `its ${bytes.byteLength} bytes do not decode to the end`,
      bytes,
    );
  }
}

/**
 * Size after EXIF orientation of a picture whose every byte decodes.
 * @throws PictureRefused
 */
export async function decodeWhole(bytes: Uint8Array): Promise<{ width: number; height: number }> {
  const { width, height } = await checkPicture(bytes, { decode: "full", maxPixels: Number.MAX_SAFE_INTEGER });
  return { width, height };
}

/** Formats that are not decoded here, by their first bytes. */
function unreadFormat(bytes: Uint8Array): { name: string; isVector: boolean } | undefined {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 512)).toString(
    "latin1",
  );
  if (/^(\u00ef\u00bb\u00bf)?\s*<(\?xml|svg|!--|!DOCTYPE svg)/i.test(start))
    return { name: "svg", isVector: true };
  if (start.startsWith("%PDF")) return { name: "pdf", isVector: true };
  if (start.startsWith("BM")) return { name: "BMP", isVector: false };
  if (start.startsWith("8BPS")) return { name: "Photoshop", isVector: false };
  return /^....ftyp(heic|heix|mif1)/s.test(start) ? { name: "HEIC", isVector: false } : undefined;
}
