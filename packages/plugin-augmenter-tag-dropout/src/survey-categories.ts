import type { Survey } from "@hyfw/core";

/** Names the categories of the rows' tags that no setting speaks of. */
export function surveyCategories(chances: ReadonlyMap<string, number>): Survey {
  const rowsOf = new Map<string, number>();
  return {
    add: ({ tags }) => {
      for (const [category, list] of Object.entries(tags))
        if (list.length > 0) rowsOf.set(category, (rowsOf.get(category) ?? 0) + 1);
    },
    facts: () => {
      const shown = [...rowsOf]
        .filter(([category]) => !chances.has(category))
        .map(([category, count]) => `${category} in ${count.toLocaleString("en")} row(s)`);
      return shown.length === 0 ? [] : [{ label: "categories that stay", fact: shown.join(", ") }];
    },
  };
}
