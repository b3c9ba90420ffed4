import type { Model, ParameterSlot } from "../hooks/model.js";

/** What a checkpoint holds of a model: the adapter where one is trained, else every slot. */
export function savedSlots({ adapter, parameters, whole = parameters }: Model): readonly ParameterSlot[] {
  return adapter === undefined ? whole : parameters;
}
