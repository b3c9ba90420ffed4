import { noGrad, type Tensor, tidy } from "@hyfw/native";

/**
 * Copies saved arrays into those of the same names, all or none.
 * @param misfit makes the error of a name whose array is missing or of another shape
 */
export function copyState(
  own: Readonly<Record<string, Tensor>>,
  saved: Readonly<Record<string, Tensor>>,
  misfit: (name: string, expected: readonly number[], found: readonly number[] | undefined) => Error,
): void {
  const names = Object.entries(own);
  for (const [name, { shape }] of names) {
    const found = saved[name]?.shape;
    if (found?.join() !== shape.join()) throw misfit(name, shape, found);
  }
  tidy(() =>
    noGrad(() => {
      for (const [name, tensor] of names) {
        const source = saved[name];
        if (source !== undefined) tensor.copy_(source);
      }
    }),
  );
}
