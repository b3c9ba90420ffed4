import { type DeviceName, fromTypedArray, type Tensor } from "@hyfw/native";

/** Numbers of one sinusoid in HunyuanDiT. */
export const SINUSOID_WIDTH = 256;

/**
 * Sinusoids of numbers (Vaswani et al. 2017, section 3.5; cosines first): each v becomes
 * [cos(v·f₀) … cos(v·f₁₂₇), sin(v·f₀) … sin(v·f₁₂₇)], fᵢ = exp(−ln(10000)·i/128), in float32 step by step.
 * @param rows B rows of n numbers. @returns [B, n·width], float32
 */
export function sinusoid(
  rows: readonly (readonly number[])[],
  { width = SINUSOID_WIDTH, device = "cpu" }: { readonly width?: number; readonly device?: DeviceName } = {},
): Tensor {
  const half = width / 2;
  const numbers = rows[0]?.length ?? 0;
  const out = new Float32Array(rows.length * numbers * width);
  let at = 0;
  for (const row of rows)
    for (const value of row) {
      for (let i = 0; i < half; i++) {
        const frequency = Math.fround(Math.exp(Math.fround(Math.fround(-Math.log(10000) * i) / half)));
        const angle = Math.fround(Math.fround(value) * frequency);
        out[at + i] = Math.cos(angle);
        out[at + half + i] = Math.sin(angle);
      }
      at += width;
    }
  const made = fromTypedArray(out, [rows.length, numbers * width]);
  return device === "cpu" ? made : made.to({ device });
}
