import * as zlib from "node:zlib";
import type { DType } from "../dtype.js";
import { dtypeBytes } from "../dtype.js";
import { type GrowingFile, type TensorSource, withBytes, writeWhole } from "../whole-file.js";

const STORAGES: Readonly<Record<DType, string>> = {
  float32: "FloatStorage",
  float64: "DoubleStorage",
  float16: "HalfStorage",
  bfloat16: "BFloat16Storage",
  int64: "LongStorage",
  int32: "IntStorage",
  int16: "ShortStorage",
  int8: "CharStorage",
  uint8: "ByteStorage",
  bool: "BoolStorage",
};

const LOCAL_BYTES = 30;
const FULL32 = 0xffffffff;
const ZIP_VERSION = 45;
/** Storages begin at multiples of this, as PyTorch aligns them. */
const ALIGNMENT = 64;
/** Id of an extra field that only pads, as PyTorch's writer uses it. */
const PADDING_FIELD = 0x4246;

/**
 * Writes a state dict as `torch.save` does (zip layout, pickle protocol 2), so that Python tools load it, weights-only
 * or not. One tensor is in memory at a time; the file appears only when it is whole.
 * @param under key that the state lies under, as `ema` or `module`; none for a plain state dict
 */
export function writeTorchFile(path: string, sources: readonly TensorSource[], under?: string): void {
  writeWhole(path, (file) => {
    const zip = new StoredZip(file);
    zip.add("archive/data.pkl", [pickleOf(sources, under)]);
    zip.add("archive/byteorder", [Buffer.from("little")]);
    for (const [index, source] of sources.entries()) zip.addTensor(`archive/data/${index}`, source);
    zip.add("archive/version", [Buffer.from("3\n")]);
    zip.end();
  });
}

/** Writes values in pickle protocol 2, without memo: nothing in a state dict is shared. */
class Pickler {
  private readonly parts: Buffer[] = [Buffer.from([0x80, 2])];

  code(...codes: readonly number[]): this {
    this.parts.push(Buffer.from(codes));
    return this;
  }
  text(text: string): this {
    const bytes = Buffer.from(text);
    const head = Buffer.alloc(5);
    head[0] = 0x58;
    head.writeUInt32LE(bytes.length, 1);
    this.parts.push(head, bytes);
    return this;
  }
  global(module: string, name: string): this {
    this.parts.push(Buffer.from(`c${module}\n${name}\n`));
    return this;
  }
  count(value: number): this {
    if (value < 2 ** 31) {
      const bytes = Buffer.alloc(5);
      bytes[0] = 0x4a;
      bytes.writeInt32LE(value, 1);
      this.parts.push(bytes);
      return this;
    }
    const bytes = Buffer.alloc(10);
    bytes[0] = 0x8a;
    bytes[1] = 8;
    bytes.writeBigInt64LE(BigInt(value), 2);
    this.parts.push(bytes);
    return this;
  }
  counts(values: readonly number[]): this {
    this.code(0x28);
    for (const value of values) this.count(value);
    return this.code(0x74);
  }
  /** collections.OrderedDict(), empty. */
  ordered(): this {
    return this.global("collections", "OrderedDict").code(0x29, 0x52);
  }
  end(): Buffer {
    return Buffer.concat([...this.parts, Buffer.from([0x2e])]);
  }
}

function pickleOf(sources: readonly TensorSource[], under: string | undefined): Buffer {
  const pickler = new Pickler();
  if (under !== undefined) pickler.code(0x7d).text(under);
  pickler.ordered().code(0x28);
  for (const [index, { name, dtype, shape }] of sources.entries()) {
    const strides = shape.map((_, axis) =>
      shape.slice(axis + 1).reduce((product, size) => product * size, 1),
    );
    const elements = shape.reduce((product, size) => product * size, 1);
    pickler
      .text(name)
      .global("torch._utils", "_rebuild_tensor_v2")
      .code(0x28, 0x28)
      .text("storage")
      .global("torch", STORAGES[dtype])
      .text(String(index))
      .text("cpu")
      .count(elements)
      .code(0x74, 0x51)
      .count(0)
      .counts(shape)
      .counts(strides)
      .code(0x89)
      .ordered()
      .code(0x74, 0x52);
  }
  pickler.code(0x75);
  if (under !== undefined) pickler.code(0x73);
  return pickler.end();
}

interface Written {
  readonly name: Buffer;
  readonly crc: number;
  readonly bytes: number;
  readonly offset: number;
}

/** A zip file of stored entries, with 64-bit places where they are needed. */
class StoredZip {
  private readonly entries: Written[] = [];
  constructor(private readonly file: GrowingFile) {}

  add(name: string, chunks: readonly Uint8Array[]): void {
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const crc = chunks.reduce((sum, chunk) => crc32(chunk, sum), 0);
    this.begin(name, bytes, crc);
    for (const chunk of chunks) this.file.write(chunk);
  }

