export {
  type AttentionKernel,
  attention,
  joinHeads,
  maskedAttention,
  splitHeads,
  useAttention,
} from "./attention.js";
export { Conv2d, type ConvSizes } from "./conv2d.js";
export { Embedding } from "./embedding.js";
export type { LoadFaults } from "./errors.js";
export { type FrozenOptions, frozenBytes, loadFrozen, type NamedArrays } from "./frozen.js";
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
export { Linear, type LinearInit, Projection } from "./linear.js";
export { type LowRank, lowRankTerm } from "./low-rank.js";
export { makeLowRank } from "./make-low-rank.js";
export { compareNames, type LoadOptions, Module, type Place, TRAITS, within } from "./module.js";
export { GroupNorm, LayerNorm, type Norm, RmsNorm } from "./norm.js";
export { OutputTape } from "./output-tape.js";
export { type Birth, type FrozenSource, Parameter, type ParameterTraits } from "./parameter.js";
export { PatchEmbed, type PatchEmbedSizes } from "./patch-embed.js";
export { SINUSOID_WIDTH, sinusoid } from "./sinusoid.js";
export { withDtype } from "./with-dtype.js";
