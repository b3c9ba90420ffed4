export { type AdamwArrays, type AdamwNumbers, adamwUpdate } from "./adamw.js";
export {
  type BackwardOptions,
  backward,
  backwardSync,
  enableGrad,
  grad,
  isGradEnabled,
  noGrad,
} from "./autograd.js";
export {
  callOp,
  callOpAsync,
  callTensorOp,
  loadLibrary,
  type OpArgument,
  type OpKeywords,
  type OpResult,
  opSchemas,
} from "./call-op.js";
export { type DeviceName, type DType, dtypeBytes } from "./dtype.js";
export {
  type AttentionKernelName,
  allowAttention,
  attentionChoice,
  attentionKept,
  attentionToKeep,
  copyBeside,
  emptyOnHost,
  type Flops,
  finishCopies,
  flops,
  linearKept,
  type MemoryStats,
  memoryStats,
  orderAfterCopies,
  resetMemoryPeak,
  setKernels,
  standForCuda,
} from "./engine.js";
export { NativeError } from "./errors.js";
export {
  cudaDevices,
  halfLinearKernel,
  linearKernel,
  opCalls,
  setHalfLinearKernel,
  setLinearKernel,
  setThreads,
  threads,
  torchVersion,
} from "./machine.js";
export {
  arange,
  cat,
  conv2d,
  emaUpdate,
  embedding,
  empty,
  fromTypedArray,
  full,
  globalNorm,
  type HeadNorms,
  imagesToBatch,
  layerNorm,
  linear,
  ones,
  projectHeads,
  rotary,
  scaledDotProductAttention,
  stack,
  type TensorOptions,
  tensor,
  where,
  zeros,
} from "./ops.js";
export {
  decodeJpegWindow,
  type JpegLibrary,
  openJpegLibrary,
  type PictureWindow,
  resampleWindow,
} from "./pictures.js";
export {
  hasNccl,
  joinGroup,
  noProcessGroups,
  ProcessGroup,
  type ReduceOp,
  type Rendezvous,
} from "./process-group.js";
export {
  Generator,
  keyedNormal,
  manualSeed,
  randomState,
  restoreRandomState,
  type StreamKey,
} from "./random.js";
export {
  MappedSafetensors,
  openSafetensors,
  readSafetensors,
  type SafetensorsEntry,
  streamSafetensors,
  writeSafetensors,
} from "./safetensors.js";
export { safetensorsHeader, type TensorFacts } from "./safetensors-header.js";
export { live, Scope, tidy } from "./scope.js";
export { fillStorage, freeStorage, storageBytes, untracked } from "./storage.js";
export { type NumberArray, Tensor } from "./tensor.js";
export { isTorchFile, openTorchFile, TorchFile, type TorchFileEntry } from "./torch-file/torch-file.js";
export { writeTorchFile } from "./torch-file/write.js";
export type { TensorSource } from "./whole-file.js";
