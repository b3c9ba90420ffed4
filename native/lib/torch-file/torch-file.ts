import { closeSync, fstatSync, openSync } from "node:fs";
import { addon } from "../addon.js";
import { callTensorOp } from "../call-op.js";
import { type DType, dtypeBytes, dtypeCode } from "../dtype.js";
import { nearNames, tensorAbsent, torchFileBroken } from "../errors.js";
import { Tensor } from "../tensor.js";
import { PickleTruncated, type Unpickled, unpickle } from "./pickle.js";
import { storageOf } from "./pickle-globals.js";
import {
  PickleDict,
  PickleList,
  PickleRecord,
  type PickleValue,
  type StorageFacts,
  StoredTensor,
} from "./pickle-values.js";
import { dataOffset, FileBytes, readZipEntries, type ZipEntry } from "./zip.js";

/** Where a storage's bytes are in the file. */
interface StoragePlace {
  readonly offset: number;
  readonly bytes: number;
}

/** One tensor of a `.pt` file, before it is read. */
export interface TorchFileEntry {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

const STORAGE_DTYPES: Readonly<Record<string, DType>> = {
  FloatStorage: "float32",
  DoubleStorage: "float64",
  HalfStorage: "float16",
  BFloat16Storage: "bfloat16",
  LongStorage: "int64",
  IntStorage: "int32",
  ShortStorage: "int16",
  CharStorage: "int8",
  ByteStorage: "uint8",
  BoolStorage: "bool",
};
const DTYPES: Readonly<Record<string, DType>> = {
  float: "float32",
  double: "float64",
  half: "float16",
  long: "int64",
  int: "int32",
  short: "int16",
};
const PLAIN: ReadonlySet<string> = new Set(Object.values(STORAGE_DTYPES));

/** What old, zip-less files begin with. */
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;
const LEGACY_PROTOCOL = 1001;
const FIRST_WINDOW = 16 * 2 ** 20;
const MAX_PICKLE_BYTES = 2 ** 30;
/** Tensors lie at most this deep in dicts and lists, and a file holds at most this many values. */
const MAX_DEPTH = 16;
const MAX_VALUES = 2_000_000;
/** A tensor that repeats its storage (strides of 0) may become this large, no larger. */
const MAX_UNFOLDED_BYTES = 64 * 2 ** 20;

/**
 * An open file of PyTorch's `torch.save`, in either layout. The pickle inside is read as data, nothing in it runs;
 * tensors are mapped when asked for. Names of nested values are joined with points: `module.blocks.0.norm1.weight`.
 */
export class TorchFile {
  private readonly tensors = new Map<string, StoredTensor>();
  /** Numbers, texts and truth values of the file by their joined names. */
  readonly facts: ReadonlyMap<string, number | bigint | string | boolean | null>;

  constructor(
    readonly path: string,
    readonly root: PickleValue,
    private readonly placeOf: (storage: StorageFacts) => StoragePlace,
  ) {
    const facts = new Map<string, number | bigint | string | boolean | null>();
    new Walk(path, this.tensors, facts).visit("", root, 0);
    this.facts = facts;
    for (const [name, tensor] of this.tensors) this.check(name, tensor);
  }

  names(): string[] {
    return [...this.tensors.keys()];
  }
  has(name: string): boolean {
    return this.tensors.has(name);
  }
  /** @throws HYFW_SAFETENSORS_NAME naming tensors that are there */
  entry(name: string): TorchFileEntry {
    const stored = this.stored(name);
    return { dtype: this.dtypeOf(name, stored), shape: stored.shape };
  }
  /** The tensor, mapped; with the strides that it was saved with. */
  get(name: string): Tensor {
    const stored = this.stored(name);
    const { shape, stride, offset } = stored;
    const dtype = this.dtypeOf(name, stored);
    const start = this.placeOf(stored.storage).offset + offset * dtypeBytes(dtype);
    const code = dtypeCode(dtype);
    if (isContiguous(shape, stride)) return new Tensor(addon.mapFile(this.path, start, shape, code));
    const flat = new Tensor(addon.mapFile(this.path, start, [spanOf(stored)], code));
    const view = callTensorOp("aten::as_strided", flat, [...shape], [...stride]);
    flat.dispose();
    return view;
  }

  private stored(name: string): StoredTensor {
    const stored = this.tensors.get(name);
    if (stored === undefined) throw tensorAbsent(this.path, name, nearNames(name, this.names()));
    return stored;
  }

