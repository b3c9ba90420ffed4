import { csvHeader } from "../errors.js";
import type { CsvRecord } from "./csv-split.js";
import type { Refusal } from "./source.js";

/** How the records of a CSV become rows. */
export interface CsvLayout {
  readonly hasHeader: boolean;
  /** Names of the fields in file order; the picture's is `IMAGE`. An empty name is a column that is not read. */
  readonly columns: readonly string[];
  /** Field that takes commas which are not quoted; null when a field too many is a fault of the file. */
  readonly absorbing: number | null;
  /** Whether the caption's first words are also the style. */
  readonly styleInCaption: boolean;
}

/** What a person may say about the layout. */
export interface CsvSettings {
  readonly header?: boolean | undefined;
  readonly columns?: readonly string[] | undefined;
  readonly commas?: "strict" | "caption" | undefined;
  readonly styleWords?: readonly string[] | undefined;
  /** Column that a column named `caption`, `text` or `prompt` becomes. */
  readonly captionAs?: string | undefined;
}

/** Stands for the picture's column, whatever the file calls it. */
export const IMAGE = "\0image";

const OFFICIAL_IMAGE = ["img_path", "image_path"];
const IMAGE_NAMES = [
  ...OFFICIAL_IMAGE,
  "path",
  "image",
  "img",
  "file",
  "file_name",
  "filename",
  "image_file",
  "file_path",
];
const CAPTION_NAMES = ["caption", "text", "prompt", "description"];
const CAPTION_COLUMN = /^text_(zh|en)[1-5]?$/;
const PICTURE = /\.(jpe?g|jfif|png|webp|gif|bmp|tiff?|avif|heic|heif|jp2|jxl|ppm|tga)$/i;
const STYLE_WORDS = /^([^\s,，、:：;；。.!！?？"“”]{1,12}风格)(?=$|[\s,，、:：;；。的])/u;

/** Columns that hyfw computes from the picture, whatever a source says. */
export const COMPUTED: ReadonlySet<string> = new Set(["md5", "width", "height", "image"]);

/** Whether a field reads like the path of a picture. */
export function looksLikePath(field: string): boolean {
  const text = field.trim();
  return PICTURE.test(text) && !/[\n\r，。]/.test(text);
}

/**
 * The layout of a CSV from its first records and what a person said.
 * @throws HYFW_CSV_HEADER when it cannot be told
 */
export function recogniseLayout(
  file: string,
  records: readonly CsvRecord[],
  settings: CsvSettings = {},
): CsvLayout {
  const first = records[0]?.fields ?? [];
  const hasHeader =
    settings.header ?? (settings.columns !== undefined ? isHeader(first) : needsHeader(first));
  const captionAs = settings.captionAs ?? "text_zh";
  const body = records.slice(hasHeader ? 1 : 0);
  let layout: CsvLayout;
  if (settings.columns !== undefined)
    layout = named(file, settings.columns, { hasHeader, captionAs, isOfficial: false });
  else if (hasHeader)
    layout = named(file, first, { hasHeader, captionAs, isOfficial: isOfficialHeader(first) });
  else layout = headerless(file, body, captionAs);
  const absorbing =
    settings.commas === "strict"
      ? null
      : settings.commas === "caption"
        ? captionAt(file, layout)
        : layout.absorbing;
  return {
    ...layout,
    absorbing,
    styleInCaption: hasStyleWords({ ...layout, absorbing }, body, settings.styleWords),
  };
}

/** The layout as a sentence for people. */
export function describeLayout(layout: CsvLayout): string {
  const names = layout.columns
    .map((name) => (name === IMAGE ? "picture path" : name || "(not read)"))
    .join(", ");
  const commas =
    layout.absorbing === null
      ? "commas inside fields must be quoted"
      : `commas that are not quoted belong to ${layout.columns[layout.absorbing]}`;
  const style = layout.styleInCaption ? "; style: the caption's first words" : "";
  return `${layout.hasHeader ? "header" : "no header"}; columns ${names}; ${commas}${style}`;
}

/** The fields of a record by column, or why they cannot be told apart. */
export function fieldsOf(
  layout: CsvLayout,
  record: CsvRecord,
): { fields: readonly (string | null)[]; repairs: readonly string[] } | Refusal {
  const { columns, absorbing } = layout;
  const { fields } = record;
  const extra = fields.length - columns.length;
  const imageAt = columns.indexOf(IMAGE);
  if (absorbing !== null && fields.some(holdsRow))
    return ambiguous("a quoted field holds a line that looks like another row; a quote may be missing");
  if (absorbing === null || extra === 0)
    return { fields: columns.map((_, i) => fields[i] || null), repairs: [] };
  if (extra < 0) {
    // Which field is missing is clear only when the picture's is where it should be.
    if (!looksLikePath(fields[imageAt] ?? ""))
      return ambiguous(
        `it has ${fields.length} of ${columns.length} fields, and none in the picture's place`,
      );
    return { fields: columns.map((_, i) => fields[i] || null), repairs: [] };
  }
  const joined = fields.slice(absorbing, absorbing + extra + 1);
  for (let i = absorbing; i <= absorbing + extra; i++)
    if (record.quoted?.has(i)) return ambiguous("a field that would be joined to the caption is quoted");
  const told = [...fields.slice(0, absorbing), joined.join(","), ...fields.slice(absorbing + extra + 1)];
  const paths = fields.filter(looksLikePath).length;
  if (!looksLikePath(told[imageAt] ?? ""))
    return ambiguous(
      `it has ${fields.length} fields, and ${show(told[imageAt])} in the picture's place is no picture path`,
    );
  if (paths > 1) return ambiguous(`${paths} of its ${fields.length} fields look like picture paths`);
  return {
    fields: told.map((field) => field || null),
    repairs: [`${extra} unquoted comma(s) kept in the caption`],
  };
}

/** The style that a caption begins with, and the rest of the caption; undefined when it begins with none. */
export function styleOf(
  caption: string,
  words: readonly string[] | undefined,
): { style: string; rest: string } | undefined {
  const style =
    words === undefined || words.length === 0
      ? STYLE_WORDS.exec(caption)?.[1]
      : [...words].sort((a, b) => b.length - a.length).find((word) => caption.startsWith(word));
  if (style === undefined) return undefined;
  return { style, rest: caption.slice(style.length).replace(/^[\s,，、:：;；。的]+/u, "") };
}

function holdsRow(field: string): boolean {
  return /[\r\n]/.test(field) && field.split(/[\r\n]+/).some((line) => line.split(",").some(looksLikePath));
}

function ambiguous(detail: string): Refusal {
  return { reason: "ambiguous row", detail };
}

function show(field: string | undefined): string {
  const text = field ?? "";
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}

function isOfficial(name: string): boolean {
  return OFFICIAL_IMAGE.includes(name.trim().toLowerCase());
}

/** The official names are read by the official rules: no other spelling, and no comma that is not quoted. */
function isOfficialHeader(names: readonly string[]): boolean {
  return names.some(isOfficial) && names.some((name) => CAPTION_COLUMN.test(name.trim()));
}

function isHeader(fields: readonly string[]): boolean {
  const known = (name: string) => {
    const word = name.trim().toLowerCase();
    return IMAGE_NAMES.includes(word) || CAPTION_NAMES.includes(word) || CAPTION_COLUMN.test(word);
  };
  return fields.some(known) && !fields.some(looksLikePath);
}

/** A first record without any picture path is taken for a header, so that what is wrong with it can be said. */
function needsHeader(fields: readonly string[]): boolean {
  return !fields.some(looksLikePath);
}

function named(
  file: string,
  names: readonly string[],
  {
    hasHeader,
    captionAs,
    isOfficial: official,
  }: { hasHeader: boolean; captionAs: string; isOfficial: boolean },
): CsvLayout {
  const exact = (name: string) => names.indexOf(name);
  const twice = names.find((name, i) => name !== "" && names.indexOf(name) !== i);
  if (twice !== undefined)
    throw csvHeader(file, `column ${JSON.stringify(twice)} is there more than once`, [...names]);
  const plain = names.map((name) => name.trim().toLowerCase());
  const found = official
    ? [exact("img_path"), exact("image_path")].find((at) => at >= 0)
    : IMAGE_NAMES.map((name) => plain.indexOf(name)).find((at) => at >= 0);
  if (found === undefined) throw csvHeader(file, headerAdvice(names), [...names]);
  const hasCaption = plain.some((name) => CAPTION_COLUMN.test(name));
  const columns = names.map((name, i) => {
    if (i === found) return IMAGE;
    if (official) return name === "image_path" || COMPUTED.has(name) ? "" : name;
    const word = name.trim();
    if (!hasCaption && CAPTION_NAMES.includes(plain[i] ?? "")) return captionAs;
    return COMPUTED.has(word) || isOfficial(word) ? "" : word;
  });
  const again = columns.find((name, i) => name !== "" && columns.indexOf(name) !== i);
  if (again !== undefined) throw csvHeader(file, `two columns would become ${again}`, [...names]);
  const captions = columns.flatMap((name, i) => (CAPTION_COLUMN.test(name) ? [i] : []));
  const isPlain = columns.every((name) => name === IMAGE || name === "style" || CAPTION_COLUMN.test(name));
  const absorbing = !official && isPlain && captions.length === 1 ? (captions[0] ?? null) : null;
  return { hasHeader, columns, absorbing, styleInCaption: false };
}

/** Where the picture path stands in rows without a header, and what stands beside it. */
function headerless(file: string, rows: readonly CsvRecord[], captionAs: string): CsvLayout {
  const counts = { first: 0, last: 0, beforeLast: 0, other: 0 };
  let styled = 0;
  for (const { fields } of rows) {
    const at = fields.findIndex(looksLikePath);
    const only = at >= 0 && !fields.slice(at + 1).some(looksLikePath);
    if (only && at === 0) counts.first++;
    else if (only && at === fields.length - 1) counts.last++;
    else if (only && at === fields.length - 2) counts.beforeLast++;
    else counts.other++;
    if (at === 0 && fields.length >= 3 && isStyle(fields.at(-1) ?? "")) styled++;
  }
  const most = Math.max(counts.first, counts.last, counts.beforeLast);
  if (most < 0.9 * rows.length)
    throw csvHeader(
      file,
      `its columns cannot be told from the first ${rows.length} rows: the picture path comes first in ${counts.first}, last in ${counts.last}, last but one in ${counts.beforeLast}, elsewhere in ${counts.other}`,
      [...(rows[0]?.fields ?? [])],
    );
  const columns =
    most === counts.first
      ? rows.every(({ fields }) => fields.length === 1)
        ? [IMAGE]
        : styled >= 0.9 * rows.length
          ? [IMAGE, captionAs, "style"]
          : [IMAGE, captionAs]
      : most === counts.last
        ? [captionAs, IMAGE]
        : [captionAs, IMAGE, "style"];
  const caption = columns.indexOf(captionAs);
  return { hasHeader: false, columns, absorbing: caption < 0 ? null : caption, styleInCaption: false };
}

function isStyle(field: string): boolean {
  return /^\s*[^\s,，。]{1,12}(风格|style)\s*$/iu.test(field);
}

function captionAt(file: string, { columns }: CsvLayout): number {
  const captions = columns.flatMap((name, i) => (CAPTION_COLUMN.test(name) ? [i] : []));
  const [only, more] = captions;
  if (only === undefined || more !== undefined)
    throw csvHeader(
      file,
      `commas that are not quoted can belong to one caption column only, found ${captions.length}`,
      columns.map((name) => (name === IMAGE ? "picture path" : name)),
    );
  return only;
}

/** Whether the captions begin with a style: always when the words are given, else when half of the first rows do. */
function hasStyleWords(
  layout: CsvLayout,
  rows: readonly CsvRecord[],
  words: readonly string[] | undefined,
): boolean {
  const caption = layout.columns.findIndex((name) => CAPTION_COLUMN.test(name));
  if (caption < 0 || layout.columns.includes("style")) return false;
  if (words !== undefined && words.length > 0) return true;
  const captions = rows.flatMap((row) => {
    const told = fieldsOf(layout, row);
    const text = "fields" in told ? told.fields[caption] : null;
    return text ? [text] : [];
  });
  const styled = captions.filter((text) => styleOf(text, undefined) !== undefined).length;
  return captions.length > 0 && styled >= captions.length / 2;
}

function headerAdvice(names: readonly string[]): string {
  const near = names.find((name) => OFFICIAL_IMAGE.includes(name.trim().toLowerCase()));
  if (near !== undefined)
    return `column ${JSON.stringify(near)} must be spelt img_path or image_path, without blanks`;
  if (names.length === 1 && /[;\t]/.test(names[0] ?? ""))
    return "columns seem to be separated by semicolons or tabs; commas are needed";
  return "no column has picture paths: none is named img_path (or image_path, path, image, file), and none looks like one";
}
