/** One array with what a plain optimizer keeps for it by name; numbers are in double precision. */
export interface PlainArray {
  readonly weights: Float64Array;
  readonly shape: readonly number[];
  readonly decay: number;
  readonly kept: Map<string, Float64Array>;
}

/** One step over all arrays, with gradients in the same order; `shared` holds what is one for all of them. */
export type PlainStep = (
  arrays: readonly PlainArray[],
  grads: readonly Float64Array[],
  numbers: { readonly t: number; readonly lr: number; readonly shared: Map<string, number> },
) => void;

const kept = (array: PlainArray, name: string, length = array.weights.length): Float64Array => {
  const found = array.kept.get(name) ?? new Float64Array(length);
  array.kept.set(name, found);
  return found;
};
const at = (array: Float64Array | undefined, i: number): number => array?.[i] ?? Number.NaN;

/** Calls `each` for every number of every array. */
function forEach(
  arrays: readonly PlainArray[],
  grads: readonly Float64Array[],
  each: (array: PlainArray, i: number, g: number) => void,
): void {
  for (const [n, array] of arrays.entries())
    for (let i = 0; i < array.weights.length; i++) each(array, i, at(grads[n], i));
}

/** Chen et al. 2023, program 1. */
export const plainLion =
  ([beta1, beta2]: readonly [number, number]): PlainStep =>
  (arrays, grads, { lr }) =>
    forEach(arrays, grads, (array, i, g) => {
      const m = kept(array, "m");
      const w = array.weights;
      const c = beta1 * at(m, i) + (1 - beta1) * g;
      w[i] = at(w, i) * (1 - lr * array.decay) - lr * Math.sign(c);
      m[i] = beta2 * at(m, i) + (1 - beta2) * g;
    });

/** Loshchilov and Hutter 2019, algorithm 2; `keep` is what storing does to a running mean. */
export const plainAdamw =
  (
    [beta1, beta2]: readonly [number, number],
    eps: number,
    keep: (numbers: Float64Array, isSigned: boolean) => void = () => undefined,
  ): PlainStep =>
  (arrays, grads, { t, lr }) => {
    forEach(arrays, grads, (array, i, g) => {
      const [m, v, w] = [kept(array, "m"), kept(array, "v"), array.weights];
      m[i] = beta1 * at(m, i) + (1 - beta1) * g;
      v[i] = beta2 * at(v, i) + (1 - beta2) * g * g;
      const step = at(m, i) / (1 - beta1 ** t) / (Math.sqrt(at(v, i) / (1 - beta2 ** t)) + eps);
      w[i] = at(w, i) * (1 - lr * array.decay) - lr * step;
    });
    for (const array of arrays) {
      keep(kept(array, "m"), true);
      keep(kept(array, "v"), false);
    }
  };

/** Shazeer and Stern 2018, algorithms 4 and 5, with the sums of the paper where the product has means. */
export const plainAdafactor =
  (options: {
    readonly decayRate: number;
    readonly clip: number;
    readonly beta1: number;
    readonly scaleByWeights: boolean;
  }): PlainStep =>
  (arrays, grads, { t, lr }) => {
    const { decayRate, clip, beta1, scaleByWeights } = options;
    const beta = 1 - t ** -decayRate;
    for (const [n, array] of arrays.entries()) {
      const w = array.weights;
      const g = grads[n] ?? new Float64Array();
      const [rows = 1] = array.shape;
      const columns = w.length / rows;
      const update = new Float64Array(w.length);
      if (rows > 1 && columns > 1) {
        const [r, c] = [kept(array, "r", rows), kept(array, "c", columns)];
        const sums = { r: new Float64Array(rows), c: new Float64Array(columns) };
        for (let i = 0; i < w.length; i++) {
          const square = at(g, i) ** 2 + 1e-30;
          const [row, column] = [Math.floor(i / columns), i % columns];
          sums.r[row] = at(sums.r, row) + square;
          sums.c[column] = at(sums.c, column) + square;
        }
        for (let i = 0; i < rows; i++) r[i] = beta * at(r, i) + (1 - beta) * at(sums.r, i);
        for (let j = 0; j < columns; j++) c[j] = beta * at(c, j) + (1 - beta) * at(sums.c, j);
        const all = r.reduce((sum, one) => sum + one, 0);
        for (let i = 0; i < w.length; i++)
          update[i] = at(g, i) / Math.sqrt((at(r, Math.floor(i / columns)) * at(c, i % columns)) / all);
      } else {
        const v = kept(array, "v");
        for (let i = 0; i < w.length; i++) {
          v[i] = beta * at(v, i) + (1 - beta) * (at(g, i) ** 2 + 1e-30);
          update[i] = at(g, i) / Math.sqrt(at(v, i));
        }
      }
      const rms = (numbers: Float64Array): number =>
        Math.sqrt(numbers.reduce((sum, one) => sum + one * one, 0) / numbers.length);
      const tooLarge = Math.max(1, rms(update) / clip);
      const size = scaleByWeights ? Math.max(1e-3, rms(w)) : 1;
      const m = kept(array, "m");
      for (let i = 0; i < w.length; i++) {
        m[i] = beta1 * at(m, i) + (1 - beta1) * (at(update, i) / tooLarge);
        w[i] = at(w, i) * (1 - lr * array.decay) - lr * size * at(m, i);
      }
    }
  };

