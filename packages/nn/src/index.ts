export { type AttentionKernel, attention, joinHeads, splitHeads, useAttention } from "./attention.js";
export { Embedding } from "./embedding.js";
export type { LoadFaults } from "./errors.js";
export {
  type Init,
  type InitFacts,
  kaimingUniformInit,
  normalInit,
  oneInit,
  xavierUniformInit,
  zeroInit,
} from "./init.js";
export { initKey } from "./key.js";
export { Linear, type LinearInit } from "./linear.js";
export { type LowRank, lowRankTerm } from "./low-rank.js";
export { makeLowRank } from "./make-low-rank.js";
export { type LoadOptions, Module, type Place, TRAITS, within } from "./module.js";
export { nearestName } from "./nearest-name.js";
export { LayerNorm, type Norm, RmsNorm } from "./norm.js";
export { OutputTape } from "./output-tape.js";
export { type Birth, Parameter, type ParameterTraits } from "./parameter.js";
export { PatchEmbed, type PatchEmbedSizes } from "./patch-embed.js";
export { SINUSOID_WIDTH, sinusoid } from "./sinusoid.js";
export { withDtype } from "./with-dtype.js";
