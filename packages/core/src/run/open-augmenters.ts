import { augmenterOrder, augmenterPurpose } from "../errors/plugins.js";
import { AUGMENTER, type Augmenter } from "../hooks/augmenter.js";
import type { LoadedRun } from "./container.js";

/**
 * The chain of augmenters in preset order, checked.
 * @throws HYFW_AUGMENTER_PURPOSE when two draw for one purpose, HYFW_AUGMENTER_ORDER when captions are chosen after
 * they were changed
 */
export function openAugmenters(run: Pick<LoadedRun, "providers">): Augmenter[] {
  const providers = run.providers(AUGMENTER);
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
