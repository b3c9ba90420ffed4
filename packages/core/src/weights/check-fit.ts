import { weightsDiffer } from "../errors/weights.js";
import type { ParameterSlot } from "../hooks/model.js";
import type { WeightFile } from "./weight-file.js";

/** What only one side has, where that is allowed. */
export interface Fit {
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
}

/** Shapes must agree; names too unless some may be missing. @throws HYFW_WEIGHTS listing what does not */
export function checkFit(
  file: Pick<WeightFile, "path" | "names" | "has" | "entry">,
  slots: readonly ParameterSlot[],
  allowMissing: boolean,
): Fit {
  const known = new Set(slots.map(({ name }) => name));
  const missing = slots.map(({ name }) => name).filter((name) => !file.has(name));
  const unexpected = file.names().filter((name) => !known.has(name));
  const wrong = slots.flatMap(({ name, shape }) => {
    const found = file.has(name) ? file.entry(name).shape : undefined;
    return found === undefined || found.join() === shape.join()
      ? []
      : [`${name}: the model has [${shape}], the file [${found}]`];
  });
  if (!allowMissing) {
    for (const name of missing) wrong.push(`${name}: only in the model`);
    for (const name of unexpected) wrong.push(`${name}: only in the file, [${file.entry(name).shape}]`);
  }
  if (wrong.length > 0) throw weightsDiffer(file.path, wrong);
  return { missing, unexpected };
}
