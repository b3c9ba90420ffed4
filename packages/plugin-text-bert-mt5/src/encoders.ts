import type { ModelFacts, Segment, TextEncoder, TextEncoderHook, Values } from "@hyfw/core";
import { type DeviceName, type DType, fromTypedArray, noGrad, Scope, type Tensor, tidy } from "@hyfw/native";
import type { Module } from "@hyfw/nn";
import { findEncoderFolders } from "./encoder-folders.js";
import { positionsFewer, statesNotFinite, statesWidth, vocabularyLarger } from "./errors.js";
import type { Bert } from "./networks/bert.js";
import type { Mt5Encoder } from "./networks/mt5.js";
import { openBert, openMt5, type StoredNetwork } from "./networks/open-networks.js";
import type { BertMt5Options } from "./options.js";
import { openBertTokenizer } from "./tokenizers/bert-tokenizer.js";
import { type CaptionTokenizer, captionReach } from "./tokenizers/caption-tokenizer.js";
import { openMt5Tokenizer } from "./tokenizers/mt5-tokenizer.js";

/** A frozen network whose weights are read when they are first needed. */
class Held<Network extends Module> {
  private loaded: Network | undefined;

  constructor(
    private readonly stored: StoredNetwork<Network, unknown>,
    readonly device: DeviceName,
    readonly dtype: DType,
    private readonly unload: boolean,
  ) {}

  use<Result>(run: (network: Network) => Result): Result {
    this.loaded ??= this.stored.load(this.device, this.dtype);
    try {
      return run(this.loaded);
    } finally {
      if (this.unload) this.free();
    }
  }
  /** Bytes that stay on the device between batches. */
  get bytes(): number {
    return this.unload ? 0 : this.stored.bytes(this.dtype);
  }
  free(): void {
    this.loaded?.dispose();
    this.loaded = undefined;
  }
}

/** Both frozen encoders, and how to free what they hold. */
export interface FrozenEncoders {
  readonly hook: TextEncoderHook;
  close(): void;
}

/**
 * BERT and mT5 from their folders. Opening reads settings, tokenizers and the names of weights; the weights
 * themselves are read with the first batch.
 * @throws HYFW_TEXT_ENCODER_*, HYFW_TOKENIZER_*, HYFW_WEIGHTS_*
 */
export function frozenEncoders(options: BertMt5Options, modelRoot: string): FrozenEncoders {
  const folders = findEncoderFolders(options, modelRoot);
  const bert = openBert(folders.bert);
  const mt5 = openMt5(folders.mt5);
  const tokenizer = openBertTokenizer(folders.bertTokenizer);
  const tokenizerT5 = openMt5Tokenizer(folders.mt5Tokenizer);
  const { textLen, textLenT5 } = options;
  checkRows(folders.bertTokenizer, tokenizer, folders.bert, bert.config.vocab_size);
  checkRows(folders.mt5Tokenizer, tokenizerT5, folders.mt5, mt5.config.vocab_size);
  const positions = bert.config.max_position_embeddings;
  if (textLen > positions) throw positionsFewer(textLen, positions);
  checkWidth("textStatesDim", options.textStatesDim, bert.folder, bert.config.hidden_size);
  checkWidth("textStatesDimT5", options.textStatesDimT5, mt5.folder, mt5.config.d_model);
  const open = new Set<Held<Module>>();
  const hook: TextEncoderHook = {
    name: "bert-mt5",
    textStatesDim: bert.config.hidden_size,
    textStatesDimT5: mt5.config.d_model,
    textLen,
    textLenT5,
    reach: (caption, encoder) =>
      encoder === "first"
        ? captionReach(tokenizer, caption, textLen)
        : captionReach(tokenizerT5, caption, textLenT5),
    build: (facts) => {
      const place = placeOf(options, facts);
      const first = new Held(bert, place, dtypeOf(options.bertDtype, "float32"), options.unload);
      const usual = place === "cpu" ? "float32" : "float16";
      const second = new Held(mt5, place, dtypeOf(options.mt5Dtype, usual), options.unload);
      open.add(first).add(second);
      return encoder(
        { first, second, tokenizer, tokenizerT5, parameters: [bert, mt5].flatMap(parametersOf) },
        options,
      );
    },
  };
  const close = (): void => {
    for (const one of open) one.free();
    bert.drawing.dispose();
    mt5.drawing.dispose();
  };
  return { hook, close };
}

function parametersOf({ drawing }: StoredNetwork<Module, unknown>): TextEncoder["parameters"] {
  return drawing.parameters();
}

