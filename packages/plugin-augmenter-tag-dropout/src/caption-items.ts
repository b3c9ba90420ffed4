/** One item of a caption that is a list, or the whole caption when it is not. */
export interface CaptionItem {
  /** Where the separator before it begins, with the blanks around it: the end of the item before, 0 for the first. */
  readonly separator: number;
  readonly start: number;
  readonly end: number;
}

const SEPARATOR = /[,，、;；|\n]/gu;
const STOP = /[.。!！?？…\s]*$/u;

/** The items of a caption between separators, blanks at their ends not counted; a full stop at its end is in none. */
export function captionItems(text: string): CaptionItem[] {
  const body = text.slice(0, STOP.exec(text)?.index ?? text.length);
  const items: CaptionItem[] = [];
  let from = 0;
  const add = (until: number): void => {
    const inside = body.slice(from, until);
    const start = from + (inside.length - inside.trimStart().length);
    items.push({ separator: items.at(-1)?.end ?? 0, start, end: start + inside.trim().length });
  };
  for (const { index } of body.matchAll(SEPARATOR)) {
    add(index);
    from = index + 1;
  }
  add(body.length);
  return items;
}
