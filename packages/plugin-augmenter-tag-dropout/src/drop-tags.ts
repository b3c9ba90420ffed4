import {
  type Augmenter,
  type Caption,
  type Chance,
  changeCaptions,
  type Dice,
  editCaption,
  foldPhrase,
  purposesFor,
  type Row,
} from "@hyfw/core";
import { patternInvalid } from "./errors.js";
import { type CaptionTags, findTags, type TagPlace } from "./find-tags.js";
import { categoryChances, type TagDropoutOptions } from "./options.js";
import { PURPOSES } from "./purposes.js";
import { removeTags, type Unwanted } from "./remove-tags.js";
import { surveyCategories } from "./survey-categories.js";

/**
 * Takes tags out of captions, so that the model learns pictures with and without them: by category of the row's tags,
 * or by spelling. All copies of a tag go, in lists and in sentences. A caption never becomes empty.
 * @throws HYFW_TAG_PATTERN when a pattern is no regular expression
 */
export function dropTags(options: TagDropoutOptions): Augmenter {
  const { draw, patterns } = options;
  const rules = rulesOf(options);
  const change = (row: Row, caption: Caption, dice: Dice, own: string): Caption => {
    const drawn = drawCategories(row, rules, dice, own);
    const spellings = rules.patterns.filter(
      ({ pattern, probability }) =>
        dice.stream(`${PURPOSES.pattern}${own}:${pattern}`).uniform() < probability,
    );
    if (!drawn.any && spellings.length === 0) return caption;
    const tags = findTags(caption.text, row);
    const unwanted = [
      ...tags.places.flatMap((place) => {
        const category = isKept(place, rules)
          ? undefined
          : place.categories.find((one) => drawn.has(one, place.tag));
        return category === undefined ? [] : [{ start: place.start, end: place.end, category }];
      }),
      ...spelledItems(caption.text, tags, spellings, rules),
    ];
    const edits = removeTags(caption.text, tags.items, notOverlapping(unwanted));
    return edits.length === 0 ? caption : editCaption(caption, edits);
  };
  return {
    name: "tag-dropout",
    purposes: [
      ...purposesFor(PURPOSES.category, draw),
      ...purposesFor(PURPOSES.tag, draw),
      ...(patterns.length > 0 ? purposesFor(PURPOSES.pattern, draw) : []),
    ],
    captions: "edits",
    chances: chancesOf(rules),
    survey: () => surveyCategories(rules.chances),
    augment: (sample, dice) =>
      changeCaptions(sample, draw, (caption, own) => change(sample.row, caption, dice, own)),
  };
}

interface Spelling {
  readonly pattern: string;
  readonly match: RegExp;
  readonly probability: number;
}

interface Rules {
  readonly chances: ReadonlyMap<string, number>;
  readonly perTag: ReadonlySet<string>;
  readonly keep: ReadonlySet<string>;
  readonly patterns: readonly Spelling[];
  readonly copyrightTakesCharacters: boolean;
}

function rulesOf(options: TagDropoutOptions): Rules {
  const { perTag, keep, patterns, copyrightTakesCharacters } = options;
  return {
    chances: categoryChances(options),
    perTag: new Set(perTag),
    keep: new Set(keep.map(foldPhrase)),
    patterns: patterns.map((one) => ({ ...one, match: regExp(one.pattern) })),
    copyrightTakesCharacters,
  };
}

function regExp(pattern: string): RegExp {
  try {
    return new RegExp(pattern, "u");
  } catch (cause) {
    throw patternInvalid(pattern, cause);
  }
}

function isKept({ tag }: Pick<TagPlace, "tag">, { keep }: Pick<Rules, "keep">): boolean {
  return keep.has(tag);
}

interface DrawnCategories {
  /** Whether anything at all was drawn that could leave. */
  readonly any: boolean;
  /** Whether a tag leaves as one of this category. */
  has(category: string, tag: string): boolean;
}

/** Draws for every category, or for its tags, whether they leave. */
function drawCategories(row: Row, rules: Rules, dice: Dice, own: string): DrawnCategories {
  const { chances, perTag, copyrightTakesCharacters } = rules;
  const whole = new Set<string>();
  for (const [category, probability] of chances)
    if (
      !perTag.has(category) &&
      dice.stream(`${PURPOSES.category}${own}:${category}`).uniform() < probability
    )
      whole.add(category);
  const isDrawn = (category: string, tag: string): boolean =>
    perTag.has(category)
      ? dice.stream(`${PURPOSES.tag}${own}:${category}/${tag}`).uniform() < (chances.get(category) ?? 0)
      : whole.has(category);
  const copyrights = copyrightTakesCharacters ? (row.tags.copyright ?? []).map(foldPhrase) : [];
  const gone = copyrights.filter((tag) => !rules.keep.has(tag) && isDrawn("copyright", tag));
  const goesAlong = (tag: string): boolean =>
    gone.length > 0 && (gone.length === copyrights.length || gone.some((name) => tag.endsWith(`(${name})`)));
  return {
    any:
      whole.size > 0 || gone.length > 0 || [...perTag].some((category) => (chances.get(category) ?? 0) > 0),
    has: (category, tag) => isDrawn(category, tag) || (category === "character" && goesAlong(tag)),
  };
}

/** Whole items that a pattern fits. */
function spelledItems(
  text: string,
  { items }: CaptionTags,
  spellings: readonly Pick<Spelling, "match" | "pattern">[],
  rules: Rules,
): Unwanted[] {
  return items.flatMap(({ start, end }): Unwanted[] => {
    const item = text.slice(start, end);
    if (item === "" || isKept({ tag: foldPhrase(item) }, rules)) return [];
    const fits = spellings.find(({ match }) => match.test(item));
    return fits === undefined ? [] : [{ start, end, category: fits.pattern }];
  });
}

/** In the order of their places; one that lies in another, or repeats it, is left out. */
function notOverlapping(list: readonly Unwanted[]): Unwanted[] {
  const sorted = [...list].sort((a, b) => a.start - b.start || b.end - a.end);
  const apart: Unwanted[] = [];
  for (const one of sorted) if (one.start >= (apart.at(-1)?.end ?? 0)) apart.push(one);
  return apart;
}

function chancesOf(rules: Rules): Chance[] {
  const { chances, perTag, patterns } = rules;
  // All chances of one row are asked for one after the other.
  let last: { captions: readonly Caption[]; tags: readonly CaptionTags[] } | undefined;
  const tagsIn = (row: Row, captions: readonly Caption[]): readonly CaptionTags[] => {
    if (last?.captions !== captions)
      last = { captions, tags: captions.map(({ text }) => findTags(text, row)) };
    return last.tags;
  };
  return [
    ...[...chances].map(
      ([category, probability]): Chance => ({
        setting: `categories.${category}`,
        probability,
        what: perTag.has(category)
          ? `each ${category} tag leaves the caption`
          : `${category} tags leave the caption`,
        touches: (row, captions) =>
          tagsIn(row, captions).some(({ places }) =>
            places.some((place) => place.categories.includes(category) && !isKept(place, rules)),
          ),
      }),
    ),
    ...patterns.map(
      (one): Chance => ({
        setting: `patterns ${one.pattern}`,
        probability: one.probability,
        what: "tags of this spelling leave the caption",
        touches: (row, captions) =>
          tagsIn(row, captions).some(
            (tags, n) => spelledItems(captions[n]?.text ?? "", tags, [one], rules).length > 0,
          ),
      }),
    ),
  ];
}
