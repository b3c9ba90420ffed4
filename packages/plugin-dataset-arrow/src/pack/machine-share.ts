import { packSettings } from "../errors.js";

/** Which slices this process packs: those whose number leaves `index` when divided by `count`. */
export interface MachineShare {
  /** From 0. */
  readonly index: number;
  readonly count: number;
}

/** `--shard 2/4`: the second of four shares. @throws HYFW_PACK_SETTINGS */
export function parseShare(text: string): MachineShare {
  const [, i, n] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const index = Number(i);
  const count = Number(n);
  if (i === undefined || count < 1 || index < 1 || index > count)
    throw packSettings(
      "--shard",
      `needs i/n with i from 1 to n, found ${JSON.stringify(text)}`,
      "give for example --shard 1/4 on the first of four machines",
    );
  return { index: index - 1, count };
}

/**
 * The share of a task of a SLURM job array; undefined outside of one or in an array of one task.
 * @throws HYFW_PACK_SETTINGS when the variables contradict each other
 */
export function slurmShare(env: Readonly<Record<string, string | undefined>>): MachineShare | undefined {
  const number = (name: string) => (/^\d+$/.test(env[name] ?? "") ? Number(env[name]) : undefined);
  const id = number("SLURM_ARRAY_TASK_ID");
  const count = number("SLURM_ARRAY_TASK_COUNT");
  if (id === undefined || count === undefined || count < 2) return undefined;
  const least = number("SLURM_ARRAY_TASK_MIN") ?? 0;
  const step = number("SLURM_ARRAY_TASK_STEP") ?? 1;
  const index = (id - least) / step;
  if (!Number.isInteger(index) || index < 0 || index >= count)
    throw packSettings(
      "SLURM_ARRAY_TASK_ID",
      `${id} has no place among ${count} tasks from ${least} in steps of ${step}`,
      "number the array without gaps, for example --array=0-3, or give --shard i/n",
    );
  return { index, count };
}
