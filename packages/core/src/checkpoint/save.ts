import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Tensor, writeSafetensors } from "@hyfw/native";
import type { Model } from "../hooks/model.js";
import type { Optimizer } from "../hooks/optimizer.js";
import type { Ema } from "../run/ema.js";
import { syncFolder, writeDurably } from "./durable-file.js";
import { listCheckpoints } from "./list.js";
import { type Manifest, writeManifest } from "./manifest.js";
import { savedSlots } from "./saved-slots.js";
import { type RunState, STATE } from "./state.js";

/** What goes into a checkpoint. */
export interface CheckpointContent {
  readonly model: Model;
  readonly ema: Ema | undefined;
  /** Left out when its moments are not to be saved. */
  readonly optimizer: Optimizer | undefined;
  readonly state: RunState;
}

/** Where a checkpoint goes and how long it stays. */
export interface CheckpointPlace {
  /** The run's `checkpoints` folder. */
  readonly folder: string;
  readonly kind: Manifest["kind"];
  /** Newest kept checkpoints that stay. */
  readonly keep: number;
}

/** Files of a checkpoint by what is in them. */
export const FILES = {
  model: "model.safetensors",
  /** Instead of the model, where an adapter is trained. */
  adapter: "adapter_model.safetensors",
  ema: "ema.safetensors",
  optimizer: "optimizer-rank0.safetensors",
} as const;

/** Name of the file that names the last complete checkpoint. */
export const LATEST = "latest";

/**
 * Writes a checkpoint into a folder beside, syncs it, renames it, points `latest` to it, and removes those that it
 * replaces. A reader sees a whole checkpoint or none.
 * @returns the checkpoint's folder
 */
export async function saveCheckpoint(content: CheckpointContent, place: CheckpointPlace): Promise<string> {
  const { step } = content.state;
  const name = `step-${String(step).padStart(6, "0")}`;
  const path = join(place.folder, name);
  const partial = `${path}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  writeTensors(partial, content);
  await writeFile(join(partial, STATE), `${JSON.stringify(content.state, null, 2)}\n`, { flush: true });
  await writeManifest(partial, { step, kind: place.kind });
  syncFolder(partial);
  // Only a broken checkpoint of this name can be there: a run passes each step once.
  if (existsSync(path)) await rm(path, { recursive: true });
  await rename(partial, path);
  syncFolder(place.folder);
  writeDurably(join(place.folder, LATEST), `${name}\n`);
  await prune(place);
  return path;
}

function writeTensors(folder: string, { model, ema, optimizer, state }: CheckpointContent): void {
  const facts = { ...model.fileFacts(), step: String(state.step), settings_hash: state.settingsHash };
  const { adapter } = model;
  const weights: Record<string, Tensor> = {};
  for (const { name, storage } of savedSlots(model)) weights[name] = storage;
  writeSafetensors(join(folder, adapter === undefined ? FILES.model : FILES.adapter), weights, facts);
  // What is not trained is its own average, so that the file is whole.
  if (ema !== undefined) writeSafetensors(join(folder, FILES.ema), { ...weights, ...ema.tensors }, facts);
  for (const [name, text] of Object.entries(adapter?.files() ?? {})) writeDurably(join(folder, name), text);
  if (optimizer !== undefined)
    writeSafetensors(join(folder, FILES.optimizer), optimizer.state().tensors, { step: String(state.step) });
}

/** Removes kept checkpoints beyond the newest, resume-only ones that are not the newest, and half-written folders. */
async function prune({ folder, keep }: CheckpointPlace): Promise<void> {
  const { complete, partial } = await listCheckpoints(folder);
  const kept = complete.filter(({ manifest }) => manifest.kind === "kept");
  const old = kept.slice(0, Math.max(0, kept.length - keep));
  const replaced = complete.slice(0, -1).filter(({ manifest }) => manifest.kind === "latest");
  for (const path of [...old.map((one) => one.path), ...replaced.map((one) => one.path), ...partial])
    await rm(path, { recursive: true, force: true });
}
