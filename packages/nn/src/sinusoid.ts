import { type DeviceName, fromTypedArray, type Tensor } from "@hyfw/native";

/** Numbers of one sinusoid in HunyuanDiT. */
export const SINUSOID_WIDTH = 256;

const known = new Map<number, Float32Array>();

/**
 * exp(−ln(10000)·i/half), float32 step by step and rounded correctly, so that every machine has the same ones.
 * Vectorised exponentials are off by one unit in the last place here and there, which moves the angle at t = 999 by
 * up to 6e-5.
 */
function frequenciesOf(half: number): Float32Array {
  let found = known.get(half);
  if (found === undefined) {
    const slope = Math.fround(-Math.log(10000));
    found = Float32Array.from({ length: half }, (_, i) =>
      Math.exp(Math.fround(Math.fround(slope * i) / half)),
    );
    known.set(half, found);
  }
  return found;
}

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
  const frequencies = frequenciesOf(half);
  const numbers = rows[0]?.length ?? 0;
  const out = new Float32Array(rows.length * numbers * width);
  let at = 0;
  for (const row of rows)
    for (const value of row) {
      for (let i = 0; i < half; i++) {
        const angle = Math.fround(Math.fround(value) * (frequencies[i] ?? 0));
        out[at + i] = Math.cos(angle);
        out[at + half + i] = Math.sin(angle);
      }
      at += width;
    }
  const made = fromTypedArray(out, [rows.length, numbers * width]);
  return device === "cpu" ? made : made.to({ device });
}
