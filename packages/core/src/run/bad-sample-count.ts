import { badSamplesOften } from "../errors/training.js";
import type { LoadedBatch } from "./loader.js";
import type { OpenPhase } from "./unit-places.js";
import type { World } from "./world.js";

/** What of a step is counted. */
export interface CountedStep {
  readonly step: number;
  readonly phase: OpenPhase;
  /** Of this process. */
  readonly batches: readonly LoadedBatch[];
  /** Rows that were replaced in earlier steps, over all processes. */
  readonly before: number;
}

/**
 * Counts rows that were replaced, over all processes, and tells of this process's own.
 * @returns how many have been since the run began
 * @throws HYFW_DATASET_BAD_SAMPLES on every process alike when they are more than the phase's data sets allow
 */
export async function countBadSamples(
  { step, phase, batches, before }: CountedStep,
  world: World,
  note: (text: string) => void,
): Promise<number> {
  const limits = phase.sources.flatMap(({ dataset: { onBadSample } }) => onBadSample?.limit ?? []);
  if (limits.length === 0) return before;
  const own = batches.flatMap(({ replaced }) => replaced);
  for (const { fault, by } of own) note(`${fault}; position ${by} stands in its place`);
  const [found = 0] = await world.reduce([own.length], "sum");
  const limit = Math.max(...limits);
  if (before + found > limit)
    throw badSamplesOften(
      step,
      before + found,
      limit,
      own.map(({ fault }) => fault),
    );
  return before + found;
}
