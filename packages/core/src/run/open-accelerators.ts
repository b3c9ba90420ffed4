import { dutyTwice } from "../errors.js";
import { ACCELERATOR, type Accelerator, type Duty } from "../hooks/accelerator.js";
import type { LoadedRun } from "./container.js";

/** The accelerators of a run, outermost first. @throws HYFW_ACCELERATOR_DUTY_TWICE when two claim one duty */
export function openAccelerators(run: Pick<LoadedRun, "providers">): Accelerator[] {
  const claimed = new Map<Duty, string>();
  return run.providers(ACCELERATOR).map(({ plugin, value }) => {
    for (const duty of value.duties) {
      const other = claimed.get(duty);
      if (other !== undefined) throw dutyTwice(duty, other, plugin);
      claimed.set(duty, plugin);
    }
    return value;
  });
}
