import { readFileSync } from "node:fs";
import type { Accelerator, Duty, ForwardFacts, Model, RunFacts, Segment, Values } from "@hyfw/core";
import type { Tensor } from "@hyfw/native";

/** What linear layers may compute in. */
export type ComputeType = "fp32" | "bf16";

/**
 * Computes linear layers and convolutions in bfloat16 while weights stay float32: around each segment's forward, its
 * castable slots get a bfloat16 copy in front. The copy is made under grad, so that backward lands in float32.
 * Values keep their types; layers cast what they are given to their weight's type.
 */
export class Precision implements Accelerator {
  readonly name = "precision";
  readonly duties: readonly Duty[] = ["precision"];
  private chosen: ComputeType;

  constructor(private readonly dtype: "auto" | ComputeType) {
    this.chosen = dtype === "auto" ? fastOnThisCpu() : dtype;
  }

  describe(): string {
    const why = this.dtype === "auto" ? " (auto: what this machine is fast at)" : "";
    return this.chosen === "bf16"
      ? `linear layers and convolutions in bfloat16, weights float32${why}`
      : `everything in float32${why}`;
  }

  prepare(_model: Model, { device }: RunFacts): void {
    // Every CUDA GPU that current libtorch runs on computes in bfloat16.
    if (this.dtype === "auto" && device !== "cpu") this.chosen = "bf16";
  }

  aroundForward(
    { parameters }: Segment,
    values: Values,
    _facts: ForwardFacts,
    next: (values: Values) => Values,
  ): Values {
    if (this.chosen === "fp32") return next(values);
    const castable = parameters.filter((slot) => slot.castable);
    const before = castable.map((slot) => slot.tensor());
    for (const [index, slot] of castable.entries()) slot.substitute(toBfloat16(before[index]));
    try {
      return next(values);
    } finally {
      // What stood in front before, such as a moving average, stands there again.
      for (const [index, slot] of castable.entries())
        slot.substitute(before[index] === slot.storage ? undefined : before[index]);
    }
  }
}

/** Whether matrix products in bfloat16 beat float32 on this CPU: it has instructions for them. */
function fastOnThisCpu(): ComputeType {
  try {
    return /\b(avx512_bf16|amx_bf16|bf16)\b/.test(readFileSync("/proc/cpuinfo", "utf8")) ? "bf16" : "fp32";
  } catch {
    // Other systems than Linux do not tell; float32 is right everywhere.
    return "fp32";
  }
}

function toBfloat16(tensor: Tensor | undefined): Tensor | undefined {
  return tensor?.to({ dtype: "bfloat16" });
}
