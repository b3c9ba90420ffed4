export { type AttentionKernel, attention, joinHeads, splitHeads, useAttention } from "./attention.js";
export { Embedding } from "./embedding.js";
export type { LoadFaults } from "./errors.js";
export {
  type Init,
  type InitFacts,
  normalInit,
  oneInit,
  xavierUniformInit,
  zeroInit,
} from "./init.js";
export { initKey } from "./key.js";
export { Linear, type LinearInit, withDtype } from "./linear.js";
export { type LoadOptions, Module, type Place, TRAITS, within } from "./module.js";
export { nearestName } from "./nearest-name.js";
export { LayerNorm, type Norm, RmsNorm } from "./norm.js";
export { type Birth, Parameter, type ParameterTraits } from "./parameter.js";
export { PatchEmbed, type PatchEmbedSizes } from "./patch-embed.js";
export { SINUSOID_WIDTH, sinusoid } from "./sinusoid.js";
