import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "@hyfw/core";
import { check, type GoldenCase, load, type Outcome, same } from "@hyfw/core/golden";
import { openBertTokenizer } from "../tokenizers/bert-tokenizer.js";
import type { CaptionTokenizer } from "../tokenizers/caption-tokenizer.js";
import { openMt5Tokenizer } from "../tokenizers/mt5-tokenizer.js";

const ids = z.array(z.number());
const Encodings = z.object({
  rows: z.array(
    z.object({
      text: z.string(),
      bert_ids: ids,
      bert_mask: ids,
      bert_ids_cased: ids.nullable(),
      t5_ids_loader: ids,
      t5_mask: ids,
      t5_ids_pipeline: ids,
      t5_mask_pipeline: ids,
    }),
  ),
});
type Row = z.output<typeof Encodings>["rows"][number];

/** Ids and masks of awkward texts by both tokenizers, mT5's from each of its two files. */
export function* tokenizerCases(folder: string): Generator<GoldenCase> {
  const encodings = load(folder, "tokenizer_encodings.json", Encodings);
  if (encodings === undefined) return;
  const { rows } = encodings;
  const bert = join(folder, "tokenizer_bert");
  const mt5 = join(folder, "tokenizer_mt5");
  yield check("tokenizer_encodings/bert", () => compareBert(openBertTokenizer(bert), rows, "bert_ids"));
  yield check("tokenizer_encodings/bert cased", () =>
    withFiles(bert, ["vocab.txt"], (copy) => {
      writeFileSync(join(copy, "tokenizer_config.json"), '{"do_lower_case": false}');
      return compareBert(openBertTokenizer(copy), rows, "bert_ids_cased");
    }),
  );
  for (const file of ["tokenizer.json", "spiece.model"].filter((name) => existsSync(join(mt5, name))))
    yield check(`tokenizer_encodings/mt5 from ${file}`, () =>
      withFiles(mt5, [file, "tokenizer_config.json"], (copy) => compareMt5(openMt5Tokenizer(copy), rows)),
    );
}

function compareBert(
  tokenizer: CaptionTokenizer,
  rows: readonly Row[],
  key: "bert_ids" | "bert_ids_cased",
): Outcome {
  let compared = 0;
  for (const row of rows) {
    const expected = row[key] ?? row.bert_ids; // cased ids are there where they differ
    const { filled, mask } = fill(tokenizer, row.text, expected.length, tokenizer.padding);
    same(JSON.stringify(row.text), filled, expected);
    if (row[key] === row.bert_ids) same(`mask of ${JSON.stringify(row.text)}`, mask, row.bert_mask);
    compared++;
  }
  return { status: compared > 0 ? "passed" : "failed", detail: `ids and masks of ${compared} texts, exact` };
}

function compareMt5(tokenizer: CaptionTokenizer, rows: readonly Row[]): Outcome {
  for (const row of rows)
    for (const [expected, expectedMask, padding] of [
      [row.t5_ids_loader, row.t5_mask, 1],
      [row.t5_ids_pipeline, row.t5_mask_pipeline, 0],
    ] as const) {
      const { filled, mask } = fill(tokenizer, row.text, expected.length, padding);
      same(JSON.stringify(row.text), filled, expected);
      same(`mask of ${JSON.stringify(row.text)}`, mask, expectedMask);
    }
  const detail = `ids and masks of ${rows.length} texts, padded for training and for sampling, exact`;
  return { status: rows.length > 0 ? "passed" : "failed", detail };
}

function fill(
  tokenizer: CaptionTokenizer,
  text: string,
  length: number,
  padding: number,
): { readonly filled: number[]; readonly mask: number[] } {
  const real = tokenizer.cut(tokenizer.encode(text), length);
  const filler = new Array<number>(length - real.length);
  return {
    filled: [...real, ...filler.fill(padding)],
    mask: Array.from({ length }, (_, i) => (i < real.length ? 1 : 0)),
  };
}

/** A folder of its own with copies of some files of another, as they are there. */
function withFiles(folder: string, files: readonly string[], run: (copy: string) => Outcome): Outcome {
  const copy = mkdtempSync(join(tmpdir(), "hyfw-tokenizer-"));
  try {
    for (const file of files.filter((name) => existsSync(join(folder, name))))
      writeFileSync(join(copy, file), readFileSync(join(folder, file)));
    return run(copy);
  } finally {
    rmSync(copy, { recursive: true });
  }
}
