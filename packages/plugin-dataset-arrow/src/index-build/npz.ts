import { readZip, writeZip } from "./zip.js";

/** Global row numbers as one npz entry holds them; doubles are exact up to 2^53. */
export type RowNumbers = Float64Array;

const MAGIC = Buffer.from("\x93NUMPY\x01\x00", "latin1");

/**
 * The one-dimensional integer arrays of an npz, by key, in the order of the archive.
 * @throws Error saying what is damaged or of another type; the caller knows the file's name
 */
export function readNpz(bytes: Buffer): Map<string, RowNumbers> {
  const arrays = new Map<string, RowNumbers>();
  for (const entry of readZip(bytes)) arrays.set(entry.name.replace(/\.npy$/, ""), readNpy(entry.bytes));
  return arrays;
}

function readNpy(entry: Uint8Array): RowNumbers {
  const bytes = Buffer.from(entry.buffer, entry.byteOffset, entry.byteLength);
  if (!bytes.subarray(0, 6).equals(MAGIC.subarray(0, 6))) throw new Error("an entry is no npy array");
  const wide = (bytes[6] ?? 1) > 1;
  const start = (wide ? 12 : 10) + (wide ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8));
  const header = bytes.toString("latin1", wide ? 12 : 10, start);
  const type = /'descr':\s*'([^']+)'/.exec(header)?.[1];
  const length = Number(/'shape':\s*\((\d+),\)/.exec(header)?.[1]);
  if (!Number.isInteger(length)) throw new Error(`an array is not one-dimensional: ${header.trim()}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset + start);
  if (type === "<i8") return Float64Array.from({ length }, (_, i) => Number(view.getBigInt64(8 * i, true)));
  if (type === "<i4") return Float64Array.from({ length }, (_, i) => view.getInt32(4 * i, true));
  throw new Error(`an array has type ${type}, expected <i8`);
}

/** An npz of int64 arrays (npy version 1.0), in the order given. */
export function writeNpz(arrays: Iterable<readonly [string, ArrayLike<number>]>): Buffer {
  return writeZip(Array.from(arrays, ([key, values]) => ({ name: `${key}.npy`, bytes: npyOf(values) })));
}

function npyOf(values: ArrayLike<number>): Buffer {
  let header = `{'descr': '<i8', 'fortran_order': False, 'shape': (${values.length},), }`;
  header = `${header.padEnd(117 + 64 * Math.max(0, Math.ceil((header.length - 117) / 64)))}\n`;
  const bytes = Buffer.alloc(10 + header.length + 8 * values.length);
  MAGIC.copy(bytes);
  bytes.writeUInt16LE(header.length, 8);
  bytes.write(header, 10, "latin1");
  const numbers = new BigInt64Array(values.length);
  for (let i = 0; i < values.length; i++) numbers[i] = BigInt(values[i] as number);
  Buffer.from(numbers.buffer).copy(bytes, 10 + header.length);
  return bytes;
}
