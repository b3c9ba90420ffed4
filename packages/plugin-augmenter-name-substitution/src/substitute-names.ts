import { type Augmenter, type OptionMeta, z } from "@hyfw/core";
import { foldName, type NameEntry } from "./name-table.js";

const PURPOSE = "name-substitution/occurrence";
const path: OptionMeta & Record<string, unknown> = { path: true };

/** Options of the name substitution. */
export const NameSubstitutionOptions = z.strictObject({
  table: z
    .string()
    .describe(
      "File of English and Chinese names, one to one: a CSV with the columns en,zh, or a JSON object.",
    )
    .meta(path),
  probability: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe("Chance that one occurrence of an English name is replaced by the Chinese one."),
});

/** What a person's settings become: nothing missing. */
export type NameSubstitutionOptions = z.output<typeof NameSubstitutionOptions>;

/** Letters, digits and the underscore make a word; Chinese signs do not, so a name may stand right beside them. */
const WORD = "[\\p{Script=Latin}\\p{N}\\p{M}_]";
const WORD_START = new RegExp(`(?<!${WORD})[^\\s_]`, "gu");
const FIRST_RUN = /^(?:[\p{Script=Latin}\p{N}\p{M}]+|[\s\S])/u;

interface Pattern {
  readonly entry: NameEntry;
  readonly match: RegExp;
}

/**
 * Replaces English names by their Chinese ones, each occurrence by its own draw in reading order. Names match as whole words, whatever
 * their case and whether blanks or underscores part their words; where several fit, the longest is taken.
 * @param table one to one, as `readNameTable` gives it
 */
export function substituteNames(
  table: readonly NameEntry[],
  { probability }: Pick<NameSubstitutionOptions, "probability">,
): Augmenter {
  const byFirstRun = patternsByFirstRun(table);
  return {
    name: "name-substitution",
    purposes: [PURPOSE],
    augment: (sample, dice) => {
      const rng = dice.stream(PURPOSE);
      const replaced: string[] = [];
      let caption = "";
      let done = 0;
      for (const { index } of sample.caption.matchAll(WORD_START)) {
        if (index < done) continue;
        const found = longestAt(byFirstRun, sample.caption, index);
        if (found === undefined) continue;
        const takes = rng.uniform() < probability;
        const end = index + found.length;
        caption +=
          sample.caption.slice(done, index) + (takes ? found.entry.zh : sample.caption.slice(index, end));
        done = end;
        if (takes) replaced.push(`${found.entry.en} → ${found.entry.zh}`);
      }
      if (replaced.length === 0) return sample;
      caption += sample.caption.slice(done);
      return { ...sample, caption, notes: [...sample.notes, `name-substitution: ${replaced.join(", ")}`] };
    },
  };
}

function patternsByFirstRun(table: readonly NameEntry[]): Map<string, Pattern[]> {
  const patterns = new Map<string, Pattern[]>();
  const longestFirst = [...table].sort((a, b) => b.en.length - a.en.length);
  for (const entry of longestFirst) {
    const folded = foldName(entry.en);
    const source = folded
      .split(" ")
      .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"))
      .join("[\\s_]+");
    const key = FIRST_RUN.exec(folded)?.[0] ?? "";
    const known = patterns.get(key) ?? [];
    known.push({ entry, match: new RegExp(`${source}(?!${WORD})`, "iuy") });
    patterns.set(key, known);
  }
  return patterns;
}

function longestAt(
  patterns: ReadonlyMap<string, readonly Pattern[]>,
  text: string,
  at: number,
): { entry: NameEntry; length: number } | undefined {
  const run = FIRST_RUN.exec(text.slice(at, at + 64))?.[0].toLowerCase() ?? "";
  for (const { entry, match } of patterns.get(run) ?? []) {
    match.lastIndex = at;
    const found = match.exec(text);
    if (found !== null) return { entry, length: found[0].length };
  }
  return undefined;
}
