import { addon, type TensorId } from "./addon.js";
import { type DeviceName, type DType, dtypeCode, dtypeName } from "./dtype.js";

const ops = addon.ops as Readonly<Record<string, (...args: unknown[]) => number>> & HotOps;

/** The typed bindings that `Tensor` and `ops.ts` call, as the addon registers them; ids are tensors, `null` is none. */
interface HotOps {
  add(a: TensorId, b: TensorId, alpha: number): TensorId;
  addScalar(a: TensorId, b: number): TensorId;
  sub(a: TensorId, b: TensorId): TensorId;
  mul(a: TensorId, b: TensorId): TensorId;
  mulScalar(a: TensorId, b: number): TensorId;
  div(a: TensorId, b: TensorId): TensorId;
  matmul(a: TensorId, b: TensorId): TensorId;
  reshape(a: TensorId, shape: readonly number[]): TensorId;
  permute(a: TensorId, order: readonly number[]): TensorId;
  transpose(a: TensorId, d0: number, d1: number): TensorId;
}

/** Tensors made outside every scope, in case somebody forgets them; scopes and `dispose` are the contract. */
const forgotten = new FinalizationRegistry<TensorId>((id) => addon.dispose(id));

/** How numbers of a tensor arrive in JavaScript. */
export type NumberArray =
  | Float32Array
  | Float64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array
  | Uint16Array
  | BigInt64Array;

/**
 * One libtorch tensor. It lives until its scope closes or `dispose` is called; use after that throws
 * HYFW_NATIVE_DISPOSED. Operations never change their inputs unless their names end in `_`.
 */
export class Tensor {
  /** @param id address in the addon's table; made by this room only */
  constructor(readonly id: TensorId) {
    if (addon.scopeOf(id) === 0) forgotten.register(this, id, this);
  }

  get shape(): readonly number[] {
    return addon.shape(this.id);
  }
  get strides(): readonly number[] {
    return addon.strides(this.id);
  }
  get dtype(): DType {
    return dtypeName(addon.dtype(this.id));
  }
  get device(): DeviceName | "meta" {
    return addon.device(this.id) as DeviceName | "meta";
  }
  get numel(): number {
    return addon.numel(this.id);
  }
  get isDisposed(): boolean {
    return !addon.isLive(this.id);
  }
  get requiresGrad(): boolean {
    return addon.requiresGrad(this.id);
  }
  get isLeaf(): boolean {
    return addon.isLeaf(this.id);
  }
  /** The gradient that backward collected for this leaf, in the current scope; `undefined` when there is none. */
  get grad(): Tensor | undefined {
    const id = addon.grad(this.id);
    return id === 0 ? undefined : new Tensor(id);
  }
  /** Sets or clears the collected gradient. */
  setGrad(grad: Tensor | undefined): void {
    addon.setGrad(this.id, grad === undefined ? 0 : grad.id);
  }
  /** Asks for (or stops) gradients with respect to this leaf. */
  setRequiresGrad(on = true): this {
    addon.setRequiresGrad(this.id, on);
    return this;
  }

