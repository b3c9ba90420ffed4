import { groupNothing, groupShadowed } from "../errors/optimizers.js";
import type { ParameterSlot } from "../hooks/model.js";
import type { OptimizerFacts, UpdateRule } from "../hooks/optimizer.js";
import { patternOf } from "../run/name-pattern.js";
import type { Settings } from "../settings/schema.js";

type Groups = Settings["train"]["groups"];

const USUAL: UpdateRule = { lr: 1 };

/** One rule for all tensors, and sums that are already whole: for an optimizer outside of a run. */
export const PLAIN_FACTS: OptimizerFacts = {
  ruleOf: () => USUAL,
  sum: (numbers) => Promise.resolve(numbers),
};

/** What one group came to. */
export interface FoundGroup {
  readonly patterns: readonly string[];
  readonly rule: UpdateRule;
  readonly slots: readonly ParameterSlot[];
}

/**
 * Deals trained tensors to the groups of the settings; of several that name one, the first gets it.
 * @param parameters whole ones, as the model has them
 * @throws HYFW_SETTINGS_GROUP_MATCH for a pattern that names nothing, HYFW_SETTINGS_GROUP_EMPTY
 */
export function findGroups(groups: Groups, parameters: readonly ParameterSlot[]): FoundGroup[] {
  const names = parameters.map(({ name }) => name);
  const taken = new Set<ParameterSlot>();
  return groups.map(({ match, lr = 1, weightDecay }, number) => {
    const patterns = match.map((text) => {
      const pattern = patternOf(text);
      if (!names.some((name) => pattern.test(name))) throw groupNothing(number, text, names);
      return pattern;
    });
    const slots = parameters.filter(
      (slot) => !taken.has(slot) && patterns.some((pattern) => pattern.test(slot.name)),
    );
    if (slots.length === 0) throw groupShadowed(number, match);
    for (const slot of slots) taken.add(slot);
    return { patterns: match, rule: { lr, ...(weightDecay !== undefined && { weightDecay }) }, slots };
  });
}

/** The rule of a tensor by its name, which stretches and copies of it have too. */
export function rulesOf(found: readonly FoundGroup[]): OptimizerFacts["ruleOf"] {
  const byName = new Map(found.flatMap(({ rule, slots }) => slots.map(({ name }) => [name, rule] as const)));
  return ({ name }) => byName.get(name) ?? USUAL;
}

/** A group in words for the plan: what it names, how much that is, what it gets. */
export function describeGroup({ patterns, rule, slots }: FoundGroup): string {
  const count = slots.reduce((sum, { shape }) => sum + shape.reduce((product, side) => product * side, 1), 0);
  const rates = [
    ...(rule.lr === 1 ? [] : [`learning rate × ${rule.lr}`]),
    ...(rule.weightDecay === undefined ? [] : [`weight decay ${rule.weightDecay}`]),
  ];
  const tensors = `${slots.length} tensor${slots.length === 1 ? "" : "s"}`;
  return `${patterns.join(", ")}: ${tensors}, ${count.toLocaleString("en")} parameters, ${rates.join(", ") || "as the others"}`;
}
