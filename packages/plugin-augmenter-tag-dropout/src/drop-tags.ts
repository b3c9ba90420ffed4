import { type Augmenter, z } from "@hyfw/core";
import { patternInvalid } from "./errors.js";

const CATEGORIES = "tag-dropout/category";
const PATTERNS = "tag-dropout/pattern";

const chance = z.number().min(0).max(1);

/** Options of the tag dropout. */
export const TagDropoutOptions = z.strictObject({
  categories: z
    .record(z.string(), chance)
    .default({ year: 0.1, meta: 0.1, quality: 0.1, rating: 0.1 })
    .describe("Chance, by category of the row's tags, that all its tags leave the caption."),
  patterns: z
    .array(
      z.strictObject({
        pattern: z.string().describe("Regular expression that a whole tag is searched with."),
        probability: chance.default(0.1).describe("Chance that such tags leave the caption."),
      }),
    )
    .default([])
    .describe("Tags to drop by their spelling, for rows without tag categories."),
});

/** What a person's settings become: nothing missing. */
export type TagDropoutOptions = z.output<typeof TagDropoutOptions>;

/**
 * Drops tags from the caption, category by category, so that the model learns pictures with and without year, meta words and the like.
 * A caption is a list parted by `,` `，` `、`; a tag goes with the separator before it. The last tag left is kept. One number is drawn per
 * category and per pattern, whether or not the row has such tags.
 * @throws HYFW_TAG_PATTERN when a pattern is no regular expression
 */
export function dropTags({ categories, patterns }: TagDropoutOptions): Augmenter {
  const names = Object.keys(categories).sort();
  const spellings = patterns.map(({ pattern, probability }) => ({
    match: regExp(pattern),
    pattern,
    probability,
  }));
  return {
    name: "tag-dropout",
    purposes: [CATEGORIES, PATTERNS],
    augment: (sample, dice) => {
      const byCategory = dice.stream(CATEGORIES);
      const bySpelling = dice.stream(PATTERNS);
      const dropped = names.filter((name) => byCategory.uniform() < (categories[name] ?? 0));
      const unwanted = spellings.filter(({ probability }) => bySpelling.uniform() < probability);
      const reasons = new Map<string, string>();
      for (const name of dropped) for (const tag of sample.row.tags[name] ?? []) reasons.set(fold(tag), name);
      const why = (tag: string): string | undefined =>
        reasons.get(fold(tag)) ?? unwanted.find(({ match }) => match.test(tag))?.pattern;
      const { caption, gone } = withoutTags(sample.caption, why);
      if (gone.length === 0) return sample;
      return { ...sample, caption, notes: [...sample.notes, `tag-dropout: ${gone.join(", ")}`] };
    },
  };
}

function regExp(pattern: string): RegExp {
  try {
    return new RegExp(pattern, "u");
  } catch (cause) {
    throw patternInvalid(pattern, cause);
  }
}

/** Tags are alike whatever their case and whether blanks or underscores part their words. */
function fold(tag: string): string {
  return tag
    .trim()
    .replace(/[\s_]+/gu, " ")
    .toLowerCase();
}

/** The caption without the tags for which `why` gives a reason, and those reasons in order. */
function withoutTags(
  caption: string,
  why: (tag: string) => string | undefined,
): { caption: string; gone: string[] } {
  const [body, stop] = splitStop(caption);
  const parts = body.split(/([,，、])/u);
  const gone: string[] = [];
  let kept = "";
  let left = Math.ceil(parts.length / 2);
  for (let i = 0; i < parts.length; i += 2) {
    const tag = parts[i] ?? "";
    const reason = left > 1 ? why(tag.trim()) : undefined;
    if (reason !== undefined) {
      gone.push(reason);
      left--;
    } else
      kept =
        kept === ""
          ? tag.replace(/^\s+/u, gone.length > 0 ? "" : "$&")
          : `${kept}${parts[i - 1] ?? ""}${tag}`;
  }
  return { caption: `${kept}${stop}`, gone };
}

/** A full stop at the end belongs to the caption, not to its last tag. */
function splitStop(caption: string): [string, string] {
  const stop = /[.。!！?？]\s*$/u.exec(caption)?.[0] ?? "";
  return [caption.slice(0, caption.length - stop.length), stop];
}
