import { deflateSync } from "node:zlib";

/** An 8-bit RGB picture in memory, row by row. */
export interface Picture {
  readonly height: number;
  readonly width: number;
  /** height · width · 3 bytes */
  readonly pixels: Uint8Array;
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/**
 * A picture as PNG (ISO/IEC 15948) with texts inside, by keyword, as iTXt chunks in UTF-8.
 * @param texts keywords of 1 to 79 Latin-1 letters: `prompt`, `seed`
 */
export function encodePng(
  { height, width, pixels }: Picture,
  texts: Readonly<Record<string, string>> = {},
): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // 8 bits per channel, truecolour, deflate, adaptive filters, not interlaced.
  header.set([8, 2, 0, 0, 0], 8);
  const rows = Buffer.alloc(height * (width * 3 + 1));
  for (let y = 0; y < height; y++) filterRow(pixels, y, width * 3, rows);
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    ...Object.entries(texts).map(([keyword, text]) => chunk("iTXt", internationalText(keyword, text))),
    chunk("IDAT", deflateSync(rows, { level: 6 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** The texts inside a PNG, by keyword. */
export function readPngTexts(png: Uint8Array): Record<string, string> {
  const bytes = Buffer.from(png.buffer, png.byteOffset, png.byteLength);
  const texts: Record<string, string> = {};
  for (let at = SIGNATURE.length; at + 12 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const data = bytes.subarray(at + 8, at + 8 + length);
    if (bytes.toString("latin1", at + 4, at + 8) === "iTXt") {
      const end = data.indexOf(0);
      // After the keyword: compression flag and method, then language and translated keyword, both empty here.
      texts[data.toString("latin1", 0, end)] = data.toString("utf8", end + 5);
    }
    at += 12 + length;
  }
  return texts;
}

/** Filter type 2, "up": each byte less the one above it, which suits both flat areas and smooth ones. */
function filterRow(pixels: Uint8Array, y: number, stride: number, out: Buffer): void {
  const from = y * stride;
  const to = y * (stride + 1);
  out[to] = 2;
  for (let x = 0; x < stride; x++) {
    const above = y === 0 ? 0 : (pixels[from - stride + x] ?? 0);
    out[to + 1 + x] = (pixels[from + x] ?? 0) - above;
  }
}

function internationalText(keyword: string, text: string): Buffer {
  return Buffer.concat([
    Buffer.from(keyword, "latin1"),
    Buffer.from([0, 0, 0, 0, 0]),
    Buffer.from(text, "utf8"),
  ]);
}

function chunk(type: string, data: Uint8Array): Buffer {
  const out = Buffer.alloc(12 + data.length);
  out.writeUInt32BE(data.length, 0);
  out.write(type, 4, "latin1");
  out.set(data, 8);
  out.writeUInt32BE(crc32(out.subarray(4, 8 + data.length)), 8 + data.length);
  return out;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_unused, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
  return crc;
});

/** CRC-32 of ISO 3309, as PNG and zip use it. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
