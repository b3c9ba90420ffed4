import { weightsStateAbsent } from "../errors/weights.js";
import { renamedWeights, type WeightFile } from "./weight-file.js";

/** Which of several states in one file: the model's own weights, their moving average, or another by its key. */
export type StateKey = "auto" | "module" | "ema" | (string & {});

/** Keys that trainers put a state under, in the order in which `auto` looks. */
const KEYS = ["module", "ema", "state_dict", "model"];
/** Prefixes that wrappers put before every name of a state. */
const WRAPPERS = ["module.", "_orig_mod.", "diffusion_model."];

/** Keys under which a file has several tensors each, of those that trainers use. */
export function stateKeys(file: WeightFile): string[] {
  const names = file.names();
  return KEYS.filter((key) => names.some((name) => name.startsWith(`${key}.`)));
}

/**
 * One state of a file, under the names that it has without keys and wrappers. `auto` takes `module`, then `ema`, then
 * the whole file: as the official trainer does for the model's weights.
 * @throws HYFW_WEIGHTS_STATE when the key is not there
 */
export function chooseState(file: WeightFile, key: StateKey = "auto"): WeightFile {
  const keys = stateKeys(file);
  const names = file.names();
  const chosen = key === "auto" ? keys[0] : key;
  if (chosen === undefined) return unwrapped(file);
  const prefix = `${chosen}.`;
  const inside = names.filter((name) => name.startsWith(prefix));
  if (inside.length === 0) throw weightsStateAbsent(file.path, chosen, keys);
  return unwrapped(renamedWeights(file, new Map(inside.map((name) => [name.slice(prefix.length), name]))));
}

function unwrapped(file: WeightFile): WeightFile {
  const names = file.names();
  for (const wrapper of WRAPPERS)
    if (names.length > 0 && names.every((name) => name.startsWith(wrapper)))
      return unwrapped(
        renamedWeights(file, new Map(names.map((name) => [name.slice(wrapper.length), name]))),
      );
  return file;
}
