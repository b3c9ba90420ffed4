import { deflateRawSync, inflateRawSync } from "node:zlib";
import { crc32 } from "../crc32.js";

/** One file inside a zip. */
export interface ZipEntry {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const END = 0x06054b50;
const END64 = 0x06064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;

/**
 * The files of a zip, through its central directory: local headers of NumPy's archives carry no sizes.
 * @throws Error saying what is damaged; the caller knows the file's name
 */
export function readZip(bytes: Buffer): ZipEntry[] {
  const end = findEnd(bytes);
  let count = bytes.readUInt16LE(end + 10);
  let at = bytes.readUInt32LE(end + 16);
  if (count === 0xffff || at === 0xffffffff) {
    const end64 = Number(bytes.readBigUInt64LE(end - 20 + 8));
    if (bytes.readUInt32LE(end64) !== END64) throw new Error("its zip64 directory is missing");
    count = Number(bytes.readBigUInt64LE(end64 + 32));
    at = Number(bytes.readBigUInt64LE(end64 + 48));
  }
  if (count * 46 > bytes.length) throw new Error(`its directory of ${count} entries does not fit`);
  const entries: ZipEntry[] = [];
  const room = { packed: bytes.length };
  for (let i = 0; i < count; i++) {
    if (bytes.readUInt32LE(at) !== CENTRAL) throw new Error("its zip directory is damaged");
    const nameBytes = bytes.readUInt16LE(at + 28);
    const extraBytes = bytes.readUInt16LE(at + 30);
    const name = bytes.toString("utf8", at + 46, at + 46 + nameBytes);
    entries.push({ name, bytes: readEntry(bytes, at, { nameBytes, extraBytes }, room) });
    at += 46 + nameBytes + extraBytes + bytes.readUInt16LE(at + 32);
  }
  return entries;
}

function findEnd(bytes: Buffer): number {
  for (let at = bytes.length - 22; at >= 0; at--) if (bytes.readUInt32LE(at) === END) return at;
  throw new Error("it is no zip archive (no end record)");
}

/** @param room how many packed bytes the entries that are left may have together: entries that share bytes are a bomb */
function readEntry(
  bytes: Buffer,
  at: number,
  { nameBytes, extraBytes }: { nameBytes: number; extraBytes: number },
  room: { packed: number },
): Uint8Array {
  const method = bytes.readUInt16LE(at + 10);
  const wide = wideValues(bytes, at + 46 + nameBytes, extraBytes);
  const value = (place: number): number => {
    const short = bytes.readUInt32LE(place);
    return short === 0xffffffff ? (wide.shift() ?? short) : short;
  };
  const size = value(at + 24);
  const packed = value(at + 20);
  const local = value(at + 42);
  if (bytes.readUInt32LE(local) !== LOCAL) throw new Error("a zip entry's header is damaged");
  const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
  const stored = bytes.subarray(start, start + packed);
  if (method !== 0 && method !== 8) throw new Error(`a zip entry uses method ${method}, expected 0 or 8`);
  // Deflate cannot shrink more than this, so a lying size reserves nothing.
  room.packed -= packed;
  if (room.packed < 0 || stored.length !== packed || size > 1032 * packed + 64)
    throw new Error("a zip entry's sizes do not fit");
  const content = method === 0 ? stored : inflateRawSync(stored, { maxOutputLength: Math.max(1, size) });
  if (content.length !== size) throw new Error("a zip entry has the wrong length");
  if (crc32(content) !== bytes.readUInt32LE(at + 16)) throw new Error("a zip entry's checksum is wrong");
  return content;
}

/** The 64-bit values of the zip64 extra field, in the order size, packed size, place. */
function wideValues(bytes: Buffer, from: number, length: number): number[] {
  for (let at = from; at + 4 <= from + length; at += 4 + bytes.readUInt16LE(at + 2)) {
    if (bytes.readUInt16LE(at) !== 1) continue;
    const count = Math.floor(bytes.readUInt16LE(at + 2) / 8);
    return Array.from({ length: count }, (_, i) => Number(bytes.readBigUInt64LE(at + 4 + 8 * i)));
  }
  return [];
}

/** A zip with deflate; names must be ASCII. Entries and the whole must stay below 4 GiB. */
export function writeZip(entries: readonly { name: string; bytes: () => Uint8Array }[]): Buffer {
  const pieces: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, bytes: make } of entries) {
    const bytes = make();
    // Rising numbers shrink well at once; the highest levels take ten times as long for a tenth less.
    const packed = deflateRawSync(bytes, { level: 1 });
    const nameBytes = Buffer.from(name, "ascii");
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0); // version needed
    shared.writeUInt16LE(8, 4); // deflate
    shared.writeUInt16LE(0x21, 8); // 1980-01-01: the same content gives the same file
    shared.writeUInt32LE(crc32(bytes), 10);
    shared.writeUInt32LE(packed.length, 14);
    shared.writeUInt32LE(bytes.length, 18);
    shared.writeUInt16LE(nameBytes.length, 22);
    const local = Buffer.concat([word(LOCAL), shared, nameBytes, packed]);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(at, 10);
    directory.push(word(CENTRAL), Buffer.from([20, 0]), shared, place, nameBytes);
    pieces.push(local);
    at += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(at, 12);
  return Buffer.concat([...pieces, central, word(END), end]);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
