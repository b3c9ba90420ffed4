import { diceKey, rngFromKey } from "@hyfw/core";

/**
 * A keyed permutation of 0..length−1: Fisher–Yates with the Philox stream of (seed, epoch, name, purpose).
 * The same arguments give the same order on every machine.
 */
export function permutation(
  length: number,
  { seed, epoch, name, purpose }: { seed: number; epoch: number; name: string; purpose: string },
): Uint32Array {
  const order = new Uint32Array(length);
  for (let i = 0; i < length; i++) order[i] = i;
  const rng = rngFromKey(diceKey(seed, epoch, name, purpose));
  for (let i = length - 1; i > 0; i--) {
    const j = rng.int(i + 1);
    const taken = order[i] as number;
    order[i] = order[j] as number;
    order[j] = taken;
  }
  return order;
}
