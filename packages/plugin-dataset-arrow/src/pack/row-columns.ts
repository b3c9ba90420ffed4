import { sourceColumns } from "../errors.js";
import { type PackOptions, TAG_CATEGORIES } from "./pack-options.js";
import type { Refusal } from "./source.js";

/** A row's cells under the names that the shards have. */
export interface RowColumns {
  /** Caption by column, `text_zh` among them; empty ones are null. */
  readonly captions: ReadonlyMap<string, string | null>;
  readonly tags: Readonly<Record<string, readonly string[]>>;
  /** Cells of the further columns, in the order of `ColumnPlan.extra`. */
  readonly extra: readonly (string | number | null)[];
  readonly repairs: readonly string[];
}

/** Columns of the shards beside the official five, and how a source's cells fill them. */
export interface ColumnPlan {
  /** Further columns in order, with their types. */
  readonly extra: readonly { readonly name: string; readonly type: "text" | "number" }[];
  /** Caption columns in the order in which they are looked at. */
  readonly captions: readonly string[];
  read(cells: readonly (string | null)[]): RowColumns | Refusal;
}

const CAPTION = /^text_(zh|en)[1-5]?$/;
const MOST_CONSTRUCTIONS = 5;

/**
 * Fits the columns of a source to those of the shards: constructions and lists get the names text_zh1 to text_zh5, tag columns are
 * gathered into `tags` as JSON, everything else is kept.
 * @throws HYFW_PACK_COLUMNS when a setting names a column that the source lacks
 */
export function planColumns(source: string, names: readonly string[], options: PackOptions): ColumnPlan {
  const asked = [
    ...options.constructions,
    ...options.numberColumns,
    ...(options.captionList === undefined ? [] : [options.captionList]),
    ...options.score.map((condition) => scoreColumn(condition)),
  ];
  const missing = asked.find((name) => !names.includes(name));
  if (missing !== undefined)
    throw sourceColumns(
      source,
      `a setting names the column ${JSON.stringify(missing)}, which is not there`,
      names,
      names,
    );
  const renamed = new Map(options.constructions.map((name, i) => [name, `text_zh${i + 1}`]));
  const listAt = options.captionList === undefined ? -1 : names.indexOf(options.captionList);
  const listed = listAt < 0 ? [] : Array.from({ length: MOST_CONSTRUCTIONS }, (_, i) => `text_zh${i + 1}`);
  const shown = names.map((name) => renamed.get(name) ?? name);
  const twice = [...shown, ...listed].find((name, i, all) => all.indexOf(name) !== i);
  if (twice !== undefined)
    throw sourceColumns(source, `two columns would become ${JSON.stringify(twice)}`, names, shown);
  const captions = [...new Set(["text_zh", ...shown.filter((name) => CAPTION.test(name)).sort(), ...listed])];
  const tagsAt = names.flatMap((name, i) => (isTagColumn(name) ? [i] : []));
  const others = shown.filter((name, i) => !CAPTION.test(name) && i !== listAt && name !== "tags");
  const numbers = new Set(options.numberColumns);
  const extra = [
    ...captions.filter((name) => name !== "text_zh").map((name) => ({ name, type: "text" as const })),
    ...others.map((name) => ({ name, type: numbers.has(name) ? ("number" as const) : ("text" as const) })),
    ...(tagsAt.length > 0 ? [{ name: "tags", type: "text" as const }] : []),
  ];
  const otherAt = others.map((name) => shown.indexOf(name));
  return {
    extra,
    captions,
    read: (cells) => {
      const repairs: string[] = [];
      const list = listAt < 0 ? [] : captionsOf(cells[listAt] ?? null);
      if (list.length > MOST_CONSTRUCTIONS)
        return {
          reason: "too many captions",
          detail: `${options.captionList} holds ${list.length}, the most is ${MOST_CONSTRUCTIONS}`,
        };
      const byName = new Map<string, string | null>();
      for (const name of captions) {
        const at = shown.indexOf(name);
        const inList = listed.indexOf(name);
        byName.set(name, (at >= 0 ? cells[at] : inList >= 0 ? list[inList] : null) ?? null);
      }
      if (byName.get("text_zh") === null && !names.includes("text_zh") && (listAt >= 0 || renamed.size > 0))
        byName.set(
          "text_zh",
          captions
            .slice(1)
            .filter((name) => /^text_zh\d/.test(name))
            .map((name) => byName.get(name))
            .find(Boolean) ?? null,
        );
      const tags = tagsOf(
        tagsAt.map((at) => [names[at] ?? "", cells[at] ?? null] as const),
        options.tagSeparator,
      );
      if ("reason" in tags) return tags;
      const values: (string | number | null)[] = captions.slice(1).map((name) => byName.get(name) ?? null);
      for (const [i, at] of otherAt.entries()) {
        const cell = cells[at] ?? null;
        if (!numbers.has(others[i] ?? "") || cell === null) values.push(cell);
        else {
          const number = Number(cell.trim());
          if (cell.trim() === "" || (Number.isNaN(number) && !/^nan$/i.test(cell.trim())))
            return {
              reason: "not a number",
              detail: `${others[i]} holds ${JSON.stringify(cell.slice(0, 40))}`,
            };
          values.push(number);
        }
      }
      if (tagsAt.length > 0)
        values.push(Object.keys(tags.found).length === 0 ? null : JSON.stringify(tags.found));
      return { captions: byName, tags: tags.found, extra: values, repairs };
    },
  };
}

