import { onlyNothing } from "../errors/weights.js";
import { ADAPTER } from "../hooks/adapter.js";
import type { Model, ModelFacts, ParameterSlot, Segment } from "../hooks/model.js";
import type { LoadedRun } from "./container.js";

/** Builds the run's model and settles what of it is trained: all, what `train.only` names, or an adapter beside it. */
export function chooseTrained(run: LoadedRun, built: Model, facts: ModelFacts): Model {
  const [adapter] = run.getAll(ADAPTER);
  const { only } = run.settings.train;
  const whole = built.whole ?? built.parameters;
  if (adapter !== undefined) {
    freeze(whole);
    const slots = adapter.attach(built, facts);
    const segments = built.segments.map((segment): Segment => {
      const { name, reads, writes, parameters } = segment;
      const own = slots.get(name) ?? [];
      return {
        name,
        reads,
        writes,
        parameters: [...parameters, ...own],
        run: (values) => segment.run(values),
      };
    });
    return changed(built, { segments, whole, parameters: [...slots.values()].flat(), adapter });
  }
  if (only === undefined) return built;
  const patterns = only.map(patternOf);
  const isTrained = ({ name }: ParameterSlot): boolean => patterns.some((pattern) => pattern.test(name));
  const parameters = built.parameters.filter(isTrained);
  if (parameters.length === 0)
    throw onlyNothing(
      only,
      built.parameters.map(({ name }) => name),
    );
  freeze(built.parameters.filter((slot) => !isTrained(slot)));
  return changed(built, { whole, parameters });
}

/** The model with some of it replaced; it may be an instance of a class. */
function changed(model: Model, parts: Partial<Model>): Model {
  return Object.assign(Object.create(model) as Model, parts);
}

function freeze(slots: readonly ParameterSlot[]): void {
  for (const { storage } of slots) if (storage.requiresGrad) storage.setRequiresGrad(false);
}

/** `*` stands for any text, everything else for itself; the whole name must match. */
export function patternOf(text: string): RegExp {
  const parts = text.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`);
}
