import { crc32c } from "@node-rs/crc32";
import protobuf from "protobufjs/minimal.js";

/** What one event of TensorBoard says. */
export interface BoardEvent {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
  /** First event of a file only: `brain.Event:2`. */
  readonly fileVersion?: string;
  readonly scalars?: Readonly<Record<string, number>>;
  readonly pictures?: readonly BoardPicture[];
}

/** A PNG picture under a tag. */
export interface BoardPicture {
  readonly tag: string;
  readonly height: number;
  readonly width: number;
  readonly png: Uint8Array;
}

/** Colour space of TensorFlow's Image message: 3 is RGB. */
const RGB = 3;

// Numbers of fields in TensorFlow's event.proto and summary.proto; a key is number · 8 + wire type.
const key = (field: number, wire: number): number => field * 8 + wire;
const VARINT = 0;
const DOUBLE = 1;
const BYTES = 2;
const FLOAT = 5;

/** An event as TensorFlow's protocol buffer `Event`. */
export function encodeEvent({
  wallTime,
  step,
  fileVersion,
  scalars = {},
  pictures = [],
}: BoardEvent): Uint8Array {
  const writer = protobuf.Writer.create();
  writer.uint32(key(1, DOUBLE)).double(wallTime);
  writer.uint32(key(2, VARINT)).int64(step);
  if (fileVersion !== undefined) writer.uint32(key(3, BYTES)).string(fileVersion);
  const values = Object.entries(scalars);
  if (values.length + pictures.length === 0) return writer.finish();
  writer.uint32(key(5, BYTES)).fork(); // summary
  for (const [tag, value] of values) {
    writer.uint32(key(1, BYTES)).fork(); // value
    writer.uint32(key(1, BYTES)).string(tag);
    writer.uint32(key(2, FLOAT)).float(value);
    writer.ldelim();
  }
  for (const { tag, height, width, png } of pictures) {
    writer.uint32(key(1, BYTES)).fork();
    writer.uint32(key(1, BYTES)).string(tag);
    writer.uint32(key(4, BYTES)).fork(); // image
    writer.uint32(key(1, VARINT)).int32(height);
    writer.uint32(key(2, VARINT)).int32(width);
    writer.uint32(key(3, VARINT)).int32(RGB);
    writer.uint32(key(4, BYTES)).bytes(png);
    writer.ldelim().ldelim();
  }
  return writer.ldelim().finish();
}

/** Data as one record of a TFRecord file: length, its checksum, data, their checksum. */
export function toRecord(data: Uint8Array): Buffer {
  const record = Buffer.alloc(16 + data.length);
  record.writeBigUInt64LE(BigInt(data.length), 0);
  record.writeUInt32LE(maskedCrc(record.subarray(0, 8)), 8);
  record.set(data, 12);
  record.writeUInt32LE(maskedCrc(record.subarray(12, 12 + data.length)), 12 + data.length);
  return record;
}

/** CRC-32C, turned right by 15 bits and moved by a constant, as TFRecord has it for data that holds checksums. */
export function maskedCrc(data: Buffer): number {
  const crc = crc32c(data);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
