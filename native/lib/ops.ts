import { addon } from "./addon.js";
import { type DeviceName, type DType, dtypeBytes, dtypeCode } from "./dtype.js";
import { shapeMismatch } from "./errors.js";
import { type NumberArray, Tensor } from "./tensor.js";

const ops = addon.ops as Readonly<Record<string, (...args: unknown[]) => number>>;
const listOps = addon.ops as Readonly<Record<string, (...args: unknown[]) => number[]>>;

/** What a new tensor is made of; float32 on the CPU when left out. */
export interface TensorOptions {
  readonly dtype?: DType;
  /** `meta` makes shapes without memory. */
  readonly device?: DeviceName | "meta";
}

function place({ dtype = "float32", device = "cpu" }: TensorOptions): [number, string] {
  return [dtypeCode(dtype), device];
}

export function zeros(shape: readonly number[], options: TensorOptions = {}): Tensor {
  return new Tensor(ops.full(shape, 0, ...place(options)));
}
export function ones(shape: readonly number[], options: TensorOptions = {}): Tensor {
  return new Tensor(ops.full(shape, 1, ...place(options)));
}
export function full(shape: readonly number[], value: number, options: TensorOptions = {}): Tensor {
  return new Tensor(ops.full(shape, value, ...place(options)));
}
/** Memory with whatever was in it. */
export function empty(shape: readonly number[], options: TensorOptions = {}): Tensor {
  return new Tensor(ops.empty(shape, ...place(options)));
}
/** start, start + step, … below end. */
export function arange(
  start: number,
  end: number,
  step = 1,
  options: TensorOptions = { dtype: "int64" },
): Tensor {
  return new Tensor(ops.arange(start, end, step, ...place(options)));
}
/** A copy of numbers. @throws HYFW_NATIVE_SHAPE when their count does not fit the shape */
export function tensor(
  data: readonly number[] | NumberArray,
  shape: readonly number[] = [data.length],
  options: TensorOptions = {},
): Tensor {
  const { dtype = "float32", device = "cpu" } = options;
  const typed = data instanceof BigInt64Array ? data : Float64Array.from(data as ArrayLike<number>);
  const expected = shape.reduce((product, size) => product * size, 1);
  if (expected !== data.length) throw shapeMismatch(shape, expected, data.length);
  const source = addon.fromBuffer(
    typed.buffer,
    0,
    shape,
    dtypeCode(typed instanceof BigInt64Array ? "int64" : "float64"),
  );
  const copy = new Tensor(ops.copyTo(source, dtypeCode(dtype), device));
  addon.dispose(source);
  return copy;
}
/**
 * A tensor over the array's own memory, without copying: writing one changes the other. The array lives as long as
 * the tensor. @param dtype for 16-bit words that are floats, or bytes that are bools
 */
export function fromTypedArray(
  array: NumberArray,
  shape: readonly number[] = [array.length],
  dtype: DType = dtypeOf(array),
): Tensor {
  const expected = shape.reduce((product, size) => product * size, 1);
  const found = array.byteLength / dtypeBytes(dtype);
  if (expected !== found) throw shapeMismatch(shape, expected, found);
  return new Tensor(addon.fromBuffer(array.buffer, array.byteOffset, shape, dtypeCode(dtype)));
}

function dtypeOf(array: NumberArray): DType {
  if (array instanceof Float32Array) return "float32";
  if (array instanceof Float64Array) return "float64";
  if (array instanceof BigInt64Array) return "int64";
  if (array instanceof Int32Array) return "int32";
  if (array instanceof Int16Array) return "int16";
  if (array instanceof Int8Array) return "int8";
  if (array instanceof Uint16Array) return "bfloat16";
  return "uint8";
}

