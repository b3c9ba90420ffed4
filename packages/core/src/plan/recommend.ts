import { CHECKPOINTINGS, type Choice, everyChoice } from "./choices.js";
import {
  bytesOf,
  hostBytesOf,
  type MemoryByKind,
  memoryOf,
  type Place,
  secondsOf,
  type TimeByKind,
  timeOf,
  trafficOf,
} from "./estimate.js";
import type { Measured } from "./plan-run.js";

/** One choice with what it takes. */
export interface Judged {
  readonly choice: Choice;
  /** Samples per GPU in one micro-batch. */
  readonly batch: number;
  readonly memory: MemoryByKind;
  readonly bytes: number;
  readonly hostBytes: number;
  /** Bytes that one GPU sends per optimizer step. */
  readonly traffic: number;
  readonly time: TimeByKind;
  /** Seconds per sample, over all GPUs. */
  readonly perSample: number;
  readonly fits: boolean;
}

/** Measured runs by checkpointing choice. */
export type MeasuredBy = Readonly<Record<Choice["checkpointing"], Measured>>;

/** One choice at one batch size. */
export function judge(choice: Choice, batch: number, measured: MeasuredBy, place: Place): Judged {
  const { bytes: model, walkAt } = measured[choice.checkpointing];
  const walk = walkAt(batch);
  const memory = memoryOf(choice, model, walk, place);
  const time = timeOf(choice, model, walk, place);
  const bytes = bytesOf(memory);
  return {
    choice,
    batch,
    memory,
    bytes,
    hostBytes: hostBytesOf(choice, model, place.gpus),
    traffic: trafficOf(choice, model, place),
    time,
    perSample: secondsOf(time) / (batch * place.gradAccuSteps * place.gpus),
    fits: bytes <= place.gpu.memoryGiB * 2 ** 30,
  };
}

/** The largest batch of a choice that fits, at most `limit`; 0 when not even one sample does. */
export function largestBatch(choice: Choice, limit: number, measured: MeasuredBy, place: Place): number {
  let fitting = 0;
  for (let batch = 1; batch <= limit && judge(choice, batch, measured, place).fits; batch++) fitting = batch;
  return fitting;
}

/** Within how much of the fastest a choice with less machinery is taken instead. */
const NEAR = 1.02;

/** What `recommend` found. */
export interface Recommendation {
  readonly best: Judged;
  /** Why, in one sentence. */
  readonly why: string;
}

/**
 * The cheapest choice that fits at a batch size: least time per sample, and of those within 2 % the one with the least
 * machinery, which is first in `everyChoice`.
 */
export function recommend(batch: number, measured: MeasuredBy, place: Place): Recommendation | undefined {
  const all = everyChoice(place.gpus).map((choice) => judge(choice, batch, measured, place));
  const fitting = all.filter(({ fits }) => fits);
  if (fitting.length === 0) return undefined;
  const fastest = Math.min(...fitting.map(({ perSample }) => perSample));
  const best = fitting.find(({ perSample }) => perSample <= fastest * NEAR);
  if (best === undefined) return undefined;
  const simpler = all.filter((one) => !one.fits && all.indexOf(one) < all.indexOf(best));
  const least = simpler.reduce<Judged | undefined>(
    (nearest, one) => (nearest === undefined || one.bytes < nearest.bytes ? one : nearest),
    undefined,
  );
  const why =
    least === undefined
      ? "it fits with the least machinery"
      : `${simpler.length} simpler choice${simpler.length === 1 ? " does" : "s do"} not fit, the nearest needs ${gib(least.bytes)}`;
  return { best, why };
}

/** Bytes as GiB with one digit. */
export function gib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

/** Measures a run once for each checkpointing choice. */
export async function measureAll(
  measure: (checkpointing: Choice["checkpointing"]) => Promise<Measured>,
): Promise<MeasuredBy> {
  const [off, selective, full] = CHECKPOINTINGS;
  return { off: await measure(off), selective: await measure(selective), full: await measure(full) };
}
