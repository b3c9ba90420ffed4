import { type DeviceName, type DType, dtypeBytes, noGrad, type Tensor, tidy } from "@hyfw/native";
import { loadMismatch } from "./errors.js";
import { compareNames, type Module, type Place } from "./module.js";
import type { Parameter } from "./parameter.js";

/** Named arrays on disk; a weights file of the core is one. */
export interface NamedArrays {
  names(): readonly string[];
  entry(name: string): { readonly shape: readonly number[] };
  get(name: string): Tensor;
}

/** Where frozen arrays go, and as what. */
export interface FrozenOptions {
  readonly device: DeviceName;
  /** Element type of matrices, kernels and tables, and of the biases beside them; norms stay float32. */
  readonly dtype: DType;
  /** Parameters that stay float32 although `dtype` is narrower. */
  readonly wide?: RegExp | undefined;
}

/**
 * A module whose arrays come from a file and are never trained. Names and shapes are compared before any array is
 * read; an array that has its element type already stays mapped on the CPU, so that it costs memory when it is used.
 * @param build makes the module; called twice, first without numbers
 * @throws HYFW_NN_LOAD listing what is missing, unexpected and misshapen
 */
export function loadFrozen<Made extends Module>(
  build: (place: Place) => Made,
  file: NamedArrays,
  { device, dtype, wide }: FrozenOptions,
): Made {
  const drawing = build({ path: "", device: "meta", seed: 0 });
  const entries = Object.fromEntries(file.names().map((name) => [name, file.entry(name)]));
  const faults = compareNames(drawing.parameters(), entries);
  drawing.dispose();
  if (faults.missing.length + faults.unexpected.length + faults.misshapen.length > 0)
    throw loadMismatch(faults);
  return build({
    path: "",
    device,
    seed: 0,
    source: (name, shape, { castable }) => {
      const target = frozenType({ name, shape, castable }, { dtype, wide });
      return tidy(() => noGrad(() => placed(file.get(name), target, device))).keep();
    },
  });
}

/** Bytes of a module's arrays as `loadFrozen` would load them. @param drawing the module without numbers */
export function frozenBytes(drawing: Module, types: Pick<FrozenOptions, "dtype" | "wide">): number {
  return drawing
    .parameters()
    .reduce(
      (sum, slot) =>
        sum + slot.shape.reduce((product, size) => product * size, dtypeBytes(frozenType(slot, types))),
      0,
    );
}

function frozenType(
  { name, shape, castable }: Pick<Parameter, "name" | "shape" | "castable">,
  { dtype, wide }: Pick<FrozenOptions, "dtype" | "wide">,
): DType {
  const isNarrow = (castable || shape.length > 1) && !(wide?.test(name) ?? false);
  return isNarrow ? dtype : "float32";
}

function placed(array: Tensor, dtype: DType, device: DeviceName): Tensor {
  const isThere = array.dtype === dtype && array.device === device;
  return isThere ? array : array.to({ dtype, device });
}
