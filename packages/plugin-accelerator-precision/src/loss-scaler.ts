import type { LossScale } from "@hyfw/core";
import { scaleAtMinimum } from "./errors.js";

/** How a loss scale moves. */
export interface ScaleRules {
  readonly start: number;
  /** Steps without overflow after which it is doubled. */
  readonly growAfter: number;
  /** Overflows in a stretch of growth before it is halved. */
  readonly hysteresis: number;
  readonly least: number;
}

/** `usual` as PyTorch's GradScaler; `legacy` as the official trainer sets DeepSpeed up. */
export const SCALE_RULES = {
  usual: { start: 2 ** 16, growAfter: 2000, hysteresis: 1, least: 1 },
  legacy: { start: 2 ** 15, growAfter: 500, hysteresis: 2, least: 1e-3 },
} as const satisfies Record<string, ScaleRules>;

/**
 * Dynamic loss scaling (Micikevicius et al. 2018, "Mixed precision training"): halved when gradients overflow, doubled
 * after a stretch of steps without.
 */
export class LossScaler implements LossScale {
  private scale: number;
  /** Steps since the last overflow or growth. */
  private good = 0;
  private patience: number;

  constructor(private readonly rules: ScaleRules) {
    this.scale = rules.start;
    this.patience = rules.hysteresis;
  }

  get value(): number {
    return this.scale;
  }

  /** @throws HYFW_PRECISION_SCALE when gradients overflow at the smallest scale */
  report(areFinite: boolean): void {
    const { growAfter, hysteresis, least } = this.rules;
    if (areFinite) {
      this.good += 1;
      if (this.good < growAfter) return;
      this.good = 0;
      this.patience = hysteresis;
      this.scale *= 2;
      return;
    }
    this.good = 0;
    if (this.patience > 1) {
      this.patience -= 1;
      return;
    }
    if (this.scale <= least) throw scaleAtMinimum(this.scale);
    this.scale = Math.max(this.scale / 2, least);
  }

  state(): Readonly<Record<string, number>> {
    return { scale: this.scale, good: this.good, patience: this.patience };
  }

  restore({
    scale = this.scale,
    good = 0,
    patience = this.rules.hysteresis,
  }: Readonly<Record<string, number>>): void {
    this.scale = scale;
    this.good = good;
    this.patience = patience;
  }
}
