import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import sharp, { type Metadata } from "sharp";

sharp.concurrency(1);
sharp.cache(false);

/** A picture that was decoded in full without a warning. */
export interface CheckedPicture {
  readonly bytes: Buffer;
  /** MD5 of the bytes as stored, lower-case hex. */
  readonly md5: string;
  /** Size in pixels after EXIF orientation. */
  readonly width: number;
  readonly height: number;
}

/** Why a picture cannot be packed; the words group rows in the printed counts. */
export type RefusalReason =
  | "no picture path"
  | "file missing"
  | "not a file"
  | "file unreadable"
  | "file empty"
  | "vector picture"
  | "not a picture"
  | "format not read"
  | "picture damaged";

/** A picture that cannot be packed, with the reason and what the system or decoder said. */
export class PictureRefused extends Error {
  constructor(
    readonly reason: RefusalReason,
    readonly detail: string,
  ) {
    super(`${reason}: ${detail}`);
  }
}

/**
 * Reads a picture and decodes every pixel of it; the bytes are kept unchanged.
 * @throws PictureRefused when the file is missing, no raster picture, or damaged anywhere
 */
export async function checkPicture(path: string): Promise<CheckedPicture> {
  const bytes = await readPicture(path);
  const { width, height } = await decodeWhole(bytes);
  return { bytes, md5: createHash("md5").update(bytes).digest("hex"), width, height };
}

async function readPicture(path: string): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code === "ENOENT" || code === "ENOTDIR") throw new PictureRefused("file missing", path);
    if (code === "EISDIR") throw new PictureRefused("not a file", `${path} is a folder`);
    throw new PictureRefused("file unreadable", `${path}: ${code || String(error)}`);
  }
  if (bytes.byteLength === 0) throw new PictureRefused("file empty", path);
  return bytes;
}

/**
 * Size after EXIF orientation of a picture whose every pixel decodes.
 * @throws PictureRefused
 */
export async function decodeWhole(bytes: Uint8Array): Promise<{ width: number; height: number }> {
  let metadata: Metadata;
  try {
    metadata = await sharp(bytes, { failOn: "warning" }).metadata();
  } catch (error) {
    const format = unreadFormat(bytes);
    if (format !== undefined)
      throw new PictureRefused("format not read", `${format}; save it as PNG or JPEG`);
    throw new PictureRefused("not a picture", lineOf(error));
  }
  if (metadata.format === "svg" || metadata.format === "pdf")
    throw new PictureRefused("vector picture", `${metadata.format} has no pixels; rasterise it first`);
  try {
    await sharp(bytes, { failOn: "warning", sequentialRead: true }).raw().toBuffer();
  } catch (error) {
    throw new PictureRefused("picture damaged", lineOf(error));
  }
  const { width, height } = metadata.autoOrient;
  return { width, height };
}

/** Picture formats that the decoder lacks, by their first bytes. */
function unreadFormat(bytes: Uint8Array): string | undefined {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 16)).toString(
    "latin1",
  );
  if (start.startsWith("BM")) return "BMP";
  if (start.startsWith("8BPS")) return "Photoshop";
  return /^....ftyp(heic|heix|mif1)/s.test(start) ? "HEIC" : undefined;
}

function lineOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
}
