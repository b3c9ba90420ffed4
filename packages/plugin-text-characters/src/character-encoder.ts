import type { ModelFacts, Segment, TextEncoder, TextEncoderHook, Tokens, Values } from "@hyfw/core";
import { fromTypedArray, type Tensor } from "@hyfw/native";
import { Embedding, LayerNorm, Module, normalInit, type Parameter, type Place, within } from "@hyfw/nn";
import { captionIds, captionReach, type Numbering, PADDING } from "./characters.js";
import type { CharacterOptions } from "./options.js";

/** Small enough that a table's row is mostly what training made of it. */
const INIT_STD = 0.02;

/** Rows of characters or words plus learned positions, normed: the states of one caption. */
class CharacterTable extends Module {
  private readonly rows: Embedding;
  private readonly positions: Parameter;
  private readonly norm: LayerNorm;

  constructor(place: Place, { buckets, length, width }: { buckets: number; length: number; width: number }) {
    super(place);
    this.rows = this.child(new Embedding(within(place, "characters"), buckets, width, normalInit(INIT_STD)));
    this.positions = this.parameter("positions", [length, width], normalInit(INIT_STD));
    this.norm = this.child(new LayerNorm(within(place, "norm"), width));
  }

  /** @param ids int64 [B, S]. @returns [B, S, width] */
  forward(ids: Tensor): Tensor {
    return this.norm.forward(this.rows.forward(ids).add(this.positions.tensor()));
  }
}

/** Both encoders from scratch, trained with the model. */
export function characterEncoders(options: CharacterOptions): TextEncoderHook {
  const { textStatesDim, textStatesDimT5, textLen, textLenT5, units } = options;
  return {
    name: units,
    textStatesDim,
    textStatesDimT5,
    textLen,
    textLenT5,
    reach: (caption, encoder) => captionReach(caption, encoder === "first" ? textLen : textLenT5, units),
    build: (facts) => build(options, facts),
  };
}

function build(options: CharacterOptions, facts: ModelFacts): TextEncoder {
  const { textStatesDim, textStatesDimT5, textLen, textLenT5, buckets, units } = options;
  const device = facts.withoutWeights === true ? "meta" : facts.device;
  const at = (path: string): Place => ({ path, seed: facts.seed, device });
  const first = new CharacterTable(at("text_encoder"), { buckets, length: textLen, width: textStatesDim });
  const second = new CharacterTable(at("text_encoder_t5"), {
    buckets,
    length: textLenT5,
    width: textStatesDimT5,
  });
  const parameters = [...first.parameters(), ...second.parameters()];
  const segment: Segment = {
    name: "text",
    reads: ["inputIds", "inputIdsT5"],
    writes: ["textStates", "textStatesT5"],
    parameters,
    run: (values) => ({
      textStates: first.forward(value(values, "inputIds")),
      textStatesT5: second.forward(value(values, "inputIdsT5")),
    }),
  };
  return {
    textLen,
    textLenT5,
    trained: true,
    tokenize: (captions, captionsT5) => ({
      ...named(encode(captions, { length: textLen, buckets, units }), "inputIds", "attentionMask"),
      ...named(encode(captionsT5, { length: textLenT5, buckets, units }), "inputIdsT5", "attentionMaskT5"),
    }),
    segment,
    parameters,
  };
}

function named<Ids extends keyof Tokens, Mask extends keyof Tokens>(
  { ids, mask }: { readonly ids: Tensor; readonly mask: Tensor },
  idsName: Ids,
  maskName: Mask,
): Record<Ids | Mask, Tensor> {
  return { [idsName]: ids, [maskName]: mask } as Record<Ids | Mask, Tensor>;
}

/** Captions as int64 ids and mask, each [B, length]. */
function encode(
  captions: readonly string[],
  numbering: Numbering,
): { readonly ids: Tensor; readonly mask: Tensor } {
  const { length } = numbering;
  const ids = new BigInt64Array(captions.length * length).fill(BigInt(PADDING));
  const mask = new BigInt64Array(captions.length * length);
  for (const [row, caption] of captions.entries())
    for (const [column, id] of captionIds(caption, numbering).entries()) {
      ids[row * length + column] = BigInt(id);
      mask[row * length + column] = 1n;
    }
  const shape = [captions.length, length];
  return { ids: fromTypedArray(ids, shape), mask: fromTypedArray(mask, shape) };
}

function value(values: Values, name: string): Tensor {
  const found = values[name];
  if (found === undefined) throw new RangeError(`the text segment reads ${name}, which is not there`);
  return found;
}