  /** Frees the tensor now; safe to call twice. */
  dispose(): void {
    forgotten.unregister(this);
    addon.dispose(this.id);
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
  /** Takes the tensor out of its scope: it lives until `dispose`. */
  keep(): this {
    if (addon.scopeOf(this.id) !== 0) {
      addon.moveToScope(this.id, 0);
      forgotten.register(this, this.id, this);
    }
    return this;
  }
  /** A second address of the same tensor, in the current scope. */
  alias(): Tensor {
    return new Tensor(addon.alias(this.id));
  }

  /** The only number of a one-element tensor; waits for the device. */
  item(): number {
    return addon.item(this.id);
  }
  /** A copy of the numbers, row-major; float16 and bfloat16 as raw 16-bit words, bool as 0 and 1. */
  toTypedArray(): NumberArray {
    return typedView(addon.copyOut(this.id), this.dtype);
  }
  /** The numbers as doubles, row-major; for small tensors and tests. */
  toArray(): number[] {
    const dtype = this.dtype;
    if (dtype === "int64") return Array.from(this.toTypedArray() as BigInt64Array, Number);
    if (dtype !== "float16" && dtype !== "bfloat16")
      return Array.from(this.toTypedArray() as Exclude<NumberArray, BigInt64Array>);
    const wide = this.detach().to({ dtype: "float32" });
    const numbers = Array.from(wide.toTypedArray() as Float32Array);
    wide.dispose();
    return numbers;
  }
  /**
   * A view over the tensor's own memory without copying: CPU, contiguous. The memory lives as long as the view.
   * @throws HYFW_NATIVE_OP when the tensor is elsewhere or not contiguous
   */
  viewTypedArray(): NumberArray {
    return typedView(addon.viewOut(this.id), this.dtype);
  }
  toString(): string {
    return this.isDisposed
      ? "Tensor (disposed)"
      : `Tensor [${this.shape.join(", ")}] ${this.dtype} ${this.device}`;
  }

  to(target: { readonly dtype?: DType; readonly device?: DeviceName }): Tensor {
    const { dtype, device } = target;
    return new Tensor(ops.to(this.id, dtype === undefined ? -1 : dtypeCode(dtype), device ?? ""));
  }
  float(): Tensor {
    return this.to({ dtype: "float32" });
  }
  detach(): Tensor {
    return new Tensor(ops.detach(this.id));
  }
  clone(): Tensor {
    return new Tensor(ops.clone(this.id));
  }
  contiguous(): Tensor {
    return new Tensor(ops.contiguous(this.id));
  }

  add(other: Tensor | number, alpha = 1): Tensor {
    return new Tensor(
      typeof other === "number" ? ops.addScalar(this.id, other * alpha) : ops.add(this.id, other.id, alpha),
    );
  }
  sub(other: Tensor | number): Tensor {
    return new Tensor(
      typeof other === "number" ? ops.addScalar(this.id, -other) : ops.sub(this.id, other.id),
    );
  }
  mul(other: Tensor | number): Tensor {
    return new Tensor(typeof other === "number" ? ops.mulScalar(this.id, other) : ops.mul(this.id, other.id));
  }
  div(other: Tensor | number): Tensor {
    return new Tensor(typeof other === "number" ? ops.divScalar(this.id, other) : ops.div(this.id, other.id));
  }
  neg(): Tensor {
    return new Tensor(ops.neg(this.id));
  }
  pow(exponent: number): Tensor {
    return new Tensor(ops.powScalar(this.id, exponent));
  }
  square(): Tensor {
    return new Tensor(ops.square(this.id));
  }
  sqrt(): Tensor {
    return new Tensor(ops.sqrt(this.id));
  }
  rsqrt(): Tensor {
    return new Tensor(ops.rsqrt(this.id));
  }
  exp(): Tensor {
    return new Tensor(ops.exp(this.id));
  }
  log(): Tensor {
    return new Tensor(ops.log(this.id));
  }
  sin(): Tensor {
    return new Tensor(ops.sin(this.id));
  }
  cos(): Tensor {
    return new Tensor(ops.cos(this.id));
  }
  tanh(): Tensor {
    return new Tensor(ops.tanh(this.id));
  }
  sigmoid(): Tensor {
    return new Tensor(ops.sigmoid(this.id));
  }
  silu(): Tensor {
    return new Tensor(ops.silu(this.id));
  }
  /** @param approximate `tanh` for the tanh form, `none` for the exact (erf) one */
  gelu(approximate: "none" | "tanh" = "none"): Tensor {
    return new Tensor(ops.gelu(this.id, approximate));
  }
  abs(): Tensor {
    return new Tensor(ops.abs(this.id));
  }
  round(): Tensor {
    return new Tensor(ops.round(this.id));
  }
  clamp(low: number | undefined, high: number | undefined): Tensor {
    return new Tensor(ops.clamp(this.id, low ?? null, high ?? null));
  }
  softmax(dim: number): Tensor {
    return new Tensor(ops.softmax(this.id, dim));
  }

  matmul(other: Tensor): Tensor {
    return new Tensor(ops.matmul(this.id, other.id));
  }
  reshape(shape: readonly number[]): Tensor {
    return new Tensor(ops.reshape(this.id, shape));
  }
  permute(order: readonly number[]): Tensor {
    return new Tensor(ops.permute(this.id, order));
  }
  transpose(dim0: number, dim1: number): Tensor {
    return new Tensor(ops.transpose(this.id, dim0, dim1));
  }
  flatten(startDim = 0, endDim = -1): Tensor {
    return new Tensor(ops.flatten(this.id, startDim, endDim));
  }
  unsqueeze(dim: number): Tensor {
    return new Tensor(ops.unsqueeze(this.id, dim));
  }
  squeeze(dim: number): Tensor {
    return new Tensor(ops.squeeze(this.id, dim));
  }
  expand(shape: readonly number[]): Tensor {
    return new Tensor(ops.expand(this.id, shape));
  }
  /** `length` entries of one dimension from `start`; a view. */
  narrow(dim: number, start: number, length: number): Tensor {
    return new Tensor(ops.narrow(this.id, dim, start, length));
  }
  /** One entry of one dimension, which goes away; a view. */
  select(dim: number, index: number): Tensor {
    return new Tensor(ops.select(this.id, dim, index));
  }
  /** `count` equal parts of one dimension, as views; the last is smaller when it does not divide. */
  chunk(count: number, dim: number): Tensor[] {
    const size = this.shape.at(dim);
    if (size === undefined) throw new RangeError(`dimension ${dim} of ${this}`);
    const step = Math.ceil(size / count);
    const parts: Tensor[] = [];
    for (let start = 0; start < size; start += step)
      parts.push(this.narrow(dim, start, Math.min(step, size - start)));
    return parts;
  }
  /** Rows of one dimension by number. @param index int64 or int32, [n] */
  indexSelect(dim: number, index: Tensor): Tensor {
    return new Tensor(ops.indexSelect(this.id, dim, index.id));
  }
  flip(dims: readonly number[]): Tensor {
    return new Tensor(ops.flip(this.id, dims));
  }

  /** Over all elements, or over `dims`. */
  sum(dims?: readonly number[], keepDim = false): Tensor {
    return new Tensor(dims === undefined ? ops.sumAll(this.id) : ops.sum(this.id, dims, keepDim));
  }
  /** Over all elements, or over `dims`. */
  mean(dims?: readonly number[], keepDim = false): Tensor {
    return new Tensor(dims === undefined ? ops.meanAll(this.id) : ops.mean(this.id, dims, keepDim));
  }
  /** Largest element. */
  max(): Tensor {
    return new Tensor(ops.max(this.id));
  }
  /** Smallest element. */
  min(): Tensor {
    return new Tensor(ops.min(this.id));
  }
  /** Euclidean norm over all elements. */
  norm(): Tensor {
    return new Tensor(ops.norm(this.id));
  }
  eq(other: Tensor | number): Tensor {
    return new Tensor(typeof other === "number" ? ops.eqScalar(this.id, other) : ops.eq(this.id, other.id));
  }
  isFinite(): Tensor {
    return new Tensor(ops.isFinite(this.id));
  }
  /** Whether every element is true (not 0). */
  all(): Tensor {
    return new Tensor(ops.all(this.id));
  }

  /** In place, as the underscore says. Gives `this`. */
  add_(other: Tensor | number, alpha = 1): this {
    if (typeof other === "number") ops.addScalar_(this.id, other * alpha);
    else ops.add_(this.id, other.id, alpha);
    return this;
  }
  mul_(other: Tensor | number): this {
    if (typeof other === "number") ops.mulScalar_(this.id, other);
    else ops.mul_(this.id, other.id);
    return this;
  }
  copy_(source: Tensor): this {
    ops.copy_(this.id, source.id);
    return this;
  }
  zero_(): this {
    ops.zero_(this.id);
    return this;
  }
  fill_(value: number): this {
    ops.fill_(this.id, value);
    return this;
  }
}

function typedView(buffer: ArrayBuffer, dtype: DType): NumberArray {
  switch (dtype) {
    case "float32":
      return new Float32Array(buffer);
    case "float64":
      return new Float64Array(buffer);
    case "int64":
      return new BigInt64Array(buffer);
    case "int32":
      return new Int32Array(buffer);
    case "int16":
      return new Int16Array(buffer);
    case "int8":
      return new Int8Array(buffer);
    case "float16":
    case "bfloat16":
      return new Uint16Array(buffer);
    case "uint8":
    case "bool":
      return new Uint8Array(buffer);
  }
}
