import { z } from "@hyfw/core";
import { arrowRow } from "./errors.js";

const Tags = z.record(z.string(), z.array(z.string()));

/**
 * The tags of a row by category, from JSON such as `{"year": ["2015"]}`.
 * @throws HYFW_ARROW_ROW naming the cell when it is anything else
 */
export function parseTags(
  text: string,
  cell: { file: string; row: number; column: string },
): Readonly<Record<string, readonly string[]>> {
  const parsed = Tags.safeParse(jsonOf(text));
  if (parsed.success) return parsed.data;
  const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  throw arrowRow(
    cell.file,
    cell.row,
    `column ${JSON.stringify(cell.column)} must hold a JSON object of lists of words, found ${shown}`,
    'write for example {"year": ["2015"], "group": ["smileys"]}, or name another dataset.tagsColumn',
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
