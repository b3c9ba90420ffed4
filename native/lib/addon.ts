import { loadAddon } from "./load.js";

/** Address of a tensor in the addon's table: slot number and generation in one double. */
export type TensorId = number;

/** Options of factories, by place: scalar type number, device text. */
export interface Addon {
  // Memory and scopes
  live(): number;
  dispose(id: TensorId): void;
  isLive(id: TensorId): boolean;
  openScope(): number;
  enterScope(scope: number): number;
  closeScope(scope: number): void;
  moveToScope(id: TensorId, scope: number): void;
  scopeOf(id: TensorId): number;
  sizeOfScope(scope: number): number;
  /** Frees typed arrays whose tensors are gone; gives how many are still lent. */
  drainReleased(): number;

  // Facts
  shape(id: TensorId): number[];
  strides(id: TensorId): number[];
  dtype(id: TensorId): number;
  device(id: TensorId): string;
  numel(id: TensorId): number;
  requiresGrad(id: TensorId): boolean;
  setRequiresGrad(id: TensorId, on: boolean): void;
  isLeaf(id: TensorId): boolean;
  grad(id: TensorId): TensorId;
  setGrad(id: TensorId, grad: TensorId): void;
  item(id: TensorId): number;
  alias(id: TensorId): TensorId;
  sharesStorage(a: TensorId, b: TensorId): boolean;

  // Numbers in and out
  fromBuffer(buffer: ArrayBufferLike, byteOffset: number, shape: readonly number[], dtype: number): TensorId;
  copyOut(id: TensorId): ArrayBuffer;
  viewOut(id: TensorId): ArrayBuffer;
  mapFile(path: string, byteOffset: number, shape: readonly number[], dtype: number): TensorId;

  // Autograd and modes
  gradEnabled(): boolean;
  setGradEnabled(on: boolean): boolean;
  backward(outputs: TensorId[], grads: TensorId[], retain: boolean): void;
  backwardAsync(outputs: TensorId[], grads: TensorId[], retain: boolean): Promise<void>;
  gradients(outputs: TensorId[], inputs: TensorId[], grads: TensorId[], retain: boolean): TensorId[];

  // Pictures
  openJpegLibrary(path: string): number;
  pictureWindow(
    library: number,
    bytes: Uint8Array,
    sizes: readonly number[],
    out: Uint8Array,
  ): Promise<boolean>;

  // Memory that comes and goes behind tensors
  storageBytes(id: TensorId): number;
  freeStorage(id: TensorId): void;
  fillStorage(id: TensorId, bytes: number): void;
  untracked(id: TensorId): TensorId;

  // Collectives
  noProcessGroups(): string;
  hasNccl(): boolean;
  joinGroup(
    rank: number,
    size: number,
    host: string,
    port: number,
    isServer: boolean,
    backend: string,
    timeoutMs: number,
    prefix: string,
  ): Promise<void>;
  allReduce(id: TensorId, how: string): Promise<void>;
  reduceScatter(output: TensorId, input: TensorId, how: string): Promise<void>;
  allGather(output: TensorId, input: TensorId): Promise<void>;
  broadcast(id: TensorId, root: number): Promise<void>;
  barrier(): Promise<void>;
  leaveGroup(): void;
  abandonGroup(): void;
  exitNow(code: number): void;

  // Ops
  callOp(name: string, args: readonly unknown[]): unknown;
  callOpAsync(name: string, args: readonly unknown[]): Promise<unknown>;
  schemas(prefix: string): string[];
  loadLibrary(path: string): void;

  // Process
  versionText(): string;
  cudaDevices(): number;
  threads(): number;
  setThreads(count: number): void;
  manualSeed(seed: number): void;
  newGenerator(device: string, seed: number): number;
  generatorState(generator: number): TensorId;
  setGeneratorState(generator: number, state: TensorId): void;
  dropGenerator(generator: number): void;
  opCalls(): number;
  linearKernel(): string;
  setLinearKernel(name: string): void;
  halfLinearKernel(): string;
  setHalfLinearKernel(name: string): void;

  // Engine
  memoryStats(device: string): [held: number, peak: number];
  resetMemoryPeak(device: string): void;
  madeFlops(): number;
  recordedFlops(): number;
  gradientFlops(): number;
  setKernels(name: string): void;
  setMetaStandsForCuda(on: boolean): void;
  allowAttention(kernels: string): void;
  attentionChoice(q: TensorId, k: TensorId, v: TensorId): string;
  attentionToKeep(q: TensorId, k: TensorId, v: TensorId): TensorId[];
  attentionKept(q: TensorId, k: TensorId, v: TensorId, out: TensorId, logSums: TensorId): TensorId;
  linearKept(x: TensorId, weight: TensorId, bias: TensorId | null, kept: TensorId): TensorId;
  emptyOnHost(shape: readonly number[], dtype: number): TensorId;
  copyBeside(targets: TensorId[], sources: TensorId[]): number;
  orderAfterCopies(ticket: number): void;
  finishCopies(ticket: number): Promise<void>;
  defaultRandomState(device: string): TensorId;
  setDefaultRandomState(device: string, state: TensorId): void;

  // Typed hot ops by their short names; `ops.ts` declares them.
  readonly ops: Readonly<Record<string, (...args: never[]) => unknown>>;
}

/** The addon of this process. */
export const addon: Addon = loadAddon();
