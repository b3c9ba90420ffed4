import { availableParallelism } from "node:os";
import { cudaDevices, type DeviceName, setThreads } from "@hyfw/native";
import { deviceMissing } from "../errors.js";
import type { Settings } from "../settings/schema.js";

/** Chooses the device and sets the CPU threads. @throws HYFW_DEVICE when CUDA is asked for and not there */
export function openDevice({ device, threads }: Settings["run"]): DeviceName {
  setThreads(threads ?? availableParallelism());
  const hasCuda = device !== "cpu" && cudaDevices() > 0;
  if (device === "cuda" && !hasCuda) throw deviceMissing();
  return hasCuda ? "cuda" : "cpu";
}
