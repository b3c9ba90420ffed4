import type { CheckedPicture } from "./check-picture.js";
import { importRule, type PackRule } from "./custom-rule.js";
import { mojibakeIn } from "./mojibake.js";
import type { PackOptions } from "./pack-options.js";
import { colourRange } from "./phash.js";
import { scoreColumn } from "./row-columns.js";
import type { Refusal } from "./source.js";

/** What rules before the picture is read may look at. */
export interface RowFacts {
  readonly row: number;
  readonly line: number | null;
  /** Path or name of the picture as the source has it. */
  readonly image: string | null;
  readonly captions: ReadonlyMap<string, string | null>;
  readonly tags: Readonly<Record<string, readonly string[]>>;
  /** Every column of the source by its name. */
  readonly columns: ReadonlyMap<string, string | null>;
}

/** One rule as it is declared: its reason in the ledger, the settings that switch it on, and what it finds. */
interface Rule<Facts> {
  readonly reason: string;
  readonly settings: readonly (keyof PackOptions)[];
  readonly says: string;
  /** Why the row is refused, or nothing. */
  check(facts: Facts, options: PackOptions): string | undefined;
}

/** The caption that rules look at: text_zh, or text_en where that is empty. */
export function mainCaption(
  captions: ReadonlyMap<string, string | null>,
): { column: string; text: string } | undefined {
  for (const [column, text] of captions) if (text !== null) return { column, text };
  return undefined;
}

const captionRule = (
  reason: string,
  settings: readonly (keyof PackOptions)[],
  says: string,
  check: (text: string, options: PackOptions) => string | undefined,
): Rule<RowFacts> => ({
  reason,
  settings,
  says,
  check: ({ captions }, options) => {
    const caption = mainCaption(captions);
    return caption === undefined ? undefined : check(caption.text, options);
  },
});

/** Rules that need no picture, in the order in which they are asked. */
export const ROW_RULES: readonly Rule<RowFacts>[] = [
  {
    reason: "caption empty",
    settings: ["refuseEmptyCaption"],
    says: "no caption column holds anything but blanks",
    check: ({ captions }, { refuseEmptyCaption }) =>
      refuseEmptyCaption && [...captions.values()].every((text) => text === null || text.trim() === "")
        ? `${[...captions.keys()].join(", ")} empty`
        : undefined,
  },
  captionRule(
    "caption too short",
    ["minCaptionChars"],
    "the caption has fewer characters",
    (text, { minCaptionChars }) => {
      const length = charactersOf(text);
      return length < minCaptionChars ? `${length} characters, the least is ${minCaptionChars}` : undefined;
    },
  ),
  captionRule(
    "caption too long",
    ["maxCaptionChars"],
    "the caption has more characters",
    (text, { maxCaptionChars }) => {
      const length = charactersOf(text);
      return maxCaptionChars !== undefined && length > maxCaptionChars
        ? `${length} characters, the most is ${maxCaptionChars}`
        : undefined;
    },
  ),
  captionRule(
    "caption mojibake",
    ["refuseMojibake"],
    "the caption was read in a wrong encoding",
    (text, { refuseMojibake }) => (refuseMojibake ? mojibakeIn(text) : undefined),
  ),
  captionRule(
    "caption language",
    ["captionLanguage"],
    "too few of its letters belong to the language",
    (text, { captionLanguage }) => {
      if (captionLanguage === undefined) return undefined;
      const letters = text.match(/\p{L}/gu)?.length ?? 0;
      const own =
        text.match(captionLanguage === "zh" ? /\p{Script=Han}/gu : /\p{Script=Latin}/gu)?.length ?? 0;
      const least = captionLanguage === "zh" ? 0.3 : 0.7;
      return letters === 0 || own < least * letters
        ? `${own} of ${letters} letters are ${captionLanguage === "zh" ? "Han" : "Latin"}`
        : undefined;
    },
  ),
  {
    reason: "tag not allowed",
    settings: ["tagAllow"],
    says: "none of the row's tags is in the list",
    check: ({ tags }, { tagAllow }) =>
      tagAllow.length > 0 && foundTag(tags, tagAllow) === undefined ? "none of the allowed tags" : undefined,
  },
  {
    reason: "tag blocked",
    settings: ["tagBlock"],
    says: "one of the row's tags is in the list",
    check: ({ tags }, { tagBlock }) => foundTag(tags, tagBlock),
  },
  {
    reason: "score",
    settings: ["score"],
    says: "a condition on a number column does not hold, or the cell is no number",
    check: ({ columns }, { score }) => {
      for (const condition of score) {
        const cell = columns.get(scoreColumn(condition)) ?? null;
        if (!scoreHolds(condition, cell))
          return `${condition} does not hold for ${cell === null ? "an empty cell" : JSON.stringify(cell.slice(0, 40))}`;
      }
      return undefined;
    },
  },
];

