/** A year or a time that stands for one, written somewhere in a text. */
export interface YearForm {
  readonly start: number;
  readonly end: number;
  /** The number, or undefined for a word such as `newest`. */
  readonly year: string | undefined;
}

const NUMBER =
  /(?<![\p{L}\p{N}_.])(?:year[\s_:]*)?((?:19|20)\d\d)[\s_]?年?(?![\p{N}\p{Script=Latin}_]|[.:]\d)/giu;
const WORD = /(?<![\p{L}\p{N}_])(?:newest|oldest|recent|mid|early|late|最新|最旧)(?![\p{L}\p{N}_])/giu;

/** Years from 1900 on in all their forms: `2021`, `year 2021`, `2021年`, and the words of age lists: `newest`. */
export function findYears(text: string): YearForm[] {
  const numbers = [...text.matchAll(NUMBER)].map((match) => ({ ...placeOf(match), year: match[1] }));
  const words = [...text.matchAll(WORD)].map((match) => ({ ...placeOf(match), year: undefined }));
  return [...numbers, ...words].sort((a, b) => a.start - b.start);
}

/** The numbers of years among tags. */
export function yearNumbers(tags: readonly string[]): ReadonlySet<string> {
  return new Set(tags.flatMap((tag) => findYears(tag).flatMap(({ year }) => year ?? [])));
}

function placeOf({ index, 0: found }: RegExpExecArray): { start: number; end: number } {
  const text = found.trimEnd();
  return { start: index, end: index + text.length };
}
