import { noGrad, Scope } from "@hyfw/native";
import { onlyNothing } from "../errors/weights.js";
import { ADAPTER, type Adapter } from "../hooks/adapter.js";
import type { Model, ModelFacts, ParameterSlot, Segment } from "../hooks/model.js";
import type { LoadedRun } from "./container.js";
import { patternOf } from "./name-pattern.js";

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
    return changed(built, {
      segments: adapter.segments?.(segments) ?? segments,
      whole,
      parameters: [...slots.values()].flat(),
      adapter,
      ...moreValues(built, adapter),
    });
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

/** The model's `prepare` and `draw` with the adapter's values beside its own. */
function moreValues(built: Model, adapter: Adapter): Partial<Model> {
  return {
    ...(adapter.batchValues !== undefined && {
      prepare: (batch) => {
        const prepared = built.prepare(batch);
        const own = noGrad(() => adapter.batchValues?.(batch, prepared.values));
        return { ...prepared, values: { ...prepared.values, ...own } };
      },
      // A plan walks over segments with shapes alone, and nobody outlines the adapter's values.
      outline: undefined,
    }),
    ...(adapter.drawValues !== undefined && {
      draw: (request, infer) =>
        built.draw(request, async (values) => {
          using own = new Scope();
          const more = own.run(() => noGrad(() => adapter.drawValues?.(request, values)));
          return await infer({ ...values, ...more });
        }),
    }),
  };
}

/** The model with some of it replaced; it may be an instance of a class. */
function changed(model: Model, parts: Partial<Model>): Model {
  return Object.assign(Object.create(model) as Model, parts);
}

function freeze(slots: readonly ParameterSlot[]): void {
  for (const { storage } of slots) if (storage.requiresGrad) storage.setRequiresGrad(false);
}
