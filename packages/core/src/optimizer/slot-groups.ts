import { setImmediate } from "node:timers/promises";
import { noGrad, type Tensor, tidy } from "@hyfw/native";
import { stateDiffers } from "../errors/optimizers.js";
import type { ParameterSlot } from "../hooks/model.js";
import type { Optimizer, OptimizerFacts } from "../hooks/optimizer.js";
import { checkGradients } from "./check-gradients.js";

/** Arrays that an optimizer keeps for one parameter, by their names in checkpoints. */
export type MomentTensors = Readonly<Record<string, Tensor | undefined>>;

/** One parameter with its moments. */
export interface Entry<Moments extends MomentTensors> {
  readonly slot: ParameterSlot;
  readonly moments: Moments;
}

/** Parameters that are updated alike. */
export interface SlotGroup<Moments extends MomentTensors> {
  readonly entries: readonly Entry<Moments>[];
  /** Learning rate as a multiple of the run's. */
  readonly lr: number;
  readonly weightDecay: number;
}

/** What decays where no group of the settings says otherwise. */
export interface DecayOptions {
  readonly weightDecay: number;
  /** Norms, biases and embeddings too. */
  readonly decayAll: boolean;
}

/** What the groups of an optimizer are made from. */
export interface SlotGroupsFacts<Moments extends MomentTensors> extends OptimizerFacts {
  readonly decay: DecayOptions;
  /** Moments of one parameter, kept. */
  moments(slot: ParameterSlot): Moments;
}

/** Parameters of one update: arrays in the same order, on one device. */
export interface Part<Moments extends MomentTensors> {
  readonly entries: readonly Entry<Moments>[];
  readonly weights: readonly Tensor[];
  readonly grads: readonly Tensor[];
  readonly lr: number;
  readonly weightDecay: number;
}

/** Numbers of the parameters that `walk` hands out at a time: what an update makes beside them stays this small. */
const PART_NUMBERS = 2 ** 24;

/** The parameters of an optimizer in groups of one learning rate and weight decay, with their moments. */
export class SlotGroups<Moments extends MomentTensors> {
  readonly entries: readonly Entry<Moments>[];
  readonly groups: readonly SlotGroup<Moments>[];

  constructor(parameters: readonly ParameterSlot[], facts: SlotGroupsFacts<Moments>) {
    this.entries = parameters.map((slot) => ({ slot, moments: facts.moments(slot) }));
    const { weightDecay: usual, decayAll } = facts.decay;
    const groups = new Map<string, SlotGroup<Moments> & { readonly entries: Entry<Moments>[] }>();
    for (const entry of this.entries) {
      const { slot } = entry;
      const rule = facts.ruleOf(slot);
      const weightDecay = rule.weightDecay ?? (decayAll || slot.decays ? usual : 0);
      const key = `${rule.lr} ${weightDecay} ${slot.storage.device}`;
      const group = groups.get(key) ?? { entries: [], lr: rule.lr, weightDecay };
      group.entries.push(entry);
      groups.set(key, group);
    }
    this.groups = [...groups.values()];
  }

  /** @throws HYFW_OPTIMIZER_GRADIENT naming the first parameter without one */
  checkGradients(): void {
    checkGradients(this.entries.map(({ slot }) => slot));
  }

  /**
   * Hands out all parameters in parts, under no grad, each in a scope of its own; others get their turn in between.
   * @param lr the run's
   */
  async walk(lr: number, update: (part: Part<Moments>) => void): Promise<void> {
    for (const group of this.groups)
      for (const entries of inParts(group.entries)) {
        tidy(() =>
          noGrad(() =>
            update({
              entries,
              weights: entries.map(({ slot }) => slot.storage.detach()),
              grads: entries.flatMap(({ slot }) => slot.storage.grad ?? []),
              lr: lr * group.lr,
              weightDecay: group.weightDecay,
            }),
          ),
        );
        await setImmediate();
      }
  }

  state(): ReturnType<Optimizer["state"]>["tensors"] {
    return Object.fromEntries(
      this.entries.flatMap(({ slot, moments }) =>
        Object.entries(moments).flatMap(([name, tensor]): [string, Tensor][] =>
          tensor === undefined ? [] : [[`${slot.name}.${name}`, tensor]],
        ),
      ),
    );
  }

  /** Copies saved moments in, all or none. @throws HYFW_OPTIMIZER_STATE */
  restore(saved: Readonly<Record<string, Tensor>>): void {
    copyState(this.state(), saved);
  }

  /** What decays, and tensors with a rule of their own, in words for the plan. */
  describeDecay(): string {
    const decaying = this.groups.filter(({ weightDecay }) => weightDecay > 0);
    if (decaying.length === 0) return "no weight decay";
    const tensors = decaying.reduce((sum, { entries }) => sum + entries.length, 0);
    const amounts = [...new Set(decaying.map(({ weightDecay }) => weightDecay))];
    return `weight decay ${amounts.join(" and ")} on ${tensors} of ${this.entries.length} tensors`;
  }
}

/** Copies saved arrays into those of the same names, all or none. @throws HYFW_OPTIMIZER_STATE */
export function copyState(
  own: Readonly<Record<string, Tensor>>,
  saved: Readonly<Record<string, Tensor>>,
): void {
  const names = Object.entries(own);
  for (const [name, { shape }] of names) {
    const found = saved[name]?.shape;
    if (found?.join() !== shape.join()) throw stateDiffers(name, shape, found);
  }
  tidy(() =>
    noGrad(() => {
      for (const [name, tensor] of names) {
        const source = saved[name];
        if (source !== undefined) tensor.copy_(source);
      }
    }),
  );
}

function inParts<Moments extends MomentTensors>(entries: readonly Entry<Moments>[]): Entry<Moments>[][] {
  const parts: Entry<Moments>[][] = [];
  let room = 0;
  for (const entry of entries) {
    const { numel } = entry.slot.storage;
    const last = parts.at(-1);
    if (last === undefined || numel > room) {
      parts.push([entry]);
      room = PART_NUMBERS - numel;
    } else {
      last.push(entry);
      room -= numel;
    }
  }
  return parts;
}
