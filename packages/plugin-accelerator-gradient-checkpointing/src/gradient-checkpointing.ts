import type {
  Accelerator,
  BackwardStep,
  Duty,
  ForwardFacts,
  Gradients,
  Model,
  RunFacts,
  Segment,
  Values,
} from "@hyfw/core";
import { type DeviceName, noGrad, randomState, restoreRandomState, type Tensor } from "@hyfw/native";
import { OutputTape } from "@hyfw/nn";
import { blocksMissing } from "./errors.js";
import type { GradientCheckpointingOptions } from "./options.js";

/** What is kept of a block between its forward and its backward, beside what it read. */
interface Kept {
  /** Of libtorch's default generator before the block ran, so that dropout drops the same. */
  readonly random: Tensor;
  readonly tape: OutputTape | undefined;
}

/**
 * Gradient checkpointing (Chen et al. 2016, "Training deep nets with sublinear memory cost") by whole blocks: forward
 * runs without a graph, and backward runs the block again from what it read. hyfw's own chance is keyed; the default
 * generator is put back around the second run for modules that draw from it.
 */
export class GradientCheckpointing implements Accelerator {
  readonly name = "gradient-checkpointing";
  readonly duties: readonly Duty[] = ["activations"];
  private chosen = new Set<string>();
  private depth = 0;
  private device: DeviceName = "cpu";
  private readonly kept = new Map<string, Kept>();

  constructor(private readonly options: Pick<GradientCheckpointingOptions, "rate" | "mode">) {}

  describe(): string {
    const { rate, mode } = this.options;
    const which =
      this.depth === 0
        ? `${Number((100 * rate).toFixed(1))} % of the blocks, from the end`
        : `${this.chosen.size} of ${this.depth} blocks`;
    return mode === "full"
      ? `runs ${which}, again in backward`
      : `runs norms, activations and sums of ${which}, again in backward`;
  }

  prepare(
    { segments }: Pick<Model, "segments">,
    { device, isPlanned }: Omit<RunFacts, "rank" | "worldSize">,
  ): void {
    // A device that is only planned for has no generator.
    this.device = isPlanned === true ? "cpu" : device;
    const blocks = segments.filter(({ name }) => /\.\d+$/.test(name));
    if (blocks.length === 0) throw blocksMissing(segments.map(({ name }) => name));
    this.depth = blocks.length;
    const first = (1 - this.options.rate) * this.depth;
    this.chosen = new Set(blocks.filter((_, index) => index >= first).map(({ name }) => name));
  }

  aroundForward(
    { name }: Segment,
    values: Values,
    { training }: ForwardFacts,
    next: (values: Values) => Values,
  ): Values {
    if (!training || !this.chosen.has(name)) return next(values);
    this.forget(name);
    const tape = this.options.mode === "selective" ? new OutputTape() : undefined;
    this.kept.set(name, { random: randomState(this.device).keep(), tape });
    const run = (): Values => noGrad(() => next(values));
    return tape === undefined ? run() : tape.record(run);
  }

  async aroundBackward({ name }: Segment, written: Gradients, step: BackwardStep): Promise<Gradients> {
    const kept = this.kept.get(name);
    if (kept === undefined) return step.run(written);
    const { random, tape } = kept;
    const now = randomState(this.device);
    try {
      restoreRandomState(random, this.device);
      if (tape === undefined) step.replay();
      else tape.replay(() => step.replay());
    } finally {
      restoreRandomState(now, this.device);
      now.dispose();
      this.forget(name);
    }
    return step.run(written);
  }

  /** Frees what was kept of a block; a walk that broke off leaves it for the next. */
  private forget(name: string): void {
    const kept = this.kept.get(name);
    kept?.random.dispose();
    kept?.tape?.dispose();
    this.kept.delete(name);
  }
}
