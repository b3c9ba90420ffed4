import { readFileSync } from "node:fs";
import type {
  Accelerator,
  Duty,
  ForwardFacts,
  LossScale,
  Model,
  RunFacts,
  Segment,
  Values,
} from "@hyfw/core";
import type { DType } from "@hyfw/native";
import { LossScaler, SCALE_RULES } from "./loss-scaler.js";

/** What linear layers may compute in. */
export type ComputeType = "fp32" | "bf16" | "fp16";

/** The element type that castable weights are cast to. */
const CAST = { bf16: "bfloat16", fp16: "float16" } as const satisfies Partial<Record<ComputeType, DType>>;

/**
 * Computes linear layers and convolutions in bfloat16 or float16 while weights stay float32: around each segment's forward, its
 * castable slots get a copy of that type in front. The copy is made under grad, so that backward lands in float32.
 * Values keep their types; layers cast what they are given to their weight's type.
 */
export class Precision implements Accelerator {
  readonly name = "precision";
  readonly duties: readonly Duty[] = ["precision"];
  private chosen: ComputeType;
  private readonly scaler: LossScaler | undefined;

  constructor(
    private readonly dtype: "auto" | ComputeType,
    private readonly rules: keyof typeof SCALE_RULES = "usual",
  ) {
    this.chosen = dtype === "auto" ? fastOnThisCpu() : dtype;
    // Only float16 has too few exponents for small gradients.
    this.scaler = dtype === "fp16" ? new LossScaler(SCALE_RULES[rules]) : undefined;
  }

  get lossScale(): LossScale | undefined {
    return this.scaler;
  }

  describe(): string {
    const why = this.dtype === "auto" ? " (auto: what this machine is fast at)" : "";
    if (this.chosen === "fp32") return `everything in float32${why}`;
    const scaled = this.scaler === undefined ? "" : `, loss scale ${this.rules} from ${this.scaler.value}`;
    return `linear layers and convolutions in ${CAST[this.chosen]}, weights float32${why}${scaled}`;
  }

  prepare(_model: Model, { device }: RunFacts): void {
    // Every CUDA GPU that current libtorch runs on computes in bfloat16.
    if (this.dtype === "auto" && device !== "cpu") this.chosen = "bf16";
  }

  state(): Readonly<Record<string, number>> {
    return this.scaler?.state() ?? {};
  }

  restoreState(saved: Readonly<Record<string, number>>): void {
    this.scaler?.restore(saved);
  }

  aroundForward(
    { parameters }: Segment,
    values: Values,
    _facts: ForwardFacts,
    next: (values: Values) => Values,
  ): Values {
    if (this.chosen === "fp32") return next(values);
    const dtype = CAST[this.chosen];
    const castable = parameters.filter((slot) => slot.castable);
    const before = castable.map((slot) => slot.tensor());
    for (const [index, slot] of castable.entries()) slot.substitute(before[index]?.to({ dtype }));
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
