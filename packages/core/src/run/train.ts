import type { CommandIo } from "../cli/command.js";
import { trainNotBuilt } from "../errors.js";
import type { LoadedRun } from "./container.js";
import { formatPlan, planSettings } from "./plan.js";

/**
 * Trains a loaded run: prints the plan first, and stops after it when `dryRun` is set.
 * @throws HYFW_TRAIN_NOT_BUILT
 */
export async function runTraining(
  run: LoadedRun,
  io: CommandIo,
  { dryRun = false }: { dryRun?: boolean } = {},
): Promise<void> {
  io.stdout.write(formatPlan(planSettings(run)));
  if (!dryRun) throw trainNotBuilt();
}