/** Defazio et al. 2024, algorithm 1, with x, y and z each kept; the weights are y. */
export const plainScheduleFree =
  ([beta1, beta2]: readonly [number, number], eps: number): PlainStep =>
  (arrays, grads, { t, lr, shared }) => {
    const gamma = lr * Math.sqrt(1 - beta2 ** t);
    shared.set("sum", (shared.get("sum") ?? 0) + gamma ** 2);
    const c = gamma ** 2 / (shared.get("sum") ?? Number.NaN);
    if (t === 1)
      for (const array of arrays) for (const name of ["x", "z"]) kept(array, name).set(array.weights);
    forEach(arrays, grads, (array, i, g) => {
      const [x, z, v, y] = [kept(array, "x"), kept(array, "z"), kept(array, "v"), array.weights];
      v[i] = beta2 * at(v, i) + (1 - beta2) * g * g;
      z[i] = at(z, i) - gamma * (g / (Math.sqrt(at(v, i)) + eps) + array.decay * at(y, i));
      x[i] = (1 - c) * at(x, i) + c * at(z, i);
      y[i] = (1 - beta1) * at(z, i) + beta1 * at(x, i);
    });
  };

/** Mishchenko and Defazio 2023, algorithm 4. */
export const plainProdigy =
  ([beta1, beta2]: readonly [number, number], eps: number, d0: number): PlainStep =>
  (arrays, grads, { t, lr, shared }) => {
    const d = shared.get("d") ?? d0;
    const beta3 = Math.sqrt(beta2);
    if (t === 1) for (const array of arrays) kept(array, "x0").set(array.weights);
    let [gained, absolute] = [0, 0];
    forEach(arrays, grads, (array, i, g) => {
      const [m, v, s] = [kept(array, "m"), kept(array, "v"), kept(array, "s")];
      const w = array.weights;
      gained += lr * g * (at(array.kept.get("x0"), i) - at(w, i));
      m[i] = beta1 * at(m, i) + (1 - beta1) * d * g;
      v[i] = beta2 * at(v, i) + (1 - beta2) * d * d * g * g;
      s[i] = beta3 * at(s, i) + (1 - beta3) * lr * d * d * g;
      absolute += Math.abs(at(s, i));
      w[i] = at(w, i) - lr * d * (at(m, i) / (Math.sqrt(at(v, i)) + d * eps) + array.decay * at(w, i));
    });
    const r = beta3 * (shared.get("r") ?? 0) + (1 - beta3) * d * d * gained;
    shared.set("r", r);
    shared.set("d", Math.max(d, r / absolute));
  };

/** Rounds each number to the nearest of a code book times the largest magnitude of its 256; the squares never to 0. */
export function plainQuantise(numbers: Float64Array, isSigned: boolean): void {
  const book = [0, 1];
  for (let power = -6; power <= 0; power++) {
    const parts = 2 ** (power + 6) * (isSigned ? 1 : 2);
    for (let part = 0; part < parts; part++) book.push(10 ** power * (0.1 + (0.9 * (part + 0.5)) / parts));
  }
  if (isSigned) for (const one of book.slice(2)) book.push(-one);
  const allowed = isSigned ? book : book.filter((one) => one > 0);
  for (let start = 0; start < numbers.length; start += 256) {
    const block = numbers.subarray(start, start + 256);
    const scale = block.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
    for (const [i, one] of block.entries()) {
      const share = scale === 0 ? 0 : one / scale;
      const nearest = allowed.reduce((best, code) =>
        Math.abs(code - share) < Math.abs(best - share) ? code : best,
      );
      block[i] = nearest * scale;
    }
  }
}
