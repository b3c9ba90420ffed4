import type { z } from "zod";
import type { HyfwError } from "../define-error.js";
import { settingUnknown } from "../errors/settings.js";
import { AUGMENTER } from "../hooks/augmenter.js";
import type { NamedPlugin } from "../plugin/load.js";
import { asMap, formatPath, isPlainObject, type SettingPath } from "../settings/path.js";
import type { Settings } from "../settings/schema.js";
import { suggest } from "../settings/suggest.js";
import type { CheckFacts } from "./check.js";
import { type MergedNode, originAt } from "./merge.js";
import { formatOrigin } from "./origin.js";
import { isDataset } from "./path-options.js";

type Phase = Settings["phases"][number];
type Overrides = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** A plugin with what was written for it, defaults included, and that once checked. */
export interface CheckedPlugin extends NamedPlugin {
  readonly written: unknown;
  /** Undefined when it was wrong. */
  readonly options: unknown;
}

interface PhaseCheck {
  /** Checks a value, notes what is wrong, and gives it with defaults. */
  check(schema: z.ZodType, value: unknown, facts: Omit<CheckFacts, "schema" | "merged" | "cwd">): unknown;
  readonly merged: MergedNode | undefined;
  readonly cwd: string;
  readonly problems: HyfwError[];
}

/** Phases whose options for the data set and for augmenters are checked by those plugins' own schemas. */
export function checkPhases(
  phases: readonly Phase[],
  plugins: readonly CheckedPlugin[],
  facts: PhaseCheck,
): Phase[] {
  return phases.map((phase, index) => {
    const owner = `phase ${phase.name}`;
    const at = ["phases", index];
    const data = checkData(phase.data, plugins, { ...facts, owner, path: [...at, "data"] });
    const own = checkPlugins(phase.plugins, plugins, { ...facts, owner, path: [...at, "plugins"] });
    const mix = phase.mix?.map((source, n) => {
      const name = `${owner}, data set ${source.name}`;
      const path = [...at, "mix", n];
      const under = { ...phase.data, ...source.data };
      return {
        ...source,
        data: checkData(under, plugins, { ...facts, owner: name, path: [...path, "data"] }),
        ...checkPlugins(layOver(phase.plugins ?? {}, source.plugins ?? {}), plugins, {
          ...facts,
          owner: name,
          path: [...path, "plugins"],
        }),
      };
    });
    return { ...phase, data, ...own, ...(mix !== undefined && { mix }) };
  });
}

interface PlaceFacts extends PhaseCheck {
  readonly owner: string;
  readonly path: SettingPath;
}

/** Given options over those of the data set's plugin, checked; those that were given come back. */
function checkData(
  given: Readonly<Record<string, unknown>>,
  plugins: readonly CheckedPlugin[],
  { check, owner, path }: PlaceFacts,
): Record<string, unknown> {
  const dataset = plugins.find((plugin) => isDataset(plugin));
  if (dataset?.options === undefined) return { ...given };
  const whole = { ...asMap(dataset.written), ...given };
  return only(check(dataset.definition.options, whole, { prefix: path, owner }), given);
}

/** Given options over those of augmenters, checked; of each plugin those that were given come back. */
function checkPlugins(
  given: Overrides | undefined,
  plugins: readonly CheckedPlugin[],
  { check, merged, cwd, problems, owner, path }: PlaceFacts,
): { plugins?: Record<string, Record<string, unknown>> } {
  if (given === undefined) return {};
  const augmenters = plugins.filter(isAugmenter);
  const valid = augmenters.map(({ name }) => name);
  const checked = Object.entries(given).flatMap(([name, options]) => {
    const plugin = augmenters.find((one) => one.name === name);
    if (plugin === undefined) {
      const near = suggest(name, valid);
      const setBy = originAt(merged, path.slice(0, 1));
      problems.push(
        settingUnknown(
          formatPath([...path, name]),
          setBy === undefined ? owner : formatOrigin(setBy, cwd),
          near && formatPath([...path, near]),
          valid,
        ),
      );
      return [];
    }
    if (plugin.options === undefined) return [];
    const whole = layOver(asMap(plugin.written), options);
    const found = check(plugin.definition.options, whole, { prefix: [...path, name], owner });
    return [[name, only(found, options)] as const];
  });
  return { plugins: Object.fromEntries(checked) };
}

/** Whether a plugin only augments, so that a phase may have it with other options. */
function isAugmenter({ definition: { provides } }: NamedPlugin): boolean {
  return provides.length > 0 && provides.every(({ key }) => key === AUGMENTER.key);
}

function only(found: unknown, given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(asMap(found)).filter(([key]) => Object.hasOwn(given, key)));
}

/** Maps are merged, everything else is replaced. */
function layOver<Value>(
  under: Readonly<Record<string, Value>>,
  over: Readonly<Record<string, Value>>,
): Record<string, Value> {
  const merged: Record<string, Value> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isPlainObject(below) && isPlainObject(value) ? (layOver(below, value) as Value) : value;
  }
  return merged;
}
