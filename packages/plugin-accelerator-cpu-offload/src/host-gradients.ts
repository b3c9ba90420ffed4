import type { ParameterSlot } from "@hyfw/core";
import {
  copyBeside,
  type DType,
  emptyOnHost,
  finishCopies,
  noGrad,
  Scope,
  type Tensor,
  tidy,
} from "@hyfw/native";

/** Gradients of one segment on their way. */
interface Underway {
  readonly ticket: number;
  readonly arrived: readonly { readonly sum: Tensor; readonly staged: Tensor | undefined }[];
  /** Owns what the GPU still reads. */
  readonly scope: Scope;
}

/**
 * Gradients that collect in host memory over the micro-steps of a step. Those of one segment travel while the next
 * segment's backward runs, and the GPU's are gone once they have arrived.
 */
export class HostGradients {
  private readonly sums = new Map<ParameterSlot, Tensor>();
  private readonly filled = new Set<ParameterSlot>();
  private underway: Underway | undefined;

  constructor(
    private readonly parameters: readonly ParameterSlot[],
    private readonly dtype: DType,
  ) {}

  /** Takes the gradients off these parameters. */
  async take(parameters: readonly ParameterSlot[]): Promise<void> {
    await this.finish();
    const scope = new Scope();
    const targets: Tensor[] = [];
    const sources: Tensor[] = [];
    const arrived = parameters.flatMap((slot) => {
      const given = scope.run(() => slot.storage.grad);
      if (given === undefined) return [];
      slot.storage.setGrad(undefined);
      const sum = this.sumOf(slot);
      const isFirst = !this.filled.has(slot);
      this.filled.add(slot);
      const staged = isFirst ? undefined : scope.run(() => emptyOnHost(slot.shape, this.dtype));
      targets.push(staged ?? sum);
      sources.push(given);
      return [{ sum, staged }];
    });
    this.underway = { ticket: copyBeside(targets, sources), arrived, scope };
  }

  /** Waits for what is under way and adds it up. */
  async finish(): Promise<void> {
    const { underway } = this;
    if (underway === undefined) return;
    this.underway = undefined;
    await finishCopies(underway.ticket);
    tidy(() =>
      noGrad(() => {
        for (const { sum, staged } of underway.arrived) if (staged !== undefined) sum.add_(staged);
      }),
    );
    underway.scope.dispose();
  }

  /** Puts the sums where norm and optimizer look for gradients; the next micro-step starts new ones. */
  lend(): void {
    for (const slot of this.parameters) if (this.filled.has(slot)) slot.storage.setGrad(this.sums.get(slot));
    this.filled.clear();
  }

  dispose(): void {
    this.underway?.scope.dispose();
    for (const sum of this.sums.values()) sum.dispose();
    this.sums.clear();
  }

  private sumOf(slot: ParameterSlot): Tensor {
    const known = this.sums.get(slot);
    if (known !== undefined) return known;
    const made = emptyOnHost(slot.shape, this.dtype).keep();
    this.sums.set(slot, made);
    return made;
  }
}
