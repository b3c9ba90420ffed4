import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "@hyfw/core";
import { tokenizerFile } from "../errors.js";
import { bertText, bertWords } from "./bert-text.js";
import { type CaptionTokenizer, cutBeforeLast } from "./caption-tokenizer.js";
import { readJson } from "./json-file.js";
import { addedToken, libraryTokenizer } from "./library.js";

const Config = z.object({
  do_lower_case: z.boolean().default(true),
  strip_accents: z.boolean().nullable().default(null),
  tokenize_chinese_chars: z.boolean().default(true),
});

const SPECIAL = { padding: "[PAD]", unknown: "[UNK]", start: "[CLS]", end: "[SEP]", mask: "[MASK]" };

/**
 * BERT's WordPiece from the vocab.txt of a folder, with the rules of its tokenizer_config.json when it has one.
 * Special ids are looked up by token; special tokens inside a caption are taken as those tokens.
 * @throws HYFW_TOKENIZER_FILE
 */
export function openBertTokenizer(folder: string): CaptionTokenizer {
  const path = join(folder, "vocab.txt");
  const vocab = readVocabulary(path);
  const configPath = join(folder, "tokenizer_config.json");
  const config = existsSync(configPath) ? readJson(configPath, Config) : Config.parse({});
  const id = (token: string): number => {
    const found = vocab.get(token);
    if (found === undefined) throw tokenizerFile(path, `has no line ${token}`);
    return found;
  };
  const special = (token: string) => ({ SpecialToken: { id: token, type_id: 0 } });
  const framed = (token: string) => [token, { id: token, ids: [id(token)], tokens: [token] }] as const;
  const { start, end, unknown } = SPECIAL;
  const rules = {
    lowerCase: config.do_lower_case,
    stripAccents: config.strip_accents,
    splitChinese: config.tokenize_chinese_chars,
  };
  const tokenizer = libraryTokenizer(
    {
      version: "1.0",
      added_tokens: Object.values(SPECIAL)
        .filter((token) => vocab.has(token))
        .map((token) => addedToken(token, id(token))),
      normalizer: null,
      pre_tokenizer: null,
      post_processor: {
        type: "TemplateProcessing",
        single: [special(start), { Sequence: { id: "A", type_id: 0 } }, special(end)],
        pair: [],
        special_tokens: Object.fromEntries([framed(start), framed(end)]),
      },
      decoder: { type: "WordPiece", prefix: "##", cleanup: true },
      model: {
        type: "WordPiece",
        unk_token: unknown,
        continuing_subword_prefix: "##",
        max_input_chars_per_word: 100,
        vocab: Object.fromEntries(vocab),
      },
    },
    {},
    { normalize: (text) => bertText(text, rules), split: bertWords },
  );
  return {
    encode: (text) => tokenizer.encode(text).ids,
    cut: cutBeforeLast,
    padding: id(SPECIAL.padding),
    size: vocab.size,
  };
}

function readVocabulary(path: string): Map<string, number> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  } catch (cause) {
    throw tokenizerFile(path, "cannot be read as UTF-8 text", cause);
  }
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  // As the official reader: a token that stands twice has the later line's number.
  return new Map(lines.map((token, line) => [token, line]));
}
