import { type OptionMeta, z } from "@hyfw/core";
import { LOSS_OPTIONS, lossContradictions } from "./loss-options.js";

const meta = (fields: OptionMeta): OptionMeta & Record<string, unknown> => ({ ...fields });

const size = z.number().int().positive();

/** Options of HunyuanDiT: the network, the diffusion that trains it, and its conditions. */
export const HunyuanDitOptions = z
  .strictObject({
    model: z
      .enum(["DiT-g/2", "DiT-XL/2", "custom"])
      .default("DiT-g/2")
      .describe("Sizes of the network: one of the two official ones, or custom with sizes of your own.")
      .meta(meta({ flag: "--model" })),
    hiddenSize: size.nullable().default(null).describe("Width D of tokens; custom models only."),
    depth: size.nullable().default(null).describe("Number of blocks, even; custom models only."),
    numHeads: size
      .nullable()
      .default(null)
      .describe(
        "Heads of each attention; D / heads must be a multiple of 8, at most 128; custom models only.",
      ),
    mlpRatio: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe(
        "Width of the feed-forward part over D, rounded down to whole numbers; 4 when null; custom models only.",
      ),
    norm: z
      .enum(["layer", "rms"])
      .default("layer")
      .describe("Norm before attention, feed-forward and skip; the norms of q and k stay layer norms.")
      .meta(meta({ flag: "--norm" })),
    qkNorm: z
      .boolean()
      .default(true)
      .describe("Layer norm on q and k of each head.")
      .meta(meta({ flag: "--qk-norm" })),
    learnSigma: z
      .boolean()
      .default(true)
      .describe("Gives twice the channels and learns the variance beside the prediction.")
      .meta(meta({ flag: "--learn-sigma", negatedBy: "--no-learn-sigma" })),
    predictType: z
      .enum(["v_prediction", "epsilon", "sample"])
      .default("v_prediction")
      .describe("What the network predicts.")
      .meta(meta({ flag: "--predict-type" })),
    noiseSchedule: z
      .enum(["scaled_linear", "linear", "squaredcos_cap_v2"])
      .default("scaled_linear")
      .describe("Shape of the noise schedule over 1000 steps; squaredcos_cap_v2 ignores both betas.")
      .meta(meta({ flag: "--noise-schedule" })),
    betaStart: z
      .number()
      .gt(0)
      .lt(1)
      .default(0.00085)
      .describe("First beta of the schedule.")
      .meta(meta({ flag: "--beta-start" })),
    betaEnd: z
      .number()
      .gt(0)
      .lt(1)
      .default(0.018)
      .describe("Last beta of the schedule: 0.018 for version 1.2, 0.03 for versions 1.0 and 1.1.")
      .meta(meta({ flag: "--beta-end" })),
    ...LOSS_OPTIONS,
    useStyleCond: z
      .boolean()
      .default(false)
      .describe("Style embedding of versions 1.0 and 1.1; goes with sizeCond.")
      .meta(meta({ flag: "--use-style-cond" })),
    sizeCond: z
      .array(size)
      .length(2)
      .nullable()
      .default(null)
      .describe(
        "Size condition of versions 1.0 and 1.1: the source width and height in pixels that sample pictures are given; training gives each row its own. null for none.",
      )
      .meta(meta({ flag: "--size-cond" })),
    mergeSrcCond: z
      .boolean()
      .default(false)
      .describe("Replaces source width and height in the size condition by √(width · height), both.")
      .meta(meta({ flag: "--merge-src-cond" })),
    randomShrinkSizeCond: z
      .boolean()
      .default(false)
      .describe(
        "Raises source width and height in the size condition to at least 1024, as the official option of this name in fact does.",
      )
      .meta(meta({ flag: "--random-shrink-size-cond" })),
    ropeImg: z
      .enum(["extend", "base512", "base1024"])
      .default("base512")
      .describe(
        "Positions of tokens: extend counts them, base512 and base1024 spread them over a square of 32 or 64 tokens.",
      )
      .meta(meta({ flag: "--rope-img" })),
    ropeReal: z
      .literal(true)
      .default(true)
      .describe("Rotation by cosine and sine tables, the only form there is; kept for official scripts.")
      .meta(meta({ flag: "--rope-real" })),
  })
  .superRefine((options, context) => {
    for (const { option, message } of contradictions(options))
      context.addIssue({ code: "custom", path: [option], message });
  });

/** What a person's settings become: nothing missing. */
export type HunyuanDitOptions = z.output<typeof HunyuanDitOptions>;

interface Contradiction {
  readonly option: string;
  readonly message: string;
}

type Sizes = Pick<HunyuanDitOptions, "hiddenSize" | "depth" | "numHeads" | "mlpRatio">;
const SIZES: readonly (keyof Sizes)[] = ["hiddenSize", "depth", "numHeads", "mlpRatio"];

/** Values that are fine one by one and not together, each with the option to change. */
function contradictions(options: HunyuanDitOptions): Contradiction[] {
  const found: Contradiction[] = [];
  const refuse = (option: keyof HunyuanDitOptions, message: string): void => {
    found.push({ option, message });
  };
  if (options.model === "custom") {
    for (const option of SIZES.slice(0, 3))
      if (options[option] === null) refuse(option, `a number, since model is "custom"`);
    customFaults(options, refuse);
  } else {
    for (const option of SIZES)
      if (options[option] !== null)
        refuse(option, `null, since model is ${JSON.stringify(options.model)}; set model to "custom"`);
    if (options.useStyleCond !== (options.sizeCond !== null))
      refuse(
        options.useStyleCond ? "sizeCond" : "useStyleCond",
        `both useStyleCond and sizeCond (versions 1.0 and 1.1) or neither (version 1.2) for ${options.model}`,
      );
  }
  if (options.noiseSchedule !== "squaredcos_cap_v2" && options.betaStart > options.betaEnd)
    refuse("betaStart", `at most betaEnd, which is ${options.betaEnd}`);
  for (const { option, message } of lossContradictions(options)) refuse(option, message);
  for (const option of ["mergeSrcCond", "randomShrinkSizeCond"] as const)
    if (options[option] && options.sizeCond === null)
      refuse(option, "false, since sizeCond is null and so there is no size condition to change");
  return found;
}

function customFaults(
  { hiddenSize, depth, numHeads }: Sizes,
  refuse: (option: keyof Sizes, message: string) => void,
): void {
  if (depth !== null && depth % 2 !== 0)
    refuse("depth", "an even number: each late block takes the output of an early one");
  if (hiddenSize === null || numHeads === null) return;
  const headSize = hiddenSize / numHeads;
  if (!Number.isInteger(headSize) || headSize % 8 !== 0 || headSize > 128)
    refuse(
      "numHeads",
      `a number that makes hiddenSize / numHeads a multiple of 8 up to 128; ${hiddenSize} / ${numHeads} is ${Number(headSize.toFixed(2))}`,
    );
}
