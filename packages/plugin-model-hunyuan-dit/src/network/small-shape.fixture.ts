import type { NetworkShape } from "./shape.js";

/** A small network with every part, deep enough for a long skip. */
export const SMALL_SHAPE: NetworkShape = {
  hiddenSize: 32,
  depth: 4,
  numHeads: 4,
  mlpHidden: 48,
  inChannels: 4,
  learnSigma: true,
  norm: "layer",
  qkNorm: true,
  useStyleCond: false,
  sizeCond: false,
  textStatesDim: 24,
  textStatesDimT5: 16,
  textLen: 5,
  textLenT5: 7,
};