export function cat(tensors: readonly Tensor[], dim: number): Tensor {
  return new Tensor(
    ops.cat(
      tensors.map(({ id }) => id),
      dim,
    ),
  );
}
export function stack(tensors: readonly Tensor[], dim: number): Tensor {
  return new Tensor(
    ops.stack(
      tensors.map(({ id }) => id),
      dim,
    ),
  );
}
/** `yes` where the condition (bool) holds, else `no`. */
export function where(condition: Tensor, yes: Tensor, no: Tensor): Tensor {
  return new Tensor(ops.where(condition.id, yes.id, no.id));
}
/** x · weightᵀ + bias over the last dimension. @param weight [out, in]; @param bias [out] */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  return new Tensor(ops.linear(x.id, weight.id, bias === undefined ? null : bias.id));
}
/** Layer norm over the last dimensions `shape`; computed in float32 inside, result in x's type. */
export function layerNorm(
  x: Tensor,
  shape: readonly number[],
  weight: Tensor | undefined,
  bias: Tensor | undefined,
  eps: number,
): Tensor {
  return new Tensor(ops.layerNorm(x.id, shape, weight?.id ?? null, bias?.id ?? null, eps));
}
/** Rows of a table. @param table [n, D]; @param indices int64. @returns indices' shape + [D] */
export function embedding(table: Tensor, indices: Tensor): Tensor {
  return new Tensor(ops.embedding(table.id, indices.id));
}
/** 2-d convolution. @param x [B, Cin, H, W]; @param weight [Cout, Cin, kh, kw] */
export function conv2d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  { stride = 1, padding = 0 }: { readonly stride?: number; readonly padding?: number } = {},
): Tensor {
  return new Tensor(ops.conv2d(x.id, weight.id, bias?.id ?? null, stride, padding));
}
/**
 * softmax(q·kᵀ·scale)·v, by the fastest of libtorch's back ends; written out on libtorch before 2.
 * @param q [B, N, L, K]; @param k [B, N, S, K]; @param v [B, N, S, K]; scale is 1/√K when left out
 */
export function scaledDotProductAttention(q: Tensor, k: Tensor, v: Tensor, scale?: number): Tensor {
  return new Tensor(ops.attention(q.id, k.id, v.id, scale ?? null));
}
/**
 * Rotates neighbours: out[2i] = x[2i]·cos − x[2i+1]·sin, out[2i+1] = x[2i+1]·cos + x[2i]·sin, in float32, result in x's type.
 * @param x [B, N, L, K] (any strides); @param cos float32 [L, K]; @param sin float32 [L, K]
 */
export function rotary(x: Tensor, cos: Tensor, sin: Tensor): Tensor {
  return new Tensor(ops.rotary(x.id, cos.id, sin.id));
}
/** Weights of the norms that `projectHeads` applies per head, float32 [K]; absent where q and k are not normed. */
export interface HeadNorms {
  readonly q?: { readonly weight: Tensor; readonly bias: Tensor };
  readonly k?: { readonly weight: Tensor; readonly bias: Tensor };
  readonly eps: number;
}
/**
 * One projection split into heads, with layer norm per head and rotation of neighbours where asked, in one pass.
 * @param x [B, L, P·N·K]
 * @param rules one letter per part: `q` or `k` takes that norm, `v` none; capital `Q` and `K` are also rotated
 * @param tables cos and sin, float32 [L, K], for capital letters
 * @returns per part [B, N, L, K] in x's type
 */
export function projectHeads(
  x: Tensor,
  heads: number,
  rules: string,
  { q, k, eps }: HeadNorms,
  tables?: { readonly cos: Tensor; readonly sin: Tensor },
): Tensor[] {
  const norms = [q?.weight.id ?? null, q?.bias.id ?? null, k?.weight.id ?? null, k?.bias.id ?? null];
  return listOps
    .projectHeads(x.id, heads, rules, ...norms, eps, tables?.cos.id ?? null, tables?.sin.id ?? null)
    .map((id) => new Tensor(id));
}
/**
 * Pictures for the model: uint8 RGB [B, H, W, 3] to float32 [B, 3, H, W] in [-1, 1], mirrored along W where `flips` is 1.
 * @param flips uint8 [B]
 */
export function imagesToBatch(images: Tensor, flips: Tensor): Tensor {
  return new Tensor(ops.imagesToBatch(images.id, flips.id));
}
/** target ← decay·target + (1 − decay)·source, over lists of equal shapes, in place. */
export function emaUpdate(targets: readonly Tensor[], sources: readonly Tensor[], decay: number): void {
  ops.emaUpdate(
    targets.map(({ id }) => id),
    sources.map(({ id }) => id),
    decay,
  );
}
/** √(sum of squares) over all tensors, as a float32 scalar; accumulated in double. */
export function globalNorm(tensors: readonly Tensor[]): Tensor {
  return new Tensor(ops.globalNorm(tensors.map(({ id }) => id)));
}
