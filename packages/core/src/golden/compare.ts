import type { Tensor } from "@hyfw/native";

/** Numbers of a tensor as doubles. */
export function numbers(tensor: Tensor): number[] {
  return tensor.detach().toArray();
}

/** Largest difference of two tensors, element by element. @throws Error when their shapes differ */
export function maxDifference(found: Tensor, expected: Tensor): number {
  return maxOf(numbers(found), numbers(expected), (a, b) => Math.abs(a - b), shapes(found, expected));
}

/** Largest difference over the largest element of `expected`. */
export function differenceOfLargest(found: Tensor, expected: Tensor): number {
  const largest = numbers(expected).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const difference = maxDifference(found, expected);
  return largest === 0 ? difference : difference / largest;
}

/** Largest of any error over pairs of numbers. */
export function maxOf(
  found: readonly number[],
  expected: readonly number[],
  error: (found: number, expected: number) => number,
  what = `${found.length} numbers`,
): number {
  if (found.length !== expected.length)
    throw new Error(`expected ${expected.length} numbers, found ${found.length}`);
  let most = 0;
  for (const [i, value] of found.entries()) {
    const one = error(value, expected[i] ?? Number.NaN);
    if (Number.isNaN(one)) throw new Error(`number ${i} of ${what}: expected ${expected[i]}, found ${value}`);
    if (one > most) most = one;
  }
  return most;
}

/** |found − expected| / |expected|; the plain difference where 0 is expected. */
export function relative(found: number, expected: number): number {
  const difference = Math.abs(found - expected);
  return expected === 0 ? difference : difference / Math.abs(expected);
}

/** √(sum of squares), in double. */
export function l2(tensor: Tensor): number {
  return Math.sqrt(numbers(tensor).reduce((sum, value) => sum + value * value, 0));
}

function shapes(found: Tensor, expected: Tensor): string {
  const [a, b] = [found.shape.join(", "), expected.shape.join(", ")];
  if (a !== b) throw new Error(`expected [${b}], found [${a}]`);
  return `[${a}]`;
}
