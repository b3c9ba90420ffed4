import type { Survey } from "@hyfw/core";
import type { NameFinder } from "./name-finder.js";
import type { ListedName, NameTable } from "./name-table.js";

/** Counts the rows that hold each name, in any of the captions that they may be given. */
export function surveyNames({ names, ambiguous, sources }: NameTable, finder: NameFinder): Survey {
  const rowsOf = new Map<ListedName, number>();
  return {
    add: (_row, captions) => {
      const held = new Set(captions.flatMap((one) => finder.findIn(one).map(({ name }) => name)));
      for (const name of held) rowsOf.set(name, (rowsOf.get(name) ?? 0) + 1);
    },
    facts: () => {
      const count = (name: ListedName): number => rowsOf.get(name) ?? 0;
      const found = names.filter((name) => count(name) > 0).sort((a, b) => count(b) - count(a));
      const never = names.filter((name) => count(name) === 0);
      const many = (list: readonly unknown[]): string =>
        `${list.length.toLocaleString("en")} of ${names.length.toLocaleString("en")}`;
      const shown = ({ en, zh }: ListedName): string => `${en.join(" | ")} → ${zh.join(" | ")}`;
      return [
        ...sources.map((source) => ({ label: "table", fact: source })),
        {
          label: "names found",
          fact: many(found),
          items: found.map((name) => `${shown(name)}: ${count(name)} row(s)`),
        },
        { label: "names never found", fact: many(never), items: never.map(shown) },
        ...(ambiguous.length === 0
          ? []
          : [
              {
                label: "ambiguous names, left alone",
                fact: ambiguous.length.toLocaleString("en"),
                items: ambiguous.map(({ name, why }) => `${shown(name)}: ${why}; ${count(name)} row(s)`),
              },
            ]),
      ];
    },
  };
}
