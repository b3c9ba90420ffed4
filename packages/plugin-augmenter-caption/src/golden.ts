import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Dice, diceFor, firstSample, givenText, type Row, z } from "@hyfw/core";
import type { GoldenCase } from "@hyfw/core/golden";
import { caption } from "./caption.js";
import { CaptionOptions, DEFAULT_CAPTION } from "./options.js";

const Texts = z.object({
  file: z.string(),
  rows: z.array(z.record(z.string(), z.unknown())).optional(),
});
const Sources = z.object({ files: z.array(Texts).optional(), columns_files: z.array(Texts).optional() });
const Index = z.object({ arrow_files: z.array(z.string()), cum_length: z.array(z.number()) });
const Items = z.object({
  sets: z.array(
    z.object({
      name: z.string(),
      settings: z.object({
        index_file: z.string(),
        enable_CN: z.boolean().default(true),
        uncond_p: z.number().default(0),
        uncond_p_t5: z.number().default(0),
      }),
      random_crop: z.string(),
      rows: z.array(z.object({ index: z.number(), clip_text: z.string(), t5_text: z.string() })),
    }),
  ),
});

type ItemSet = z.output<typeof Items>["sets"][number];

/** What the official tools make of a null cell. */
const OFFICIAL_NULL = "None";

/** The texts that the official data set hands to both tokenizers, against the captions that this plugin gives. */
export function* goldenCases(folder: string): Generator<GoldenCase> {
  const texts = new Map<string, NonNullable<z.output<typeof Texts>["rows"]>>();
  for (const name of ["official_arrow.json", "extra_arrow.json"]) {
    const { files = [], columns_files = [] } = read(folder, name, Sources) ?? {};
    for (const { file, rows } of [...files, ...columns_files]) if (rows !== undefined) texts.set(file, rows);
  }
  for (const set of read(folder, "items.json", Items)?.sets ?? []) {
    const name = `captions/${set.name}/${set.random_crop}`;
    try {
      yield { name, ...compareSet(folder, set, texts) };
    } catch (error) {
      yield { name, status: "failed", detail: error instanceof Error ? error.message : String(error) };
    }
  }
}

function compareSet(
  folder: string,
  { settings, rows }: ItemSet,
  texts: ReadonlyMap<string, readonly Record<string, unknown>[]>,
): Omit<GoldenCase, "name"> {
  const index = read(folder, settings.index_file, Index);
  if (index === undefined) throw new Error(`${settings.index_file} is missing`);
  const column = settings.enable_CN ? "text_zh" : "text_en";
  const options = {
    constructions: [{ column }],
    onEmpty: "default",
    uncondP: settings.uncond_p,
    uncondPT5: settings.uncond_p_t5,
  };
  const augmenter = caption(CaptionOptions.parse(options));
  let nulls = 0;
  for (const { index: row, clip_text, t5_text } of rows) {
    const shard = index.cum_length.findIndex((end) => row < end);
    const file = index.arrow_files[shard] ?? "";
    const cell = texts.get(file)?.[row - (index.cum_length[shard - 1] ?? 0)];
    if (cell === undefined) return { status: "skipped", detail: `no texts of ${file}` };
    const isNull = column in cell && cell[column] === null;
    const sample = augmenter.augment(firstSample(rowOf(cell), 0, GEOMETRY), diceAt(row));
    const found = [givenText(sample.caption), givenText(sample.captionT5)];
    // A null cell is no caption here; the official tools train the word None.
    const expected = [clip_text, t5_text].map((text) =>
      isNull && text === OFFICIAL_NULL ? DEFAULT_CAPTION : text,
    );
    if (isNull) nulls += 1;
    if (found[0] !== expected[0] || found[1] !== expected[1])
      return {
        status: "failed",
        detail: `row ${row}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`,
      };
  }
  const told = nulls === 0 ? "" : `; ${nulls} null cell(s) are no caption instead of the word None`;
  return { status: "passed", detail: `${rows.length} rows${told}` };
}

const SIZE = { height: 1, width: 1 };
const GEOMETRY = { resized: SIZE, crop: { top: 0, left: 0 }, resolution: SIZE, flip: false };

function rowOf(cells: Record<string, unknown>): Row {
  const texts = Object.entries(cells).filter((cell): cell is [string, string] => typeof cell[1] === "string");
  return {
    position: 0,
    id: "",
    arrowFile: "",
    rowInFile: 0,
    texts: Object.fromEntries(texts),
    tags: {},
    size: SIZE,
    imageBytes: 0,
  };
}

const diceAt = (row: number): Dice => diceFor(0, 0, String(row));

function read<Schema extends z.ZodType>(
  folder: string,
  name: string,
  schema: Schema,
): z.output<Schema> | undefined {
  const path = join(folder, name);
  if (!existsSync(path)) return undefined;
  return schema.parse(JSON.parse(readFileSync(path, "utf8")));
}
