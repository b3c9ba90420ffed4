import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { safetensorsHeader, type Tensor, tidy } from "@hyfw/native";
import type { Sharding, ShardSlot } from "../hooks/accelerator.js";
import type { Model, ParameterSlot } from "../hooks/model.js";
import type { Optimizer } from "../hooks/optimizer.js";
import type { WeightAverage } from "../run/weight-average.js";
import type { World } from "../run/world.js";
import { savedSlots } from "./saved-slots.js";
import { type RunState, STATE } from "./state.js";
import type { FileOrder, FinishOrder } from "./write-order.js";
import type { CheckpointWriter } from "./writer.js";

/** What goes into a checkpoint. */
export interface CheckpointContent {
  readonly model: Model;
  /** How weights, moments and averages are spread over processes; absent where every process has all. */
  readonly sharding: Sharding | undefined;
  readonly ema: WeightAverage | undefined;
  /** Left out when its moments are not to be saved. */
  readonly optimizer: Optimizer | undefined;
  readonly state: RunState;
}

/** Where a checkpoint goes and how long it stays. */
export interface CheckpointPlace extends Pick<FinishOrder, "kind" | "keep" | "keepEvery"> {
  /** The run's `checkpoints` folder. */
  readonly folder: string;
}

/** What moves a checkpoint to the disk. */
export interface CheckpointPath {
  readonly writer: CheckpointWriter;
  readonly world: World;
}

/** Files of a checkpoint by what is in them. */
export const FILES = {
  model: "model.safetensors",
  /** Instead of the model, where an adapter is trained. */
  adapter: "adapter_model.safetensors",
  ema: "ema.safetensors",
} as const;

/** File of one process's moments; the only one where every process has all. */
export const optimizerFile = (rank: number): string => `optimizer-rank${rank}.safetensors`;
/** File of one process's moving averages, where each process has stretches. */
export const emaFile = (rank: number): string => `ema-rank${rank}.safetensors`;

/** Metadata that says which stretch of a parameter a file's tensors are: JSON, `{ name: [start, end] }`. */
export const STRETCHES = "stretches";

/**
 * Copies everything into host memory and leaves the rest to the writer's thread: the caller may go on training as
 * soon as this settles. Every process calls it at the same step.
 * @returns the folder that the checkpoint will have
 * @throws HYFW_CHECKPOINT_WRITE when the one before could not be written
 */
export async function saveCheckpoint(
  content: CheckpointContent,
  place: CheckpointPlace,
  { writer, world }: CheckpointPath,
): Promise<string> {
  const { step } = content.state;
  const path = join(place.folder, `step-${String(step).padStart(6, "0")}`);
  const partial = `${path}.partial`;
  await writer.idle();
  if (world.isFirst) {
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
  }
  await world.meet();
  const files = await copyOut(content, world);
  const { kind, keep, keepEvery } = place;
  const finish = { path, step, kind, keep, keepEvery, worldSize: world.worldSize };
  writer.write({ partial, files, rank: world.rank, ...(world.isFirst && { finish }) });
  return path;
}

async function copyOut(content: CheckpointContent, { isFirst, rank }: World): Promise<FileOrder[]> {
  const { model, sharding, ema, optimizer, state } = content;
  const facts = { ...model.fileFacts(), step: String(state.step), settings_hash: state.settingsHash };
  const { adapter } = model;
  const files: FileOrder[] = [];
  const weights = new TensorFile(adapter === undefined ? FILES.model : FILES.adapter, facts);
  // Where no process has all weights, all help to put them together, and the first keeps them.
  const gathered = new Map<ParameterSlot, Uint8Array>();
  if (sharding?.isWeightless)
    await sharding.gather(
      ({ storage }) => storage,
      (slot, whole) => {
        if (isFirst) gathered.set(slot, bytesOf(whole));
      },
    );
  if (isFirst) {
    for (const slot of savedSlots(model)) weights.add(slot.name, slot.storage, gathered.get(slot));
    files.push(weights.order());
    const texts = { ...adapter?.files(), [STATE]: `${JSON.stringify(state, null, 2)}\n` };
    for (const [name, text] of Object.entries(texts))
      files.push({ name, parts: [new Uint8Array(Buffer.from(text))] });
  }
  if (sharding === undefined && !isFirst) return files;
  const own: Record<string, string> =
    sharding === undefined ? {} : { [STRETCHES]: JSON.stringify(stretchesOf(sharding.slots)) };
  if (ema !== undefined) {
    const file = new TensorFile(sharding === undefined ? FILES.ema : emaFile(rank), { ...facts, ...own });
    // What is not trained is its own average, so that the file is whole.
    const trained = new Set(model.parameters);
    for (const slot of sharding?.slots ?? savedSlots(model))
      tidy(() =>
        file.add(slot.name, sharding === undefined && !trained.has(slot) ? slot.storage : ema.of(slot)),
      );
    files.push(file.order());
  }
  if (optimizer !== undefined) {
    const file = new TensorFile(optimizerFile(rank), { step: String(state.step), ...own });
    for (const [name, moment] of Object.entries(optimizer.state().tensors)) file.add(name, moment);
    files.push(file.order());
  }
  return files;
}

function stretchesOf(slots: readonly ShardSlot[]): Record<string, [number, number]> {
  return Object.fromEntries(slots.map(({ name, start, end }) => [name, [start, end]]));
}

/** A safetensors file that is put together in memory. */
class TensorFile {
  private readonly facts: { name: string; dtype: Tensor["dtype"]; shape: ParameterSlot["shape"] }[] = [];
  private readonly bytes: Uint8Array[] = [];

  constructor(
    private readonly name: string,
    private readonly metadata: Readonly<Record<string, string>>,
  ) {}

  /** Takes a tensor, by a copy in host memory. @param bytes the copy, where there is one already */
  add(name: string, tensor: Tensor, bytes?: Uint8Array): void {
    const { dtype, shape } = tensor;
    this.facts.push({ name, dtype, shape });
    this.bytes.push(bytes ?? bytesOf(tensor));
  }

  order(): FileOrder {
    const header = new Uint8Array(safetensorsHeader(this.facts, this.metadata));
    return { name: this.name, parts: [header, ...this.bytes] };
  }
}

/** A copy of a tensor's numbers in host memory. */
function bytesOf(tensor: Tensor): Uint8Array {
  const numbers = tensor.toTypedArray();
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}
