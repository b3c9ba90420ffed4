import { torchFileBroken } from "../errors.js";
import {
  GlobalName,
  PickleDict,
  PickleList,
  PickleRecord,
  type PickleValue,
  StorageRef,
  StoredTensor,
} from "./pickle-values.js";

const LISTS = new Set([
  "builtins set",
  "builtins frozenset",
  "builtins list",
  "builtins tuple",
  "torch Size",
]);
const DICTS = new Set(["builtins dict", "collections OrderedDict"]);
const RECORDS = new Set(["argparse Namespace"]);
/** Plain data of the trainer that official checkpoints come from: read for its fields. */
const RECORD_MODULES = /^deepspeed\./;
const REBUILD = {
  tensor: new Set(["torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_tensor"]),
  typed: new Set(["torch._utils _rebuild_tensor_v3"]),
  parameter: new Set(["torch._utils _rebuild_parameter", "torch._utils _rebuild_parameter_with_state"]),
};
const STORAGE = /^torch(\.storage)? (\w+Storage)$/;
const CUDA_STORAGE = /^torch\.cuda (\w+Storage)$/;
const DTYPE =
  /^torch (float(16|32|64)|bfloat16|half|float|double|u?int8|int(16|32|64)|short|int|long|bool|complex(32|64|128)|float8_\w+)$/;
const HARMLESS = new Set([
  "torch device",
  "torch.serialization _get_layout",
  "_codecs encode",
  "pathlib PosixPath",
  "pathlib PurePosixPath",
  "pathlib WindowsPath",
  "builtins complex",
  "builtins bytearray",
]);

/**
 * What calling a global would give, worked out from its arguments without calling.
 * @param name one that `isKnown`
 * @throws HYFW_TORCH_FILE when the arguments make no sense
 */
export function madeOf(name: string, args: PickleList, path: string): PickleValue {
  if (REBUILD.tensor.has(name)) return tensorOf(args, undefined, path);
  if (REBUILD.typed.has(name)) {
    const dtype = args[6];
    return tensorOf(args, dtype instanceof GlobalName ? dtype.name.replace("torch ", "") : undefined, path);
  }
  if (REBUILD.parameter.has(name)) {
    const [data] = args;
    if (!(data instanceof StoredTensor)) throw broken(path, "a parameter without a tensor");
    return data;
  }
  if (LISTS.has(name)) {
    const [items] = args;
    if (items !== undefined && !(items instanceof PickleList))
      throw broken(path, `${name} of what is no list`);
    return PickleList.from(items ?? []) as PickleList;
  }
  if (DICTS.has(name)) return dictOf(args[0]);
  if (name === "_codecs encode") return typeof args[0] === "string" ? Buffer.from(args[0], "latin1") : null;
  if (name === "torch device") return args.map(String).join(":");
  if (name === "torch.serialization _get_layout") return args[0] ?? null;
  if (name.startsWith("pathlib ")) return args.map(String).join("/").replace(/^\/\//, "/");
  if (isRecord(name)) return new PickleRecord(name.replace(" ", "."));
  const record = new PickleRecord(name.replace(" ", "."));
  record.fields.set("args", args);
  return record;
}

function dictOf(pairs: PickleValue | undefined): PickleDict {
  const dict = new PickleDict();
  if (pairs instanceof PickleDict) for (const [name, value] of pairs) dict.set(name, value);
  if (pairs instanceof PickleList)
    for (const pair of pairs) if (pair instanceof PickleList) dict.set(pair[0] ?? null, pair[1] ?? null);
  return dict;
}

function tensorOf(args: PickleList, dtype: string | undefined, path: string): StoredTensor {
  const [storage, offset, shape, stride] = args;
  if (
    !(storage instanceof StorageRef) ||
    !isCount(offset) ||
    !isCounts(shape) ||
    !isCounts(stride) ||
    shape.length !== stride.length
  )
    throw broken(path, "a tensor whose storage, offset, shape or strides make no sense");
  return new StoredTensor(storage.facts, offset, [...shape], [...stride], dtype);
}

/** One storage named by a persistent id of PyTorch: ("storage", class, key, device, elements[, view]). */
export function storageOf(id: PickleValue, path: string): StorageRef {
  const [kind, type, key, , elements, view] = id instanceof PickleList ? id : [];
  const name = type instanceof GlobalName ? (STORAGE.exec(type.name) ?? CUDA_STORAGE.exec(type.name)) : null;
  const storageClass = name?.at(-1);
  if (kind !== "storage" || storageClass === undefined || !isCount(elements) || typeof key !== "string")
    throw torchFileBroken(path, "a persistent id in it names no storage");
  if (view !== undefined && view !== null)
    throw torchFileBroken(
      path,
      "it has storages that are views of others, as PyTorch wrote them before version 0.4",
    );
  return new StorageRef({ key, type: storageClass, elements });
}

/** Whether a global is plain data: `module name`. Everything else ends the reading. */
export function isKnown(name: string): boolean {
  return (
    LISTS.has(name) ||
    DICTS.has(name) ||
    HARMLESS.has(name) ||
    isRecord(name) ||
    Object.values(REBUILD).some((names) => names.has(name)) ||
    STORAGE.test(name) ||
    CUDA_STORAGE.test(name) ||
    DTYPE.test(name)
  );
}

function isRecord(name: string): boolean {
  return RECORDS.has(name) || RECORD_MODULES.test(name);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isCounts(value: unknown): value is readonly number[] {
  return value instanceof PickleList && value.every(isCount);
}

/** The error of a pickle that makes no sense. */
export function broken(path: string, what: string): Error {
  return torchFileBroken(path, `its pickle is not valid: ${what}`);
}
