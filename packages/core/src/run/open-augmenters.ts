import { augmenterOrder, augmenterPurpose } from "../errors/plugins.js";
import { AUGMENTER, type Augmenter } from "../hooks/augmenter.js";
import { asMap } from "../settings/path.js";
import type { LoadedRun, Provided } from "./container.js";

/**
 * The chain of augmenters in preset order, checked.
 * @throws HYFW_AUGMENTER_PURPOSE when two draw for one purpose, HYFW_AUGMENTER_ORDER when captions are chosen after
 * they were changed
 */
export function openAugmenters(run: Pick<LoadedRun, "providers">): Augmenter[] {
  return checkChain(run.providers(AUGMENTER));
}

/**
 * The same chain for a phase or a data set that gives some of them other options.
 * @param overrides options by plugin name, laid over the run's
 */
export async function openAugmentersUnder(
  run: LoadedRun,
  overrides: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {},
): Promise<Augmenter[]> {
  const changed = run.plugins.filter(({ name }) => Object.hasOwn(overrides, name));
  if (changed.length === 0) return openAugmenters(run);
  const options = new Map(
    changed.map(({ name, options: own }) => [name, { ...asMap(own), ...overrides[name] }]),
  );
  return checkChain(await run.providersUnder(AUGMENTER, options));
}

function checkChain(providers: readonly Provided<Augmenter>[]): Augmenter[] {
  const owners = new Map<string, string>();
  let editor: string | undefined;
  for (const { plugin, value } of providers) {
    for (const purpose of value.purposes) {
      const other = owners.get(purpose);
      if (other !== undefined) throw augmenterPurpose(purpose, other, plugin);
      owners.set(purpose, plugin);
    }
    if (value.captions === "edits") editor ??= plugin;
    if (value.captions === "chooses" && editor !== undefined) throw augmenterOrder(plugin, editor);
  }
  return providers.map(({ value }) => value);
}