/** Rules about a picture that decodes, in the order in which they are asked, after the row rules. */
export const PICTURE_RULES: readonly Rule<CheckedPicture>[] = [
  {
    reason: "side too small",
    settings: ["minSide"],
    says: "width or height, after EXIF orientation, has fewer pixels",
    check: ({ width, height }, { minSide }) =>
      Math.min(width, height) < minSide ? `${width} x ${height}, the least side is ${minSide}` : undefined,
  },
  {
    reason: "area too small",
    settings: ["minArea"],
    says: "width times height has fewer pixels",
    check: ({ width, height }, { minArea }) =>
      width * height < minArea ? `${width} x ${height}, the least area is ${minArea}` : undefined,
  },
  {
    reason: "aspect",
    settings: ["aspect"],
    says: "width divided by height lies outside of the range",
    check: ({ width, height }, { aspect }) =>
      aspect !== undefined && (width / height < aspect[0] || width / height > aspect[1])
        ? `${width} x ${height} is ${(width / height).toFixed(3)}, the range is ${aspect[0]} to ${aspect[1]}`
        : undefined,
  },
  {
    reason: "blank",
    settings: ["blankRange"],
    says: "its 32 x 32 reduction has hardly more than one colour",
    check: ({ grid }, { blankRange }) => {
      if (blankRange === undefined || grid === undefined) return undefined;
      const range = colourRange(grid);
      return range <= blankRange
        ? `its colours differ by ${range} levels, more than ${blankRange} are needed`
        : undefined;
    },
  },
];

/** The rules that a person's settings switch on, together with modules of their own. */
export class PackRules {
  private constructor(
    readonly options: PackOptions,
    readonly own: readonly PackRule[],
  ) {}

  /** @throws HYFW_PACK_RULE when a module gives no rule */
  static async load(options: PackOptions, cwd: string): Promise<PackRules> {
    const own: PackRule[] = [];
    for (const module of options.rules) own.push(await importRule(module, cwd));
    return new PackRules(options, own);
  }

  /** The first rule that refuses a row before its picture is read. */
  forRow(facts: RowFacts): Refusal | undefined {
    return firstOf(ROW_RULES, facts, this.options);
  }

  /** The first rule that refuses a picture; rules of one's own come last. */
  async forPicture(row: RowFacts, picture: CheckedPicture): Promise<Refusal | undefined> {
    const found = firstOf(PICTURE_RULES, picture, this.options);
    if (found !== undefined) return found;
    for (const rule of this.own) {
      const detail = await rule.check({ ...row, ...picture });
      if (typeof detail === "string") return { reason: rule.name, detail };
    }
    return undefined;
  }
}

function firstOf<Facts>(
  rules: readonly Rule<Facts>[],
  facts: Facts,
  options: PackOptions,
): Refusal | undefined {
  for (const rule of rules) {
    const detail = rule.check(facts, options);
    if (detail !== undefined) return { reason: rule.reason, detail };
  }
  return undefined;
}

/** Characters as people count them in a setting: code points. */
function charactersOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}

function foundTag(
  tags: Readonly<Record<string, readonly string[]>>,
  wanted: readonly string[],
): string | undefined {
  if (wanted.length === 0) return undefined;
  const list = new Set(wanted.map(plainTag));
  for (const [category, words] of Object.entries(tags))
    for (const word of words)
      if (list.has(plainTag(word)) || list.has(plainTag(`${category}:${word}`)))
        return `${category}: ${word}`;
  return undefined;
}

function plainTag(tag: string): string {
  return tag.trim().toLowerCase().replaceAll("_", " ");
}

function scoreHolds(condition: string, cell: string | null): boolean {
  const [, sign, text] = /(>=|<=|>|<)\s*(.+)$/.exec(condition) ?? [];
  const value = cell === null || cell.trim() === "" ? Number.NaN : Number(cell);
  const limit = Number(text);
  if (Number.isNaN(value)) return false;
  if (sign === ">=") return value >= limit;
  if (sign === "<=") return value <= limit;
  return sign === ">" ? value > limit : value < limit;
}