  private dtypeOf(name: string, { storage, dtype }: StoredTensor): DType {
    const found = dtype === undefined ? STORAGE_DTYPES[storage.type] : (DTYPES[dtype] ?? dtype);
    if (found === undefined || !PLAIN.has(found))
      throw torchFileBroken(this.path, `tensor ${name} has element type ${dtype ?? storage.type}`);
    return found as DType;
  }

  /** Every number that a tensor reaches must be in its storage, and every storage in the file. */
  private check(name: string, stored: StoredTensor): void {
    const itemBytes = dtypeBytes(this.dtypeOf(name, stored));
    const needed = stored.shape.includes(0) ? 0 : (stored.offset + spanOf(stored)) * itemBytes;
    const { bytes } = this.placeOf(stored.storage);
    const unfolded = stored.shape.reduce((product, size) => product * size, itemBytes);
    if (unfolded > Math.max(bytes, MAX_UNFOLDED_BYTES))
      throw torchFileBroken(
        this.path,
        `tensor ${name} of shape [${stored.shape.join(", ")}] would unfold ${bytes} bytes to ${unfolded}`,
      );
    if (!Number.isSafeInteger(needed) || needed > bytes)
      throw torchFileBroken(
        this.path,
        `tensor ${name} of shape [${stored.shape.join(", ")}] needs ${needed} bytes of storage ${stored.storage.key}, which has ${bytes}`,
      );
  }
}

/** Whether a file can be one of `torch.save`, by its first bytes. */
export function isTorchFile(path: string): boolean {
  return withFile(path, (file) => {
    const start = file.read(0, Math.min(4, file.size)).toString("latin1");
    return start === "PK\u0003\u0004" || start.startsWith("\u0080\u0002\u008a\u000a");
  });
}

/**
 * Opens a `.pt`, `.pth` or `.bin` file.
 * @throws HYFW_TORCH_FILE_UNSAFE naming what its pickle would call, HYFW_TORCH_FILE when it is broken
 */
export function openTorchFile(path: string): TorchFile {
  return withFile(path, (file) => {
    const start = file.read(0, Math.min(2, file.size)).toString("latin1");
    return start === "PK" ? openZip(file) : openLegacy(file);
  });
}

function openZip(file: FileBytes): TorchFile {
  const entries = new Map(readZipEntries(file).map((entry) => [entry.name, entry]));
  const pickles = [...entries.values()].filter(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  const [pickle] = pickles;
  if (pickle === undefined || pickles.length > 1)
    throw torchFileBroken(file.path, "it is a zip file, but not one of torch.save: it needs one data.pkl");
  const folder = pickle.name.slice(0, -"data.pkl".length);
  const order = entries.get(`${folder}byteorder`);
  if (order !== undefined && order.bytes < 16) {
    const text = file.read(dataOffset(file, order), order.bytes).toString("latin1");
    if (text !== "little") throw torchFileBroken(file.path, `its numbers are in byte order ${text}`);
  }
  if (pickle.bytes > MAX_PICKLE_BYTES)
    throw torchFileBroken(file.path, `its pickle has ${pickle.bytes} bytes`);
  const bytes = file.read(dataOffset(file, pickle), pickle.bytes);
  const root = whole(file, () => unpickle(bytes, 0, file.path, (id) => storageOf(id, file.path))).value;
  const places = new Map<string, StoragePlace>();
  // Looked up while the file is open: every storage of a tensor is placed when the file is checked.
  return new TorchFile(file.path, root, ({ key }) => {
    const before = places.get(key);
    if (before !== undefined) return before;
    const place = placeIn(file, entries.get(`${folder}data/${key}`), key);
    places.set(key, place);
    return place;
  });
}

function placeIn(file: FileBytes, entry: ZipEntry | undefined, key: string): StoragePlace {
  if (entry === undefined) throw torchFileBroken(file.path, `storage ${key} is missing`);
  return { offset: dataOffset(file, entry), bytes: entry.bytes };
}

/** Magic number, protocol, machine facts, the object, names of storages: five pickles; then the storages. */
function openLegacy(file: FileBytes): TorchFile {
  const storages = new Map<string, StorageFacts>();
  let at = 0;
  const next = (): PickleValue => {
    const { value, end } = readPickle(file, at, (id) => {
      const ref = storageOf(id, file.path);
      storages.set(ref.facts.key, ref.facts);
      return ref;
    });
    at = end;
    return value;
  };
  const magic = next();
  const protocol = magic === LEGACY_MAGIC ? next() : undefined;
  if (protocol !== LEGACY_PROTOCOL)
    throw torchFileBroken(file.path, "it is neither a zip file nor one of torch.save's older layout");
  const machine = next();
  if (machine instanceof PickleDict && machine.get("little_endian") === false)
    throw torchFileBroken(file.path, "its numbers are in big-endian order");
  const root = next();
  const keys = next();
  if (!(keys instanceof PickleList)) throw torchFileBroken(file.path, "it does not list its storages");
  const places = new Map<string, StoragePlace>();
  for (const key of keys) {
    const facts = storages.get(String(key));
    if (facts === undefined) throw torchFileBroken(file.path, `storage ${String(key)} has no type`);
    const elements = Number(file.read(at, 8).readBigUInt64LE());
    const bytes = elements * dtypeBytes(STORAGE_DTYPES[facts.type] ?? "uint8");
    if (elements !== facts.elements || at + 8 + bytes > file.size)
      throw torchFileBroken(
        file.path,
        `storage ${facts.key} should have ${facts.elements} elements, the file says ${elements} and ends ${file.size - at - 8} bytes later`,
      );
    places.set(facts.key, { offset: at + 8, bytes });
    at += 8 + bytes;
  }
  return new TorchFile(file.path, root, ({ key }) => {
    const place = places.get(key);
    if (place === undefined) throw torchFileBroken(file.path, `storage ${key} is missing`);
    return place;
  });
}

/** Reads a pickle of unknown length through a window that grows while it is too short. */
function readPickle(file: FileBytes, at: number, persistent: (id: PickleValue) => PickleValue): Unpickled {
  for (let window = FIRST_WINDOW; ; window *= 4) {
    const length = Math.min(window, MAX_PICKLE_BYTES, file.size - at);
    const bytes = file.read(at, length);
    try {
      const { value, end } = unpickle(bytes, 0, file.path, persistent);
      return { value, end: at + end };
    } catch (fault) {
      if (!(fault instanceof PickleTruncated)) throw fault;
      if (length < window) throw torchFileBroken(file.path, "its pickle is cut off");
    }
  }
}

function whole<Result>(file: FileBytes, read: () => Result): Result {
  try {
    return read();
  } catch (fault) {
    if (fault instanceof PickleTruncated) throw torchFileBroken(file.path, "its pickle is cut off");
    throw fault;
  }
}

/** Collects tensors and plain facts of a value under their joined names. */
class Walk {
  private visited = 0;

  constructor(
    private readonly path: string,
    private readonly tensors: Map<string, StoredTensor>,
    private readonly facts: Map<string, number | bigint | string | boolean | null>,
  ) {}

  visit(name: string, value: PickleValue, depth: number): void {
    this.visited += 1;
    if (depth > MAX_DEPTH || this.visited > MAX_VALUES)
      throw torchFileBroken(this.path, "its values are nested too deep or hold themselves");
    const inner = (key: string): string => (name === "" ? key : `${name}.${key}`);
    if (value instanceof StoredTensor) this.tensors.set(name, value);
    else if (value instanceof PickleDict)
      for (const [key, item] of value) this.visit(inner(keyText(key)), item, depth + 1);
    else if (value instanceof PickleRecord) this.visit(name, value.fields, depth + 1);
    else if (value instanceof PickleList)
      for (const [index, item] of value.entries()) this.visit(inner(String(index)), item, depth + 1);
    else if (value === null || typeof value !== "object") this.facts.set(name, value);
  }
}

function keyText(key: PickleValue): string {
  return key === null || typeof key !== "object" ? String(key) : "?";
}

function isContiguous(shape: readonly number[], stride: readonly number[]): boolean {
  if (shape.includes(0)) return true;
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] ?? 1;
    if (size !== 1 && stride[axis] !== expected) return false;
    expected *= size;
  }
  return true;
}

/** Elements from the tensor's first to its last, both counted. */
function spanOf({ shape, stride }: StoredTensor): number {
  return shape.reduce((span, size, axis) => span + (size - 1) * (stride[axis] ?? 0), 1);
}

function withFile<Result>(path: string, work: (file: FileBytes) => Result): Result {
  const file = openSync(path, "r");
  try {
    return work(new FileBytes(path, file, fstatSync(file).size));
  } finally {
    closeSync(file);
  }
}
