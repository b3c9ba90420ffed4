import type { CaptionEdit } from "@hyfw/core";
import type { CaptionItem } from "./caption-items.js";

/** A stretch of a caption that has to go. */
export interface Unwanted {
  readonly start: number;
  readonly end: number;
  readonly category: string;
}

/** Words that only lead to a tag of their category, and go with it. */
const LEAD_INS: Readonly<Record<string, RegExp>> = {
  copyright:
    /(?:\bfrom(?: the (?:series|game|anime|manga|film|movie))?\s+|\b(?:copyright|series)\s*[:：]\s*|来自|出自|作品[:：]\s*)$/iu,
  artist:
    /(?:\b(?:(?:drawn|painted|art|artwork|illustration) )?by\s+|\bartist\s*[:：]\s*|画师[:：]?\s*|作者[:：]?\s*)$/iu,
  character: /(?:\bcharacter\s*[:：]\s*|角色[:：]\s*)$/iu,
  year: /(?:\b(?:in|from) (?:the year )?|\byear\s*[:：]\s*|年份[:：]\s*)$/iu,
};
const BRACKETS = new Set([
  "()",
  "（）",
  "[]",
  "【】",
  "《》",
  "〈〉",
  "「」",
  "『』",
  "“”",
  '""',
  "''",
  "‘’",
  "{}",
]);
const CONTENT = /[\p{L}\p{N}\p{S}]/u;
const WEIGHT = /:\d+(?:\.\d+)?/g;

/**
 * The edits that take stretches out of a caption: a whole item goes with its separator; inside an item the words that
 * led to the tag, brackets left empty and a double blank go too. When nothing would be left the last item stays.
 * @param unwanted by rising place, not overlapping
 */
export function removeTags(
  text: string,
  items: readonly CaptionItem[],
  unwanted: readonly Unwanted[],
): CaptionEdit[] {
  const inItem = items.map((item) =>
    unwanted.filter(({ start, end }) => start >= item.start && end <= item.end),
  );
  const stretches = inItem.map((list, n) => list.map((one) => widened(text, items[n] as CaptionItem, one)));
  const hasText = (n: number, without: readonly Unwanted[]): boolean => {
    const { start, end } = items[n] as CaptionItem;
    let rest = "";
    let done = start;
    for (const one of without) {
      rest += text.slice(done, one.start);
      done = one.end;
    }
    return CONTENT.test((rest + text.slice(done, end)).replace(WEIGHT, ""));
  };
  const holds = items.map((_, n) => hasText(n, []));
  const stays = items.map((_, n) => hasText(n, stretches[n] ?? []));
  if (!stays.includes(true)) {
    const last = holds.lastIndexOf(true);
    if (last < 0) return [];
    stays[last] = true;
    stretches[last] = [];
  }
  const edits: CaptionEdit[] = [];
  let isFirst = true;
  for (const [n, item] of items.entries()) {
    const own = stretches[n] ?? [];
    if (stays[n] === true) {
      for (const { start, end, category } of own) edits.push({ start, end, to: "", why: reason(category) });
      isFirst = false;
    } else if (own.length > 0) {
      const next = items[n + 1];
      const start = isFirst ? item.start : item.separator;
      const end = isFirst ? (next?.start ?? item.end) : item.end;
      const why = reason([...new Set(own.map(({ category }) => category))].join(", "));
      if (end > start) edits.push({ start, end, to: "", why });
    }
  }
  return edits;
}

const reason = (category: string): string => `tag-dropout: ${category}`;

/** A stretch inside an item with what has no sense without it. */
function widened(text: string, item: CaptionItem, { start, end, category }: Unwanted): Unwanted {
  const lead = LEAD_INS[category]?.exec(text.slice(item.start, start));
  let from = lead ? item.start + lead.index : start;
  let until = end;
  while (from > item.start && until < item.end && BRACKETS.has(text.charAt(from - 1) + text.charAt(until))) {
    from -= 1;
    until += 1;
  }
  if (!lead && from < start) {
    const before = LEAD_INS[category]?.exec(text.slice(item.start, from));
    if (before) from = item.start + before.index;
  }
  // 来自东方的灵梦: without its first part, 的 joins nothing.
  if (from < start && /[来出]自/u.test(text.slice(from, start)) && text.charAt(until) === "的") until += 1;
  const isBlank = (at: number): boolean => at >= item.start && at < item.end && /\s/u.test(text.charAt(at));
  if (
    from > item.start &&
    isBlank(from - 1) &&
    (until >= item.end || !/[\p{L}\p{N}]/u.test(text.charAt(until)))
  )
    from -= 1;
  else if (from === item.start && isBlank(until)) until += 1;
  return { start: from, end: until, category };
}
