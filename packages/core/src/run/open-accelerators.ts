import { dutyTwice } from "../errors/plugins.js";
import { ACCELERATOR, type Accelerator, type Duty } from "../hooks/accelerator.js";
import type { LoadedRun } from "./container.js";
import { DataParallel } from "./data-parallel.js";

/**
 * The accelerators of a run, outermost first. Sharding comes outside of all others, since what they do to a segment
 * needs its weights; several processes without a plugin for it average their gradients.
 * @throws HYFW_ACCELERATOR_DUTY_TWICE when two claim one duty
 */
export function openAccelerators(run: Pick<LoadedRun, "providers">, worldSize = 1): Accelerator[] {
  const claimed = new Map<Duty, string>();
  const found = run.providers(ACCELERATOR).map(({ plugin, value }) => {
    for (const duty of value.duties) {
      const other = claimed.get(duty);
      if (other !== undefined) throw dutyTwice(duty, other, plugin);
      claimed.set(duty, plugin);
    }
    return value;
  });
  if (worldSize > 1 && !claimed.has("sharding")) found.push(new DataParallel());
  const isSharding = ({ duties }: Accelerator): boolean => duties.includes("sharding");
  return [...found.filter(isSharding), ...found.filter((one) => !isSharding(one))];
}
