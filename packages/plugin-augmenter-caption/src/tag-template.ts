import type { Rng, Row } from "@hyfw/core";
import type { TagTemplate } from "./options.js";
import { strip } from "./strip.js";

const HAN = /\p{Script=Han}/u;

/**
 * The caption that a template makes of a row's tags; "" when the row has none of its categories. A tag that stands in
 * two categories is written once.
 * @param rng what shuffling draws from; without it tags stay in their order
 */
export function writeTags({ tags }: Pick<Row, "tags">, template: TagTemplate, rng?: Rng): string {
  const { order, language, separator, shuffle, keepFirst, maxTags, underscores } = template;
  const seen = new Set<string>();
  const groups = order.map((category) =>
    ofLanguage((tags[category] ?? []).map(strip).filter(Boolean), language).filter((tag) => {
      const isNew = !seen.has(tag);
      seen.add(tag);
      return isNew;
    }),
  );
  const runs = shuffle === "all" ? [groups.flat()] : groups;
  let before = 0;
  const ordered = runs.flatMap((run) => {
    const kept = Math.min(run.length, Math.max(0, keepFirst - before));
    before += run.length;
    if (shuffle === "none" || rng === undefined) return run;
    return [...run.slice(0, kept), ...mixed(run.slice(kept), rng)];
  });
  const written = ordered.slice(0, maxTags ?? ordered.length);
  const spelt = underscores === "blanks" ? written.map((tag) => tag.replace(/_+/g, " ")) : written;
  return spelt.join(separator ?? (language === "zh" ? "，" : ", "));
}

function ofLanguage(tags: readonly string[], language: TagTemplate["language"]): readonly string[] {
  if (language === "any") return tags;
  const own = tags.filter((tag) => HAN.test(tag) === (language === "zh"));
  return own.length > 0 ? own : tags;
}

/** Fisher and Yates' shuffle. */
function mixed(tags: readonly string[], rng: Rng): string[] {
  const order = [...tags];
  for (let last = order.length - 1; last > 0; last--) {
    const other = rng.int(last + 1);
    [order[last], order[other]] = [order[other] ?? "", order[last] ?? ""];
  }
  return order;
}
