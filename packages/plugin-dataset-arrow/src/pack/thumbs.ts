import sharp from "sharp";
import type { Thumb } from "./slice-part.js";

/** Thumbnails kept of one slice and reason; the report shows the first few of all slices. */
const PER_REASON = 4;
const SIDE = 96;

/** Takes small pictures of the first refused rows of each reason. */
export class Thumbs {
  readonly taken: Thumb[] = [];
  #counts = new Map<string, number>();

  constructor(readonly maxPixels: number) {}

  /** @param bytesOf gives the picture when one is still wanted */
  async add(row: number, reason: string, bytesOf: () => Promise<Uint8Array | undefined>): Promise<void> {
    const count = this.#counts.get(reason) ?? 0;
    if (count >= PER_REASON) return;
    this.#counts.set(reason, count + 1);
    const bytes = await bytesOf();
    const jpeg = bytes && (await thumbnail(bytes, this.maxPixels));
    if (jpeg !== undefined) this.taken.push({ row, reason, jpeg });
  }
}

/** A damaged picture is shown as far as it decodes; undefined when nothing does. */
async function thumbnail(bytes: Uint8Array, maxPixels: number): Promise<string | undefined> {
  try {
    const small = await sharp(bytes, { failOn: "none", limitInputPixels: maxPixels })
      .autoOrient()
      .resize(SIDE, SIDE, { fit: "inside" })
      .flatten({ background: "#ffffff" })
      .jpeg({ quality: 60 })
      .toBuffer();
    return small.toString("base64");
  } catch {
    return undefined;
  }
}
