import type { HunyuanDitOptions } from "../options.js";

/** Every size of a network and the variants that change its parameters: names and shapes follow from it. */
export interface NetworkShape {
  readonly hiddenSize: number;
  readonly depth: number;
  readonly numHeads: number;
  /** Width of the feed-forward part. */
  readonly mlpHidden: number;
  readonly inChannels: number;
  readonly learnSigma: boolean;
  readonly norm: "layer" | "rms";
  readonly qkNorm: boolean;
  readonly useStyleCond: boolean;
  readonly sizeCond: boolean;
  readonly textStatesDim: number;
  readonly textStatesDimT5: number;
  readonly textLen: number;
  readonly textLenT5: number;
}

/** Side of a patch in latent cells; the same in all official models. */
export const PATCH_SIZE = 2;
/** Width of the pooled text vector, whatever the other sizes. */
export const POOLED_WIDTH = 1024;
/** Heads of the attention pool, whatever the other sizes. */
export const POOLER_HEADS = 8;
/** Numbers of the size condition: source, target and crop, each width or x first. */
export const SIZE_NUMBERS = 6;

const OFFICIAL = {
  "DiT-g/2": { hiddenSize: 1408, depth: 40, numHeads: 16, mlpRatio: 4.3637 },
  "DiT-XL/2": { hiddenSize: 1152, depth: 28, numHeads: 16, mlpRatio: 4 },
} as const;

/** What the network takes from other hooks. */
export type NetworkInputs = Pick<
  NetworkShape,
  "inChannels" | "textStatesDim" | "textStatesDimT5" | "textLen" | "textLenT5"
>;

/** The sizes that checked options and the other hooks lead to. */
export function networkShape(options: HunyuanDitOptions, inputs: NetworkInputs): NetworkShape {
  const { hiddenSize, depth, numHeads, mlpRatio } =
    options.model === "custom"
      ? {
          hiddenSize: options.hiddenSize ?? 0,
          depth: options.depth ?? 0,
          numHeads: options.numHeads ?? 0,
          mlpRatio: options.mlpRatio ?? 4,
        }
      : OFFICIAL[options.model];
  const { norm, qkNorm, learnSigma, useStyleCond } = options;
  return {
    hiddenSize,
    depth,
    numHeads,
    mlpHidden: Math.floor(hiddenSize * mlpRatio),
    norm,
    qkNorm,
    learnSigma,
    useStyleCond,
    sizeCond: options.sizeCond !== null,
    ...inputs,
  };
}

/** Channels that the network gives: prediction, and as many for the variance when it is learned. */
export function outChannels({ inChannels, learnSigma }: NetworkShape): number {
  return learnSigma ? 2 * inChannels : inChannels;
}

/** The block whose output a block takes: depth − 1 − i for i > depth / 2, none for the others. */
export function skipSource(block: number, depth: number): number | undefined {
  return block > depth / 2 ? depth - 1 - block : undefined;
}

/** Whether a late block takes this block's output. */
export function isSkipped(block: number, depth: number): boolean {
  return block < depth / 2 - 1;
}