interface Parts {
  readonly first: Held<Bert>;
  readonly second: Held<Mt5Encoder>;
  readonly tokenizer: CaptionTokenizer;
  readonly tokenizerT5: CaptionTokenizer;
  readonly parameters: TextEncoder["parameters"];
}

function encoder(parts: Parts, options: BertMt5Options): TextEncoder {
  const { first, second, tokenizer, tokenizerT5, parameters } = parts;
  const { textLen, textLenT5, trainingPadding, samplingPadding } = options;
  const segment: Segment = {
    name: "text",
    reads: ["inputIds", "attentionMask", "inputIdsT5", "attentionMaskT5"],
    writes: ["textStates", "textStatesT5"],
    parameters: [],
    run: (values) => ({
      textStates: states("BERT", first, values, ["inputIds", "attentionMask"]),
      textStatesT5: states("mT5", second, values, ["inputIdsT5", "attentionMaskT5"]),
    }),
  };
  return {
    textLen,
    textLenT5,
    trained: false,
    tokenize: (captions, captionsT5, training) => {
      const one = idsOf(captions, tokenizer, textLen, tokenizer.padding);
      const other = idsOf(captionsT5, tokenizerT5, textLenT5, training ? trainingPadding : samplingPadding);
      return {
        inputIds: one.ids,
        attentionMask: one.mask,
        inputIdsT5: other.ids,
        attentionMaskT5: other.mask,
      };
    },
    segment,
    parameters,
    // On a device of their own they take nothing from where the model trains.
    heldBytes: options.device === "same" ? first.bytes + second.bytes : 0,
    describe: () => [
      ["text encoders", `BERT in ${first.dtype} and mT5 in ${second.dtype} on ${first.device}, frozen`],
      [
        "captions",
        `${textLen} and ${textLenT5} tokens; mT5 padded with ${trainingPadding} in training, ${samplingPadding} in sampling`,
      ],
    ],
  };
}

type Encoding = Module & { forward(ids: Tensor, mask: Tensor): Tensor };

/** States of one encoder as float32 on the device of the tokens. */
function states(
  which: string,
  held: Held<Encoding>,
  values: Values,
  [idsName, maskName]: readonly [string, string],
): Tensor {
  const { [idsName]: ids, [maskName]: mask } = values;
  if (ids === undefined || mask === undefined) throw new RangeError(`the text segment reads ${idsName}`);
  const home = ids.device === "meta" ? "cpu" : ids.device;
  using scope = new Scope();
  // Weights must outlive the scope that one batch's tensors are freed with, so they are read outside any `tidy`.
  const made = held.use((network) =>
    scope.run(() =>
      tidy(() =>
        noGrad(() => {
          const there = { device: held.device };
          return network.forward(ids.to(there), mask.to(there)).to({ dtype: "float32", device: home });
        }),
      ),
    ),
  );
  if (held.dtype === "float16" && scope.run(() => made.isFinite().all().item()) === 0)
    throw statesNotFinite(which, held.dtype);
  return made.alias();
}

/** Captions as int64 ids and mask, each [B, length]. */
function idsOf(
  captions: readonly string[],
  tokenizer: CaptionTokenizer,
  length: number,
  padding: number,
): { readonly ids: Tensor; readonly mask: Tensor } {
  const ids = new BigInt64Array(captions.length * length).fill(BigInt(padding));
  const mask = new BigInt64Array(captions.length * length);
  for (const [row, caption] of captions.entries())
    for (const [column, id] of tokenizer.cut(tokenizer.encode(caption), length).entries()) {
      ids[row * length + column] = BigInt(id);
      mask[row * length + column] = 1n;
    }
  const shape = [captions.length, length];
  return { ids: fromTypedArray(ids, shape), mask: fromTypedArray(mask, shape) };
}

function checkRows(tokenizer: string, { size }: CaptionTokenizer, folder: string, rows: number): void {
  if (size > rows) throw vocabularyLarger(tokenizer, size, folder, rows);
}

function checkWidth(option: string, expected: number | null, folder: string, found: number): void {
  if (expected !== null && expected !== found) throw statesWidth(option, expected, folder, found);
}

function placeOf({ device }: BertMt5Options, facts: ModelFacts): DeviceName {
  if (device !== "same") return device as DeviceName;
  return facts.device === "meta" ? "cpu" : facts.device;
}

function dtypeOf(setting: BertMt5Options["bertDtype"], usual: DType): DType {
  return setting === "auto" ? usual : setting;
}
