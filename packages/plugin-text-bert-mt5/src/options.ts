import { type OptionMeta, z } from "@hyfw/core";

const meta = (fields: OptionMeta): OptionMeta & Record<string, unknown> => ({ ...fields });
const folder = (what: string) =>
  z
    .string()
    .nullable()
    .default(null)
    .describe(`Folder with ${what}; looked for in run.modelRoot when null.`)
    .meta(meta({ path: true }));
const width = (whose: string) =>
  z
    .number()
    .int()
    .positive()
    .nullable()
    .default(null)
    .describe(`Width that ${whose} states must have; whatever its config.json says when null.`);
const dtype = (what: string) =>
  z.enum(["auto", "float32", "bfloat16", "float16"]).default("auto").describe(`Element type of ${what}`);
const padding = z.literal([0, 1]);

/** Options of the frozen text encoders. */
export const BertMt5Options = z.strictObject({
  bert: folder("BERT's config.json and weights"),
  bertTokenizer: folder("BERT's vocab.txt"),
  mt5: folder("mT5's config.json and weights"),
  mt5Tokenizer: folder("mT5's tokenizer.json or spiece.model"),
  textStatesDim: width("BERT's").meta(meta({ flag: "--text-states-dim" })),
  textStatesDimT5: width("mT5's").meta(meta({ flag: "--text-states-dim-t5" })),
  textLen: z
    .number()
    .int()
    .min(2)
    .max(512)
    .default(77)
    .describe("Tokens of a caption that BERT reads, [CLS] and [SEP] included; longer captions are cut.")
    .meta(meta({ flag: "--text-len" })),
  textLenT5: z
    .number()
    .int()
    .min(1)
    .max(1024)
    .default(256)
    .describe("Tokens of a caption that mT5 reads, </s> included; longer captions are cut.")
    .meta(meta({ flag: "--text-len-t5" })),
  trainingPadding: padding
    .default(1)
    .describe(
      "Id that fills mT5's captions up in training. 1 (</s>) is what the official trainer uses and the published models were trained with. Padding reaches the model: its attention pool reads every position.",
    ),
  samplingPadding: padding
    .default(0)
    .describe(
      "Id that fills mT5's captions up in sampling. 0 (<pad>) is what the official pipeline uses, unlike its trainer.",
    ),
  bertDtype: dtype("BERT's weights: float32 when auto, as the official trainer has it."),
  mt5Dtype: dtype(
    "mT5's weights: float16 on a GPU and float32 on the CPU when auto. Sums and the last product of each feed-forward part are float32 in any case, so that float16 does not overflow.",
  ),
  device: z
    .string()
    .regex(/^(same|cpu|cuda(:\d+)?)$/, 'must be "same", "cpu", "cuda" or "cuda:" and a number')
    .default("same")
    .describe('Where the encoders run: "same" as the model, "cpu", or a GPU of their own such as "cuda:1".'),
  cache: z
    .string()
    .nullable()
    .default(null)
    .describe(
      "Folder that keeps the states of each caption, for later epochs and runs; null keeps nothing. Keyed by the tokens, the weights and the type, so never stale; hyfw cache fills it and says its size first.",
    )
    .meta(meta({ path: true })),
  unload: z
    .boolean()
    .default(false)
    .describe(
      "Frees each encoder's weights after use and takes them from the files again for the next batch: less memory, more time.",
    ),
});

/** What a person's settings become: nothing missing. */
export type BertMt5Options = z.output<typeof BertMt5Options>;
