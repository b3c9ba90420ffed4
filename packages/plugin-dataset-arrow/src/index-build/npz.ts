import { readZip, writeZip } from "./zip.js";

/** Global row numbers as one npz entry holds them. */
export type RowNumbers = Uint32Array | Float64Array;

const MAGIC = Buffer.from("\x93NUMPY\x01\x00", "latin1");

/**
 * The one-dimensional integer arrays of an npz, by key, in the order of the archive.
 * @throws Error saying what is damaged or of another type; the caller knows the file's name
 */
export function readNpz(bytes: Buffer): Map<string, RowNumbers> {
  const arrays = new Map<string, RowNumbers>();
  for (const entry of readZip(bytes)) {
    const key = entry.name.replace(/\.npy$/, "");
    if (arrays.has(key)) throw new Error(`it holds ${key} twice`);
    arrays.set(key, readNpy(entry.bytes));
  }
  return arrays;
}

function readNpy(entry: Uint8Array): RowNumbers {
  const bytes = Buffer.from(entry.buffer, entry.byteOffset, entry.byteLength);
  if (bytes.length < 12 || !bytes.subarray(0, 6).equals(MAGIC.subarray(0, 6)))
    throw new Error("an entry is no npy array");
  const wide = bytes[6] > 1;
  const start = (wide ? 12 : 10) + (wide ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8));
  const header = bytes.toString("latin1", wide ? 12 : 10, start);
  const type = /'descr':\s*'([^']+)'/.exec(header)?.[1];
  const length = Number(/'shape':\s*\((\d+),\)/.exec(header)?.[1]);
  if (!Number.isInteger(length)) throw new Error(`an array is not one-dimensional: ${header.trim()}`);
  const width = type === "<i8" ? 8 : type === "<i4" ? 4 : 0;
  if (width === 0) throw new Error(`an array has type ${type}, expected <i8`);
  if (start + length * width !== bytes.length)
    throw new Error(`an array of ${length} numbers has ${bytes.length - start} bytes`);
  const memory = new ArrayBuffer(length * width);
  new Uint8Array(memory).set(bytes.subarray(start));
  return width === 4 ? Float64Array.from(new Int32Array(memory)) : wideNumbers(memory, length);
}

/** int64 as unsigned 32-bit numbers where all fit, which row numbers do; else as doubles, exact up to 2^53. */
function wideNumbers(memory: ArrayBuffer, length: number): RowNumbers {
  const low = new Uint32Array(memory);
  const high = new Int32Array(memory);
  const rows = new Uint32Array(length);
  let isSmall = true;
  for (let i = 0; i < length; i++) {
    rows[i] = low[2 * i];
    if (high[2 * i + 1] !== 0) isSmall = false;
  }
  return isSmall ? rows : Float64Array.from({ length }, (_, i) => high[2 * i + 1] * 2 ** 32 + low[2 * i]);
}

/** An npz of int64 arrays (npy version 1.0), in the order given. */
export function writeNpz(arrays: Iterable<readonly [string, ArrayLike<number>]>): Buffer {
  return writeZip(
    Array.from(arrays, ([key, values]) => ({ name: `${key}.npy`, bytes: () => npyOf(values) })),
  );
}

function npyOf(values: ArrayLike<number>): Buffer {
  let header = `{'descr': '<i8', 'fortran_order': False, 'shape': (${values.length},), }`;
  header = `${header.padEnd(117 + 64 * Math.max(0, Math.ceil((header.length - 117) / 64)))}\n`;
  const numbers = new Uint32Array(2 * values.length);
  for (let i = 0; i < values.length; i++) {
    numbers[2 * i] = values[i] % 2 ** 32;
    numbers[2 * i + 1] = Math.floor(values[i] / 2 ** 32);
  }
  const bytes = Buffer.allocUnsafe(10 + header.length + 8 * values.length);
  MAGIC.copy(bytes);
  bytes.writeUInt16LE(header.length, 8);
  bytes.write(header, 10, "latin1");
  Buffer.from(numbers.buffer).copy(bytes, 10 + header.length);
  return bytes;
}
