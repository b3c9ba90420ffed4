/** How a run spreads over memory: what a person would set for it. */
export interface Choice {
  /** ZeRO stage; 0 is plain data parallel, or one GPU alone. */
  readonly zero: 0 | 1 | 2 | 3;
  readonly offload: "none" | "states" | "states and gradients";
  readonly checkpointing: "off" | "selective" | "full";
}

/** Settings that make a run walk as a checkpointing choice says. */
export function checkpointingSets(checkpointing: Choice["checkpointing"]): string[] {
  const plugin = "plugins.accelerator-gradient-checkpointing";
  return checkpointing === "off"
    ? [`${plugin}.enabled=false`]
    : [`${plugin}.enabled=true`, `${plugin}.mode=${checkpointing}`];
}

/** Flags of `hyfw` that make a choice. */
export function flagsOf({ zero, offload, checkpointing }: Choice): string {
  return [
    ...(zero > 0 ? [`--use-zero-stage ${zero}`] : []),
    ...(checkpointing === "off" ? ["--no-gradient-checkpointing"] : ["--gradient-checkpointing"]),
    ...(checkpointing === "selective" ? ["--gc-mode selective"] : []),
    ...(offload === "none" ? [] : ["--cpu-offloading"]),
    ...(offload === "states and gradients" ? ["--set plugins.accelerator-cpu-offload.gradients=true"] : []),
  ].join(" ");
}

/** A choice in a few words: `ZeRO-1, no offload, full checkpointing`. */
export function nameOf({ zero, offload, checkpointing }: Choice): string {
  return [
    zero === 0 ? "no ZeRO" : `ZeRO-${zero}`,
    offload === "none" ? "no offload" : `${offload} offloaded`,
    checkpointing === "off" ? "no checkpointing" : `${checkpointing} checkpointing`,
  ].join(", ");
}

const STAGES = [0, 1, 2, 3] as const;
const OFFLOADS = ["none", "states", "states and gradients"] as const;
export const CHECKPOINTINGS = ["off", "selective", "full"] as const;

/** Every choice there is for so many GPUs, from the one with the least machinery to the one with the most. */
export function everyChoice(gpus: number): Choice[] {
  // Several processes sum their gradients on the GPUs, so that they cannot leave after each segment.
  const offloads = OFFLOADS.filter((offload) => gpus === 1 || offload !== "states and gradients");
  return STAGES.filter((zero) => gpus > 1 || zero === 0).flatMap((zero) =>
    offloads.flatMap((offload) => CHECKPOINTINGS.map((checkpointing) => ({ zero, offload, checkpointing }))),
  );
}
