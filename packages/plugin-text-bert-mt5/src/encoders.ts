import { join } from "node:path";
import type {
  CacheCounts,
  EncoderCache,
  ModelFacts,
  Segment,
  TextEncoder,
  TextEncoderHook,
  Values,
} from "@hyfw/core";
import { hashFolder, TensorCache } from "@hyfw/core/cache";
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

interface HeldFacts {
  readonly device: DeviceName;
  readonly dtype: DType;
  readonly unload: boolean;
  /** Folder that its states are kept in. */
  readonly cache: string | null;
  /** Width of its states. */
  readonly width: number;
}

/** A frozen network whose weights are read when they are first needed. */
class Held<Network extends Module> {
  private loaded: Network | undefined;
  /** States by tokens, when they are kept. */
  readonly cache: TensorCache | undefined;

  constructor(
    private readonly stored: StoredNetwork<Network, unknown>,
    private readonly facts: HeldFacts,
  ) {
    const { device, dtype, cache } = facts;
    if (cache === null) return;
    const keyed = () => ({
      of: "text states",
      weights: hashFolder(stored.folder, join(cache, "hashes.json")),
      dtype,
      device: device.split(":")[0] ?? device,
    });
    this.cache = new TensorCache(cache, keyed, dtype);
  }

  use<Result>(run: (network: Network) => Result): Result {
    this.loaded ??= this.stored.load(this.device, this.dtype);
    try {
      return run(this.loaded);
    } finally {
      if (this.facts.unload) this.free();
    }
  }
  get device(): DeviceName {
    return this.facts.device;
  }
  get dtype(): DType {
    return this.facts.dtype;
  }
  get width(): number {
    return this.facts.width;
  }
  /** Bytes that stay on the device between batches. */
  get bytes(): number {
    return this.facts.unload ? 0 : this.stored.bytes(this.dtype);
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
      const common = { device: place, unload: options.unload, cache: options.cache };
      const first = new Held(bert, {
        ...common,
        dtype: dtypeOf(options.bertDtype, "float32"),
        width: bert.config.hidden_size,
      });
      const usual = place === "cpu" ? "float32" : "float16";
      const second = new Held(mt5, {
        ...common,
        dtype: dtypeOf(options.mt5Dtype, usual),
        width: mt5.config.d_model,
      });
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
      textStates: kept("BERT", first, values, ["inputIds", "attentionMask"]),
      textStatesT5: kept("mT5", second, values, ["inputIdsT5", "attentionMaskT5"]),
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
    ...(options.cache !== null && { cache: cacheOf(parts, options.cache, options) }),
    heldBytes: options.device === "same" ? first.bytes + second.bytes : 0,
    describe: () => [
      [
        "text encoders",
        `BERT in ${first.dtype} and mT5 in ${second.dtype} on ${first.device}, frozen${options.cache === null ? "" : `; states kept in ${options.cache}`}`,
      ],
      [
        "captions",
        `${textLen} and ${textLenT5} tokens; mT5 padded with ${trainingPadding} in training, ${samplingPadding} in sampling`,
      ],
    ],
  };
}

type Encoding = Module & { forward(ids: Tensor, mask: Tensor): Tensor };

/** What both encoders keep, as one cache. */
function cacheOf(
  { first, second }: Pick<Parts, "first" | "second">,
  folder: string,
  { textLen, textLenT5 }: BertMt5Options,
): EncoderCache {
  const each = [first, second].flatMap(({ cache }) => cache ?? []);
  const sum = (count: keyof CacheCounts): number =>
    each.reduce((total, cache) => total + cache.counts()[count], 0);
  return {
    name: "text states",
    folder,
    bytesPerSample: () =>
      (first.cache?.bytes([textLen, first.width]) ?? 0) +
      (second.cache?.bytes([textLenT5, second.width]) ?? 0),
    counts: () => ({ found: sum("found"), made: sum("made"), broken: sum("broken") }),
  };
}

/** States from the cache where there is one; each caption by itself, so that its states do not depend on the batch. */
function kept(which: string, held: Held<Encoding>, values: Values, names: readonly [string, string]): Tensor {
  const { [names[0]]: ids, [names[1]]: mask } = values;
  if (held.cache === undefined || ids === undefined || mask === undefined)
    return states(which, held, values, names);
  const [count = 0, length = 0] = ids.shape;
  const [idBytes, maskBytes] = [bytesOf(ids), bytesOf(mask)];
  const row = (bytes: Uint8Array, n: number): Uint8Array =>
    bytes.subarray((n * bytes.length) / count, ((n + 1) * bytes.length) / count);
  return held.cache.rows({
    shape: [length, held.width],
    device: ids.device === "meta" ? "cpu" : ids.device,
    contents: Array.from({ length: count }, (_, n) => [row(idBytes, n), row(maskBytes, n)]),
    make: (n) =>
      states(which, held, { [names[0]]: ids.narrow(0, n, 1), [names[1]]: mask.narrow(0, n, 1) }, names),
  });
}

function bytesOf(tensor: Tensor): Uint8Array {
  const numbers = tensor.contiguous().toTypedArray();
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

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
