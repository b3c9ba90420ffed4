import { Tokenizer } from "@huggingface/tokenizers";

/** A tokenizer.json in the library's form. */
export type TokenizerJson = Readonly<Record<string, unknown>>;

/** Steps that stand in front of the library's own, which are approximate (its NFKC table, for one). */
export interface ExactSteps {
  /** A section between special tokens, before it is split. */
  readonly normalize?: (text: string) => string;
  /** A normalised section into words. */
  readonly split?: (text: string) => string[];
}

/**
 * The library's tokenizer with exact steps of ours. It calls its normaliser with a text and its pre-tokeniser with a
 * text and options, whatever they are; so functions can stand there.
 */
export function libraryTokenizer(
  json: TokenizerJson,
  config: TokenizerJson,
  { normalize, split }: ExactSteps,
): Tokenizer {
  return Object.assign(new Tokenizer(json, config), {
    ...(normalize !== undefined && { normalizer: normalize }),
    ...(split !== undefined && { pre_tokenizer: split }),
  });
}

/** A special token as tokenizer.json lists it: found anywhere in a caption, before anything is normalised. */
export function addedToken(content: string, id: number, special = true): TokenizerJson {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special };
}
