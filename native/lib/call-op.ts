import { addon } from "./addon.js";
import { Tensor } from "./tensor.js";

/** What an op takes: tensors, numbers, lists of them, texts; `undefined` is "left out" where the schema has a default. */
export type OpArgument =
  | Tensor
  | number
  | bigint
  | boolean
  | string
  | null
  | undefined
  | readonly OpArgument[];

/** What an op gives. */
export type OpResult = Tensor | number | boolean | string | undefined | readonly OpResult[];

/** Arguments by name, for the last place. */
export type OpKeywords = Readonly<Record<string, OpArgument>>;

/**
 * Calls any op of the dispatcher by its schema name: `aten::add`, `aten::add.Tensor`, `hyfw::…`, or one that
 * `loadLibrary` brought. Without an overload name the first whose schema fits is taken. A plain object in the last
 * place gives arguments by name.
 * @throws HYFW_NATIVE_OP naming op, arguments and shapes
 */
export function callOp(name: string, ...args: readonly (OpArgument | OpKeywords)[]): OpResult {
  return wrap(addon.callOp(name, args));
}

/** `callOp` for ops that give one tensor. */
export function callTensorOp(name: string, ...args: readonly (OpArgument | OpKeywords)[]): Tensor {
  const result = callOp(name, ...args);
  if (result instanceof Tensor) return result;
  throw new TypeError(`${name} does not give one tensor`);
}

/** `callOp` on the native thread, under the caller's grad mode. */
export async function callOpAsync(
  name: string,
  ...args: readonly (OpArgument | OpKeywords)[]
): Promise<OpResult> {
  return wrap(await addon.callOpAsync(name, args));
}

/** Schemas whose names begin with `prefix`, as libtorch writes them. */
export function opSchemas(prefix: string): readonly string[] {
  return addon.schemas(prefix);
}

/**
 * Loads a shared library that registers ops with TORCH_LIBRARY; they are then there for `callOp`. Link it with
 * `-lc10 -ltorch_cpu` of the same libtorch: the addon does not show libtorch's symbols to others.
 */
export function loadLibrary(path: string): void {
  addon.loadLibrary(path);
}

/** Natively an op's result arrives as an id in an object, so that numbers stay numbers. */
function wrap(value: unknown): OpResult {
  if (Array.isArray(value)) return value.map(wrap);
  if (typeof value === "object" && value !== null) return new Tensor((value as { id: number }).id);
  return value as OpResult;
}
