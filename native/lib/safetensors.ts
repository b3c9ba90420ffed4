import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { addon } from "./addon.js";
import { type DType, dtypeBytes, dtypeCode } from "./dtype.js";
import { badFile, nearNames, tensorAbsent } from "./errors.js";
import { Tensor } from "./tensor.js";
import { type TensorSource, writeWhole } from "./whole-file.js";

/** One tensor of a file, before it is read. */
export interface SafetensorsEntry {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Place of the first byte in the file. */
  readonly byteOffset: number;
  readonly byteLength: number;
}

const NAMES: Readonly<Record<string, DType>> = {
  U8: "uint8",
  I8: "int8",
  I16: "int16",
  I32: "int32",
  I64: "int64",
  F16: "float16",
  F32: "float32",
  F64: "float64",
  BOOL: "bool",
  BF16: "bfloat16",
};
const CODES = new Map(Object.entries(NAMES).map(([code, dtype]) => [dtype, code]));
const MAX_HEADER_BYTES = 100 * 2 ** 20;

/**
 * An open safetensors file: the header is read, tensors are mapped when asked for and cost no memory until touched.
 * Mapped tensors are private to this process: writing to one never reaches the file.
 */
export class MappedSafetensors {
  constructor(
    readonly path: string,
    readonly entries: ReadonlyMap<string, SafetensorsEntry>,
    readonly metadata: Readonly<Record<string, string>>,
  ) {}

  names(): string[] {
    return [...this.entries.keys()];
  }
  has(name: string): boolean {
    return this.entries.has(name);
  }
  /** @throws HYFW_SAFETENSORS_NAME naming tensors that are there */
  entry(name: string): SafetensorsEntry {
    const entry = this.entries.get(name);
    if (entry === undefined) throw tensorAbsent(this.path, name, nearNames(name, this.names()));
    return entry;
  }
  /** The tensor, mapped. */
  get(name: string): Tensor {
    const { dtype, shape, byteOffset } = this.entry(name);
    return new Tensor(addon.mapFile(this.path, byteOffset, shape, dtypeCode(dtype)));
  }
}

/** Reads a file's header and checks it against the file's size. @throws HYFW_SAFETENSORS */
export function openSafetensors(path: string): MappedSafetensors {
  const file = openSync(path, "r");
  try {
    const size = fstatSync(file).size;
    const start = Buffer.alloc(8);
    if (readSync(file, start, 0, 8, 0) < 8)
      throw badFile(path, `${size} bytes are too few for a safetensors file`);
    const length = Number(start.readBigUInt64LE());
    if (length > MAX_HEADER_BYTES || 8 + length > size)
      throw badFile(path, `its header should have ${length} bytes, the file has ${size}`);
    const header = Buffer.alloc(length);
    readSync(file, header, 0, length, 8);
    return parseHeader(path, header.toString("utf8"), 8 + length, size);
  } finally {
    closeSync(file);
  }
}

function parseHeader(path: string, text: string, dataStart: number, fileSize: number): MappedSafetensors {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (cause) {
    throw badFile(path, `its header is not JSON (${cause instanceof Error ? cause.message : String(cause)})`);
  }
  if (typeof header !== "object" || header === null || Array.isArray(header))
    throw badFile(path, "its header is not an object");
  const entries = new Map<string, SafetensorsEntry>();
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(header)) {
    if (name === "__metadata__") metadata = value as Record<string, string>;
    else entries.set(name, parseEntry(path, name, value, dataStart, fileSize));
  }
  return new MappedSafetensors(path, entries, metadata);
}

function parseEntry(
  path: string,
  name: string,
  value: unknown,
  dataStart: number,
  fileSize: number,
): SafetensorsEntry {
  const { dtype: code, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  const dtype = typeof code === "string" ? NAMES[code] : undefined;
  if (dtype === undefined) throw badFile(path, `tensor ${name} has element type ${JSON.stringify(code)}`);
  const whole = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((size) => Number.isSafeInteger(size) && size >= 0);
  if (!whole(shape) || !whole(offsets) || offsets.length !== 2)
    throw badFile(path, `tensor ${name} has no valid shape and data_offsets`);
  const [begin, end] = offsets as [number, number];
  const bytes = shape.reduce((product, size) => product * size, dtypeBytes(dtype));
  if (end - begin !== bytes)
    throw badFile(
      path,
      `tensor ${name} of shape [${shape.join(", ")}] needs ${bytes} bytes, it has ${end - begin}`,
    );
  if (dataStart + end > fileSize)
    throw badFile(path, `tensor ${name} ends at byte ${dataStart + end}, the file has ${fileSize}`);
  return { dtype, shape, byteOffset: dataStart + begin, byteLength: bytes };
}

/** All tensors of a file, mapped, in the current scope. */
export function readSafetensors(path: string): Record<string, Tensor> {
  const file = openSafetensors(path);
  return Object.fromEntries(file.names().map((name) => [name, file.get(name)]));
}

/**
 * Writes tensors, one at a time, in the order given; each lands on a multiple of 8 bytes. The file appears under its
 * name only when it is whole: written beside as `.partial`, synced, renamed.
 */
export function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): void {
  const sources = Object.entries(tensors).map(([name, tensor]) => {
    const { dtype, shape } = tensor;
    return { name, dtype, shape, get: () => tensor };
  });
  streamSafetensors(path, sources, metadata);
}

/** As `writeSafetensors`, with tensors that are made when their turn comes: memory for one at a time. */
export function streamSafetensors(
  path: string,
  sources: readonly TensorSource[],
  metadata: Readonly<Record<string, string>> = {},
): void {
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) header.__metadata__ = metadata;
  let offset = 0;
  for (const { name, dtype, shape } of sources) {
    const end = offset + shape.reduce((product, size) => product * size, dtypeBytes(dtype));
    header[name] = { dtype: CODES.get(dtype), shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.alloc(Math.ceil(json.length / 8) * 8, " ");
  json.copy(padded);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  writeWhole(path, (file) => {
    file.write(length);
    file.write(padded);
    for (const source of sources) file.writeTensor(source);
  });
}
