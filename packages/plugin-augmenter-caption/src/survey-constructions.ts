import type { Row, Survey, SurveyFact } from "@hyfw/core";
import type { Construction } from "./construction.js";
import { type CaptionOptions, DEFAULT_CAPTION } from "./options.js";

/** Counts constructions that hold no text, and names categories of templates that no row has. */
export function surveyConstructions(
  constructions: (row: Row) => readonly Construction[],
  options: Pick<CaptionOptions, "constructions" | "onEmpty">,
): Survey {
  const empty = new Map<string, number>();
  const wanted = new Set(options.constructions?.flatMap(({ tags }) => tags?.order ?? []));
  const present = new Set<string>();
  let without = 0;
  let rows = 0;
  return {
    add: (row, captions) => {
      rows += 1;
      if (captions.length === 0) without += 1;
      for (const category of Object.keys(row.tags)) present.add(category);
      for (const one of constructions(row))
        empty.set(one.name, (empty.get(one.name) ?? 0) + (one.write(row) === "" ? 1 : 0));
    },
    facts: () => {
      const facts: SurveyFact[] = [];
      const told = [...empty]
        .filter(([, count]) => count > 0)
        .map(([name, count]) =>
          count === rows
            ? `${name} in every row: check its name`
            : `${name} in ${count.toLocaleString("en")} row(s)`,
        );
      if (told.length > 0) facts.push({ label: "empty, skipped", fact: told.join(", ") });
      const absent = [...wanted].filter((category) => !present.has(category));
      if (absent.length > 0)
        facts.push({
          label: "categories in no row",
          fact: `${absent.join(", ")}: check the names; rows have ${[...present].sort().join(", ") || "no tags"}`,
        });
      const stops =
        options.onEmpty === "error" ? "the run stops at the first" : `trained as "${DEFAULT_CAPTION}"`;
      if (without > 0)
        facts.push({ label: "no caption at all", fact: `${without.toLocaleString("en")} row(s): ${stops}` });
      return facts;
    },
  };
}
