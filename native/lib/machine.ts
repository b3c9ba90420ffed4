import { addon } from "./addon.js";

/** Version of the libtorch that is loaded, for example `2.13.0+cpu`. */
export function torchVersion(): string {
  return addon.versionText();
}
/** Number of CUDA GPUs that the loaded libtorch can use. */
export function cudaDevices(): number {
  return addon.cudaDevices();
}
/** CPU threads that one operation may use. */
export function threads(): number {
  return addon.threads();
}
/** Sets the CPU threads of this thread's operations and of the native thread's. */
export function setThreads(count: number): void {
  addon.setThreads(count);
}
/** Op calls through this room since the process began, for records. */
export function opCalls(): number {
  return addon.opCalls();
}
/** Which kernel float32 `linear` uses on this CPU (`aten` or `onednn`), measured at first use, and how it was chosen. */
export function linearKernel(): string {
  return addon.linearKernel();
}
/** Chooses the kernel of float32 `linear`: `aten`, `onednn`, or `auto` to measure again. */
export function setLinearKernel(name: "aten" | "onednn" | "auto"): void {
  addon.setLinearKernel(name);
}
/** How bfloat16 `linear` multiplies on this CPU (`aten`, or through `float32`), and how that was found. */
export function halfLinearKernel(): string {
  return addon.halfLinearKernel();
}
/** Chooses how bfloat16 `linear` multiplies: `aten`, `float32`, or `auto` to measure again. */
export function setHalfLinearKernel(name: "aten" | "float32" | "auto"): void {
  addon.setHalfLinearKernel(name);
}
