import type { Accelerator, Duty, Model, RunFacts } from "@hyfw/core";
import {
  type AttentionKernelName,
  allowAttention,
  attentionChoice,
  callTensorOp,
  type DeviceName,
  type DType,
  empty,
  type Tensor,
  tidy,
} from "@hyfw/native";
import { useAttention } from "@hyfw/nn";
import { kernelUnfit } from "./errors.js";
import type { FlashAttentionOptions } from "./options.js";

const EVERY: readonly AttentionKernelName[] = ["flash", "efficient", "cudnn", "math"];

/** softmax(q·kᵀ/√K)·v in three operations: what every other kernel is compared with. */
export function plainAttention(q: Tensor, k: Tensor, v: Tensor): Tensor {
  return callTensorOp("hyfw::attention_reference", q, k, v);
}

/** What the choice was tried with. */
interface Tried {
  readonly device: DeviceName;
  readonly headSize: number;
  /** libtorch's kernel by the type that q and k have. */
  readonly byType: Readonly<Partial<Record<DType, string>>>;
}

/** Chooses the kernel behind `nn`'s attention for this process, and puts the former choice back at the end. */
export class AttentionChoice implements Accelerator {
  readonly name = "flash-attention";
  readonly duties: readonly Duty[] = ["attention"];
  private tried: Tried | undefined;
  private restore: () => void = () => undefined;

  constructor(private readonly kernel: FlashAttentionOptions["kernel"]) {}

  describe(): string {
    if (this.kernel === "plain") return "written out, with memory for all scores";
    const found = Object.entries(this.tried?.byType ?? {}).map(([dtype, by]) => `${by} in ${dtype}`);
    const { headSize, device } = this.tried ?? {};
    const facts = found.length === 0 ? "" : `: ${found.join(", ")} for heads of ${headSize} on ${device}`;
    return this.kernel === "auto" ? `libtorch's choice${facts}` : `${this.kernel} only${facts}`;
  }

  prepare(
    { parameters }: Pick<Model, "parameters">,
    { device, isPlanned }: Omit<RunFacts, "rank" | "worldSize">,
  ): void {
    if (this.kernel === "plain") {
      this.restore = useAttention(plainAttention);
      return;
    }
    allowAttention(this.kernel === "auto" ? EVERY : [this.kernel]);
    this.restore = () => allowAttention(EVERY);
    if (isPlanned === true) return;
    // The official name of the norms per head tells their size; 64 stands for models that have none.
    const headSize = parameters.find(({ name }) => /\bq_norm\.weight$/.test(name))?.shape[0] ?? 64;
    this.tried = { device, headSize, byType: choices(device, headSize) };
    const { byType } = this.tried;
    if (this.kernel === "auto" || Object.values(byType).includes(this.kernel)) return;
    // In bfloat16, as training computes where it is fast; some kernels take nothing else.
    throw kernelUnfit(
      this.kernel,
      { device, dtype: "bfloat16 or float32", headSize },
      byType.bfloat16 ?? "none",
    );
  }

  dispose(): void {
    this.restore();
  }
}

/** The kernels that libtorch takes on a device for heads of a size, by type. */
function choices(device: DeviceName, headSize: number): Tried["byType"] {
  const types: readonly DType[] = ["bfloat16", "float32"];
  return Object.fromEntries(
    types.map((dtype) => [
      dtype,
      tidy(() => {
        const heads = (): Tensor => empty([1, 2, 64, headSize], { device, dtype });
        try {
          return attentionChoice(heads(), heads(), heads());
        } catch {
          // Where only one kernel is allowed and does not fit, libtorch has no choice left.
          return "none";
        }
      }),
    ]),
  );
}
