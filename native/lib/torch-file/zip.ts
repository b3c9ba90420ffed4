import { readSync } from "node:fs";
import { torchFileBroken } from "../errors.js";

/** One file inside a zip, stored as it is. */
export interface ZipEntry {
  readonly name: string;
  /** Place of the entry's local header. */
  readonly headerOffset: number;
  readonly bytes: number;
}

const END = 0x06054b50;
const END64_LOCATOR = 0x07064b50;
const END64 = 0x06064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const END_BYTES = 22;
const LOCATOR_BYTES = 20;
const CENTRAL_BYTES = 46;
const LOCAL_BYTES = 30;
const FULL32 = 0xffffffff;
const FULL16 = 0xffff;
const ZIP64_FIELD = 1;
const ENCRYPTED = 1;
/** A comment may follow the end record. */
const MAX_END = END_BYTES + FULL16;
const MAX_DIRECTORY_BYTES = 256 * 2 ** 20;

/** An open file of known length, read at places. */
export class FileBytes {
  constructor(
    readonly path: string,
    private readonly file: number,
    readonly size: number,
  ) {}

  /** @throws HYFW_TORCH_FILE when the file has no such bytes */
  read(offset: number, length: number): Buffer {
    if (!Number.isSafeInteger(offset) || offset < 0 || length < 0 || offset + length > this.size)
      throw torchFileBroken(this.path, `bytes ${offset} to ${offset + length} are beyond its ${this.size}`);
    const bytes = Buffer.allocUnsafe(length);
    for (let done = 0; done < length; ) {
      const got = readSync(this.file, bytes, done, length - done, offset + done);
      if (got === 0) throw torchFileBroken(this.path, "it became shorter while it was read");
      done += got;
    }
    return bytes;
  }
}

/**
 * The entries of a zip whose files are stored, not compressed, as PyTorch writes them. Sizes are taken from the
 * directory at the end and held against the file.
 * @throws HYFW_TORCH_FILE
 */
export function readZipEntries(file: FileBytes): ZipEntry[] {
  const { offset, bytes, count } = directoryOf(file);
  if (bytes > MAX_DIRECTORY_BYTES || offset + bytes > file.size)
    throw torchFileBroken(file.path, `its directory of ${bytes} bytes does not fit into ${file.size}`);
  const directory = file.read(offset, bytes);
  const entries: ZipEntry[] = [];
  for (let at = 0; entries.length < count; ) {
    if (at + CENTRAL_BYTES > bytes || directory.readUInt32LE(at) !== CENTRAL)
      throw torchFileBroken(file.path, `entry ${entries.length} of its directory is not one`);
    const nameBytes = directory.readUInt16LE(at + 28);
    const extraBytes = directory.readUInt16LE(at + 30);
    const end = at + CENTRAL_BYTES + nameBytes + extraBytes + directory.readUInt16LE(at + 32);
    if (end > bytes) throw torchFileBroken(file.path, `entry ${entries.length} of its directory is cut off`);
    const name = directory.toString("utf8", at + CENTRAL_BYTES, at + CENTRAL_BYTES + nameBytes);
    const extra = directory.subarray(
      at + CENTRAL_BYTES + nameBytes,
      at + CENTRAL_BYTES + nameBytes + extraBytes,
    );
    entries.push(entryOf(file, name, directory.subarray(at, at + CENTRAL_BYTES), extra));
    at = end;
  }
  return entries;
}

/** Where the bytes of an entry begin. @throws HYFW_TORCH_FILE when its header is elsewhere or it does not fit */
export function dataOffset(file: FileBytes, { name, headerOffset, bytes }: ZipEntry): number {
  const header = file.read(headerOffset, LOCAL_BYTES);
  if (header.readUInt32LE(0) !== LOCAL)
    throw torchFileBroken(file.path, `${name} is not where its directory says`);
  const start = headerOffset + LOCAL_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
  if (start + bytes > file.size)
    throw torchFileBroken(file.path, `${name} ends at byte ${start + bytes}, the file has ${file.size}`);
  return start;
}

function entryOf(file: FileBytes, name: string, record: Buffer, extra: Buffer): ZipEntry {
  const flags = record.readUInt16LE(8);
  const method = record.readUInt16LE(10);
  if ((flags & ENCRYPTED) !== 0) throw torchFileBroken(file.path, `${name} in it is encrypted`);
  if (method !== 0)
    throw torchFileBroken(
      file.path,
      `${name} in it is compressed (method ${method}), which PyTorch never does`,
    );
  const packed = record.readUInt32LE(20);
  const plain = record.readUInt32LE(24);
  const place = record.readUInt32LE(42);
  const wide = wideFields(extra);
  // Order and presence are fixed: plain size, packed size, place, each only where the short field is full.
  const bytes = plain === FULL32 ? wide.next(file, name) : plain;
  const packedBytes = packed === FULL32 ? wide.next(file, name) : packed;
  const headerOffset = place === FULL32 ? wide.next(file, name) : place;
  if (bytes !== packedBytes) throw torchFileBroken(file.path, `${name} in it has two sizes`);
  return { name, headerOffset, bytes };
}

function wideFields(extra: Buffer): { next(file: FileBytes, name: string): number } {
  let fields = Buffer.alloc(0);
  for (let at = 0; at + 4 <= extra.length; ) {
    const length = extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === ZIP64_FIELD) fields = Buffer.from(extra.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  let at = 0;
  return {
    next(file, name) {
      if (at + 8 > fields.length) throw torchFileBroken(file.path, `${name} in it lacks its 64-bit size`);
      at += 8;
      return whole(file, fields.readBigUInt64LE(at - 8));
    },
  };
}

function directoryOf(file: FileBytes): { offset: number; bytes: number; count: number } {
  const tailStart = Math.max(0, file.size - MAX_END);
  const tail = file.read(tailStart, file.size - tailStart);
  for (let at = tail.length - END_BYTES; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== END) continue;
    const short = {
      count: tail.readUInt16LE(at + 10),
      bytes: tail.readUInt32LE(at + 12),
      offset: tail.readUInt32LE(at + 16),
    };
    const full = short.count === FULL16 || short.bytes === FULL32 || short.offset === FULL32;
    return full ? wideDirectory(file, tailStart + at) : short;
  }
  throw torchFileBroken(file.path, "it is cut off: a zip file ends with a directory, this one does not");
}

function wideDirectory(file: FileBytes, end: number): { offset: number; bytes: number; count: number } {
  const locator = file.read(end - LOCATOR_BYTES, LOCATOR_BYTES);
  if (locator.readUInt32LE(0) !== END64_LOCATOR)
    throw torchFileBroken(file.path, "its 64-bit directory is missing");
  const record = file.read(whole(file, locator.readBigUInt64LE(8)), 56);
  if (record.readUInt32LE(0) !== END64) throw torchFileBroken(file.path, "its 64-bit directory is missing");
  return {
    count: whole(file, record.readBigUInt64LE(32)),
    bytes: whole(file, record.readBigUInt64LE(40)),
    offset: whole(file, record.readBigUInt64LE(48)),
  };
}

function whole(file: FileBytes, value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    throw torchFileBroken(file.path, `a size of ${value} bytes in it`);
  return Number(value);
}