/** The column of a condition such as `aesthetic>=5.5`. */
export function scoreColumn(condition: string): string {
  return (/^[^<>=]+/.exec(condition)?.[0] ?? "").trim();
}

/** One cell as tags: a JSON list, or words between separators; blanks around them are taken off, empty ones left out. */
export function splitTags(cell: string, separator: string | undefined): readonly string[] {
  const text = cell.trim();
  if (text.startsWith("[")) {
    try {
      const parsed: unknown = JSON.parse(text);
      if (Array.isArray(parsed)) return parsed.map((tag) => String(tag).trim()).filter((tag) => tag !== "");
    } catch {
      // A tag may begin with a bracket; then it is a list of words like any other.
    }
  }
  const sign = separator ?? ["|", ";", "；", ",", "，", "、"].find((one) => text.includes(one));
  const words = sign === undefined ? [text] : text.split(sign);
  return words.map((word) => word.trim()).filter((word) => word !== "");
}

function isTagColumn(name: string): boolean {
  return name === "tags" || (TAG_CATEGORIES as readonly string[]).includes(name);
}

function tagsOf(
  cells: readonly (readonly [string, string | null])[],
  separator: string | undefined,
): { found: Record<string, string[]> } | Refusal {
  const found = new Map<string, string[]>();
  const add = (category: string, tags: readonly string[]): void => {
    const list = found.get(category) ?? [];
    for (const tag of tags) if (!list.includes(tag)) list.push(tag);
    if (list.length > 0) found.set(category, list);
  };
  for (const [name, cell] of cells) {
    if (cell === null) continue;
    if (name !== "tags") add(name, splitTags(cell, separator));
    else if (cell.trim().startsWith("{")) {
      const map = tagMap(cell);
      if (map === undefined)
        return {
          reason: "tags unreadable",
          detail: `tags holds ${JSON.stringify(cell.slice(0, 60))}, expected lists of words by category`,
        };
      for (const [category, tags] of map) add(category, tags);
    } else add("general", splitTags(cell, separator));
  }
  const known = TAG_CATEGORIES.filter((name) => found.has(name));
  const more = [...found.keys()]
    .filter((name) => !(TAG_CATEGORIES as readonly string[]).includes(name))
    .sort();
  return { found: Object.fromEntries([...known, ...more].map((name) => [name, found.get(name) ?? []])) };
}

function tagMap(cell: string): [string, string[]][] | undefined {
  try {
    const parsed: unknown = JSON.parse(cell);
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return undefined;
    return Object.entries(parsed).map(([category, tags]): [string, string[]] => {
      const list: unknown[] = Array.isArray(tags) ? tags : [tags];
      if (list.some((tag) => typeof tag !== "string" && typeof tag !== "number"))
        throw new TypeError("no tag");
      return [category, list.map(String)];
    });
  } catch {
    return undefined;
  }
}

/** The captions of a list cell: JSON, or one a line. */
function captionsOf(cell: string | null): readonly string[] {
  if (cell === null) return [];
  if (cell.trim().startsWith("[")) {
    try {
      const parsed: unknown = JSON.parse(cell);
      if (Array.isArray(parsed))
        return parsed.map((one) => (typeof one === "string" ? one : "")).filter((one) => one !== "");
    } catch {
      // A caption may begin with a bracket.
    }
  }
  return cell.split(/\r?\n/).filter((line) => line.trim() !== "");
}
