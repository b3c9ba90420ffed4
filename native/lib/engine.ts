import { addon } from "./addon.js";
import { type DeviceName, type DType, dtypeCode } from "./dtype.js";
import { Tensor } from "./tensor.js";

/** Bytes that tensors hold on one device. */
export interface MemoryStats {
  readonly held: number;
  /** The most since `resetMemoryPeak`. */
  readonly peak: number;
}

/**
 * Bytes that went through libtorch's allocator of a device; `undefined` where nobody counts. On `meta` they are the
 * bytes that there would be.
 */
export function memoryStats(device: DeviceName | "meta"): MemoryStats | undefined {
  const [held, peak] = addon.memoryStats(device);
  return held < 0 ? undefined : { held, peak };
}

/** Starts the peak of a device anew from what is held now. */
export function resetMemoryPeak(device: DeviceName | "meta"): void {
  addon.resetMemoryPeak(device);
}

/** Floating-point operations of linear layers and attention since the process began. */
export interface Flops {
  /** All that were computed or will be for a gradient. */
  readonly all: number;
  /** Of the model itself: recorded products once, however often they were computed, and their gradients. */
  readonly own: number;
}

/** Operations counted so far, on every device, `meta` included. */
export function flops(): Flops {
  const gradients = addon.gradientFlops();
  return { all: addon.madeFlops() + gradients, own: addon.recordedFlops() + gradients };
}

/**
 * Where hyfw's own kernels run, for the whole process: `auto` on the CPU only, `fused` on CUDA too, `plain` nowhere:
 * then everything is computed by ops of libtorch.
 */
export function setKernels(name: "auto" | "fused" | "plain"): void {
  addon.setKernels(name);
}

/** Whether `meta` tensors take the paths of CUDA tensors, or those of the CPU, for the whole process. */
export function standForCuda(on: boolean): void {
  addon.setMetaStandsForCuda(on);
}

/** Kernels of libtorch's attention. */
export type AttentionKernelName = "flash" | "efficient" | "cudnn" | "math";

/** Which kernels libtorch may choose its attention from, for the whole process. */
export function allowAttention(kernels: readonly AttentionKernelName[]): void {
  addon.allowAttention(kernels.join(" "));
}

/** The kernel that libtorch would take for such tensors, or "none"; "written out" before libtorch 2. */
export function attentionChoice(q: Tensor, k: Tensor, v: Tensor): string {
  return addon.attentionChoice(q.id, k.id, v.id);
}

/**
 * Attention and what its gradient needs of it: the output and log Σ exp of the scores. `undefined` where no kernel
 * gives both.
 */
export function attentionToKeep(
  q: Tensor,
  k: Tensor,
  v: Tensor,
): { readonly out: Tensor; readonly logSums: Tensor } | undefined {
  const [out, logSums] = addon.attentionToKeep(q.id, k.id, v.id);
  return out === undefined || logSums === undefined
    ? undefined
    : { out: new Tensor(out), logSums: new Tensor(logSums) };
}

/** Attention whose output is at hand already: gives it, recorded as if it had been computed now. */
export function attentionKept(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  { out, logSums }: { readonly out: Tensor; readonly logSums: Tensor },
): Tensor {
  return new Tensor(addon.attentionKept(q.id, k.id, v.id, out.id, logSums.id));
}

/** A linear layer whose product is at hand already: gives it, recorded as if it had been computed now. */
export function linearKept(x: Tensor, weight: Tensor, bias: Tensor | undefined, kept: Tensor): Tensor {
  return new Tensor(addon.linearKept(x.id, weight.id, bias?.id ?? null, kept.id));
}

/** Host memory that a GPU copies from and to without a detour; ordinary memory where there is no GPU. */
export function emptyOnHost(shape: readonly number[], dtype: DType = "float32"): Tensor {
  return new Tensor(addon.emptyOnHost(shape, dtypeCode(dtype)));
}

/**
 * Starts copying lists of tensors, on a stream of its own where a GPU takes part, behind what the GPU has been told
 * to do until now. Element types are converted. @returns a ticket for `finishCopies` or `orderAfterCopies`
 */
export function copyBeside(targets: readonly Tensor[], sources: readonly Tensor[]): number {
  return addon.copyBeside(
    targets.map(({ id }) => id),
    sources.map(({ id }) => id),
  );
}

/** Waits until the copies of a ticket have arrived. */
export function finishCopies(ticket: number): Promise<void> {
  return addon.finishCopies(ticket);
}

/** Makes what the GPU is told from now on wait for the copies of a ticket; the host goes on. */
export function orderAfterCopies(ticket: number): void {
  addon.orderAfterCopies(ticket);
}
