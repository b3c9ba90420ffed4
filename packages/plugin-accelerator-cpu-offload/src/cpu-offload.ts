import type {
  Accelerator,
  BackwardStep,
  CreateOptimizer,
  Duty,
  Gradients,
  Model,
  ParameterSlot,
  RunFacts,
  Segment,
} from "@hyfw/core";
import { gradientsShared } from "./errors.js";
import { HostGradients } from "./host-gradients.js";
import { HostSlot } from "./host-slot.js";
import { OffloadedOptimizer } from "./offloaded-optimizer.js";
import type { CpuOffloadOptions } from "./options.js";

const MIB = 2 ** 20;

/**
 * Optimizer states, and the weights that it updates, in host memory; the GPU keeps the weights that it computes with.
 * The same operations run on the same numbers as without, so on the CPU the result is the same bit by bit.
 */
export class CpuOffload implements Accelerator {
  readonly name = "cpu-offload";
  readonly duties: readonly Duty[] = ["placement"];
  private readonly slots: HostSlot[] = [];
  private gradients: HostGradients | undefined;

  /** @param mustCopy copies also where nothing has to move, which tests use where there is no GPU */
  constructor(
    private readonly options: Omit<CpuOffloadOptions, "enabled">,
    private readonly mustCopy = false,
  ) {}

  describe(): string {
    const { gradients, gradientType } = this.options;
    const also = gradients ? ", gradients too" : "";
    const travel = gradientType === "float32" ? "" : `, gradients travel as ${gradientType}`;
    return `optimizer states and updated weights in host memory${also}${travel}`;
  }

  /** @throws HYFW_OFFLOAD_SETTING_GRADIENTS with several processes */
  prepare({ parameters }: Pick<Model, "parameters">, { worldSize }: Pick<RunFacts, "worldSize">): void {
    if (this.options.gradients && worldSize > 1) throw gradientsShared(worldSize);
    if (this.options.gradients) this.gradients = new HostGradients(parameters, this.options.gradientType);
  }

  wrapOptimizer(create: CreateOptimizer): CreateOptimizer {
    return (parameters) => {
      if (parameters.some(({ storage }) => storage.device === "meta")) return create(parameters);
      const { gradientType } = this.options;
      const groups = inGroups(parameters, this.options.groupMiB * MIB).map((members) => {
        const slots = members.map((slot) => new HostSlot(slot, { gradientType, mustCopy: this.mustCopy }));
        this.slots.push(...slots);
        return { slots, optimizer: create(slots) };
      });
      return new OffloadedOptimizer(groups);
    };
  }

  async aroundBackward(segment: Segment, written: Gradients, step: BackwardStep): Promise<Gradients> {
    const read = await step.run(written);
    await this.gradients?.take(segment.parameters);
    return read;
  }

  async afterMicroStep(): Promise<void> {
    await this.gradients?.finish();
  }

  async aroundUpdate(next: () => Promise<void>): Promise<void> {
    this.gradients?.lend();
    await next();
  }

  dispose(): void {
    for (const slot of this.slots.splice(0)) slot.dispose();
    this.gradients?.dispose();
  }
}

/** Parameters in order, in groups of at most so many bytes of float32; a larger one is a group of its own. */
function inGroups(parameters: readonly ParameterSlot[], bytes: number): ParameterSlot[][] {
  const groups: ParameterSlot[][] = [];
  let room = 0;
  for (const slot of parameters) {
    const size = 4 * slot.shape.reduce((product, side) => product * side, 1);
    const last = groups.at(-1);
    if (last === undefined || size > room) {
      groups.push([slot]);
      room = bytes - size;
    } else {
      last.push(slot);
      room -= size;
    }
  }
  return groups;
}