  addTensor(name: string, source: TensorSource): void {
    if (source.shape.includes(0)) {
      this.add(name, []);
      return;
    }
    const bytes = source.shape.reduce((product, size) => product * size, dtypeBytes(source.dtype));
    withBytes(source, (content) => {
      this.begin(name, bytes, crc32(content, 0));
      this.file.write(content);
    });
  }

  end(): void {
    const start = this.file.length;
    for (const entry of this.entries) this.file.write(centralRecord(entry));
    const length = this.file.length - start;
    const count = this.entries.length;
    const recordAt = this.file.length;
    this.file.write(endRecord64(count, length, start));
    const locator = Buffer.alloc(20);
    locator.writeUInt32LE(0x07064b50, 0);
    locator.writeBigUInt64LE(BigInt(recordAt), 8);
    locator.writeUInt32LE(1, 16);
    this.file.write(locator);
    const end = Buffer.alloc(22);
    end.writeUInt32LE(0x06054b50, 0);
    end.writeUInt16LE(Math.min(count, 0xffff), 8);
    end.writeUInt16LE(Math.min(count, 0xffff), 10);
    end.writeUInt32LE(Math.min(length, FULL32), 12);
    end.writeUInt32LE(Math.min(start, FULL32), 16);
    this.file.write(end);
  }

  private begin(text: string, bytes: number, crc: number): void {
    const name = Buffer.from(text);
    const offset = this.file.length;
    const wide = bytes >= FULL32 ? sizes64(bytes) : Buffer.alloc(0);
    const beforePadding = offset + LOCAL_BYTES + name.length + wide.length + 4;
    const padding = Buffer.alloc(4 + ((ALIGNMENT - (beforePadding % ALIGNMENT)) % ALIGNMENT));
    padding.writeUInt16LE(PADDING_FIELD, 0);
    padding.writeUInt16LE(padding.length - 4, 2);
    const header = Buffer.alloc(LOCAL_BYTES);
    header.writeUInt32LE(0x04034b50, 0);
    header.writeUInt16LE(ZIP_VERSION, 4);
    header.writeUInt32LE(crc, 14);
    header.writeUInt32LE(Math.min(bytes, FULL32), 18);
    header.writeUInt32LE(Math.min(bytes, FULL32), 22);
    header.writeUInt16LE(name.length, 26);
    header.writeUInt16LE(wide.length + padding.length, 28);
    for (const part of [header, name, wide, padding]) this.file.write(part);
    this.entries.push({ name, crc, bytes, offset });
  }
}

function centralRecord({ name, crc, bytes, offset }: Written): Buffer {
  const values = [...(bytes >= FULL32 ? [bytes, bytes] : []), ...(offset >= FULL32 ? [offset] : [])];
  const extra = values.length === 0 ? Buffer.alloc(0) : wideField(values);
  const record = Buffer.alloc(46);
  record.writeUInt32LE(0x02014b50, 0);
  record.writeUInt16LE(ZIP_VERSION, 4);
  record.writeUInt16LE(ZIP_VERSION, 6);
  record.writeUInt32LE(crc, 16);
  record.writeUInt32LE(Math.min(bytes, FULL32), 20);
  record.writeUInt32LE(Math.min(bytes, FULL32), 24);
  record.writeUInt16LE(name.length, 28);
  record.writeUInt16LE(extra.length, 30);
  record.writeUInt32LE(Math.min(offset, FULL32), 42);
  return Buffer.concat([record, name, extra]);
}

function sizes64(bytes: number): Buffer {
  return wideField([bytes, bytes]);
}

function wideField(values: readonly number[]): Buffer {
  const field = Buffer.alloc(4 + 8 * values.length);
  field.writeUInt16LE(1, 0);
  field.writeUInt16LE(8 * values.length, 2);
  for (const [index, value] of values.entries()) field.writeBigUInt64LE(BigInt(value), 4 + 8 * index);
  return field;
}

function endRecord64(count: number, length: number, start: number): Buffer {
  const record = Buffer.alloc(56);
  record.writeUInt32LE(0x06064b50, 0);
  record.writeBigUInt64LE(44n, 4);
  record.writeUInt16LE(ZIP_VERSION, 12);
  record.writeUInt16LE(ZIP_VERSION, 14);
  record.writeBigUInt64LE(BigInt(count), 24);
  record.writeBigUInt64LE(BigInt(count), 32);
  record.writeBigUInt64LE(BigInt(length), 40);
  record.writeBigUInt64LE(BigInt(start), 48);
  return record;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value >>> 0;
});

/** CRC-32 as zip has it, going on from `before`. Node has it from 20.15 and 22.2 on. */
function crc32(bytes: Uint8Array, before: number): number {
  const native = (zlib as { crc32?: (data: Uint8Array, value?: number) => number }).crc32;
  if (native !== undefined) return native(bytes, before);
  let sum = ~before >>> 0;
  for (const byte of bytes) sum = ((TABLE[(sum ^ byte) & 0xff] ?? 0) ^ (sum >>> 8)) >>> 0;
  return ~sum >>> 0;
}
