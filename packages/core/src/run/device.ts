import { availableParallelism } from "node:os";
import { cudaDevices, type DeviceName, setThreads } from "@hyfw/native";
import { deviceMissing } from "../errors/training.js";
import { gpusTooFew } from "../errors/world.js";
import type { Settings } from "../settings/schema.js";
import type { World } from "./world.js";

/**
 * Chooses the device and sets the CPU threads; processes on one machine share its cores and have a GPU each.
 * @throws HYFW_SETTING_DEVICE when CUDA is asked for and not there, or there are too few GPUs
 */
export function openDevice(
  { device, threads }: Settings["run"],
  { localRank = 0, localWorldSize = 1 }: Partial<Pick<World, "localRank" | "localWorldSize">> = {},
): DeviceName {
  setThreads(threads ?? Math.max(1, Math.floor(availableParallelism() / localWorldSize)));
  const gpus = device === "cpu" ? 0 : cudaDevices();
  if (device === "cuda" && gpus === 0) throw deviceMissing();
  if (gpus === 0) return "cpu";
  if (localRank >= gpus) throw gpusTooFew(gpus, localWorldSize);
  return localWorldSize === 1 ? "cuda" : `cuda:${localRank}`;
}
