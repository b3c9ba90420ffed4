import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "@hyfw/core";
import { tokenizerFile } from "../errors.js";
import { type CaptionTokenizer, cutBeforeLast } from "./caption-tokenizer.js";
import { CharsMap } from "./charsmap.js";
import { readJson } from "./json-file.js";
import { addedToken, libraryTokenizer, type TokenizerJson } from "./library.js";
import { readSentencePieceModel, type SentencePieceModel } from "./sentencepiece-model.js";

/** Stands for a space inside pieces. */
const SPACE = "▁";
const END = "</s>";
/** Added ids that a T5 tokenizer makes when its tokenizer_config.json does not say how many. */
const USUAL_EXTRA_IDS = 100;

const TokenizerFile = z.looseObject({
  normalizer: z.unknown(),
  pre_tokenizer: z.unknown(),
  model: z.looseObject({
    type: z.literal("Unigram"),
    unk_id: z.number().int().nonnegative(),
    vocab: z.array(z.tuple([z.string(), z.number()])),
  }),
});
const Precompiled = z.looseObject({ type: z.literal("Precompiled"), precompiled_charsmap: z.string() });
const Config = z.object({ extra_ids: z.number().int().nonnegative().default(USUAL_EXTRA_IDS) });

/**
 * mT5's tokenizer: tokenizer.json of a folder, or else its spiece.model brought into the same form, as the official
 * loader does on the fly. No byte fallback: a run of unknown characters is one `<unk>`.
 * @throws HYFW_TOKENIZER_FILE
 */
export function openMt5Tokenizer(folder: string): CaptionTokenizer {
  const path = join(folder, "tokenizer.json");
  return existsSync(path) ? fromTokenizerJson(path) : fromSentencePiece(join(folder, "spiece.model"), folder);
}

function fromTokenizerJson(path: string): CaptionTokenizer {
  const json = readJson(path, TokenizerFile);
  const steps = z
    .union([z.looseObject({ normalizers: z.array(z.unknown()) }), z.unknown().transform(() => undefined)])
    .parse(json.normalizer)?.normalizers ?? [json.normalizer];
  const table = steps.flatMap((step) => Precompiled.safeParse(step).data?.precompiled_charsmap ?? [])[0];
  return tokenizerOf(path, json, json.model.vocab, table === undefined ? undefined : bytesOf(table));
}

/** The model file in the form of a tokenizer.json. */
function fromSentencePiece(path: string, folder: string): CaptionTokenizer {
  let model: SentencePieceModel;
  try {
    model = readSentencePieceModel(readFileSync(path));
  } catch (cause) {
    const why =
      cause instanceof RangeError ? `is no sentencepiece model: ${cause.message}` : "cannot be read";
    throw tokenizerFile(path, why, cause);
  }
  if (model.modelType !== "unigram")
    throw tokenizerFile(path, `is a ${model.modelType} model; mT5 has a unigram model`);
  const configPath = join(folder, "tokenizer_config.json");
  const { extra_ids: extra } = existsSync(configPath) ? readJson(configPath, Config) : Config.parse({});
  const extraTokens = Array.from({ length: extra }, (_, i) => `<extra_id_${extra - 1 - i}>`);
  const vocab: [string, number][] = [
    ...model.pieces.map(({ text, score }): [string, number] => [text, score]),
    ...extraTokens.map((text): [string, number] => [text, 0]),
  ];
  const unknown = model.pieces[model.unknownId]?.text;
  const isSpecial = (text: string): boolean =>
    [END, "<pad>", unknown].includes(text) || extraTokens.includes(text);
  const added = vocab.flatMap(([text], id) => {
    const kind = model.pieces[id]?.kind;
    const special = kind === "control" || isSpecial(text);
    return special || kind === "user" ? [addedToken(text, id, special)] : [];
  });
  const end = vocab.findIndex(([text]) => text === END);
  if (end === -1) throw tokenizerFile(path, `has no piece ${END}`);
  const json = {
    version: "1.0",
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: null,
    post_processor: {
      type: "TemplateProcessing",
      single: [{ Sequence: { id: "A", type_id: 0 } }, { SpecialToken: { id: END, type_id: 0 } }],
      pair: [],
      special_tokens: { [END]: { id: END, ids: [end], tokens: [END] } },
    },
    decoder: { type: "Metaspace", replacement: SPACE, prepend_scheme: "always", split: true },
    model: { type: "Unigram", unk_id: model.unknownId, vocab, byte_fallback: false },
  };
  return tokenizerOf(path, json, vocab, model.charsMap.byteLength === 0 ? undefined : model.charsMap);
}

function tokenizerOf(
  path: string,
  json: TokenizerJson,
  vocab: readonly (readonly [string, number])[],
  table: Uint8Array | undefined,
): CaptionTokenizer {
  let charsMap: CharsMap | undefined;
  try {
    charsMap = table === undefined ? undefined : new CharsMap(table);
  } catch (cause) {
    throw tokenizerFile(path, `is broken: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
  const padding = vocab.findIndex(([text]) => text === "<pad>");
  if (padding === -1) throw tokenizerFile(path, "has no piece <pad>");
  const tokenizer = libraryTokenizer(
    { ...json, normalizer: null, pre_tokenizer: null },
    {},
    {
      normalize: (text) => mt5Text(charsMap === undefined ? text : charsMap.normalize(text)),
      split: mt5Words,
    },
  );
  return { encode: (text) => tokenizer.encode(text).ids, cut: cutBeforeLast, padding, size: vocab.length };
}

/** Blanks at the end go, runs of blanks become one mark. */
function mt5Text(text: string): string {
  return text.replace(/\p{White_Space}+$/u, "").replace(/ {2,}/g, SPACE);
}

/** Words with their mark in front; the first has one in any case. */
function mt5Words(text: string): string[] {
  const marked = text.replaceAll(" ", SPACE);
  const whole = marked.startsWith(SPACE) ? marked : SPACE + marked;
  return whole.match(/▁[^▁]*/gu) ?? [];
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(Buffer.from(base64, "base64"));
}
