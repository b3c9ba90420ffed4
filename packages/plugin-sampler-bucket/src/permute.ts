import { diceKey, rngFromKey } from "@hyfw/core";

/**
 * A keyed permutation of 0..length−1: Fisher–Yates with the Philox stream of (seed, epoch, name, purpose).
 * The same arguments give the same order on every machine.
 * @param from first place that has to be right; those before it may then hold anything. Places are settled from the
 * last to the first, so the tail of an order costs no more than its own length in draws
 */
export function permutation(
  length: number,
  { seed, epoch, name, purpose }: { seed: number; epoch: number; name: string; purpose: string },
  from = 0,
): Uint32Array {
  const order = new Uint32Array(length);
  for (let i = 0; i < length; i++) order[i] = i;
  const rng = rngFromKey(diceKey(seed, epoch, name, purpose));
  for (let i = length - 1; i > 0 && i >= from; i--) {
    const j = rng.int(i + 1);
    const taken = order[i] as number;
    order[i] = order[j] as number;
    order[j] = taken;
  }
  return order;
}
