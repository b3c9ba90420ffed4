/** How the rows of an official tensor lie in a diffusers one. */
export type Rows =
  | { readonly kind: "all" }
  /** Rows `part` of `of` equal stretches. */
  | { readonly kind: "part"; readonly part: number; readonly of: number }
  /** The second half of the rows before the first. */
  | { readonly kind: "swapped" };

/** A diffusers tensor that an official one becomes, whole or in part. */
export interface Piece {
  readonly name: string;
  readonly rows: Rows;
}

const ALL: Rows = { kind: "all" };
const SWAPPED: Rows = { kind: "swapped" };

/** Modules inside a block: official name, diffusers name. */
const IN_BLOCK: readonly (readonly [official: string, diffusers: string])[] = [
  ["norm1", "norm1.norm"],
  ["default_modulation.1", "norm1.linear"],
  // The two libraries number the norms before cross-attention and feed-forward the other way round.
  ["norm2", "norm3"],
  ["norm3", "norm2"],
  ["attn1.q_norm", "attn1.norm_q"],
  ["attn1.k_norm", "attn1.norm_k"],
  ["attn1.out_proj", "attn1.to_out.0"],
  ["attn2.q_proj", "attn2.to_q"],
  ["attn2.q_norm", "attn2.norm_q"],
  ["attn2.k_norm", "attn2.norm_k"],
  ["attn2.out_proj", "attn2.to_out.0"],
  ["mlp.fc1", "ff.net.0.proj"],
  ["mlp.fc2", "ff.net.2"],
  ["skip_norm", "skip_norm"],
  ["skip_linear", "skip_linear"],
];
/** Fused projections inside a block: official name, diffusers names in the order of the rows. */
const FUSED: Readonly<Record<string, readonly string[]>> = {
  "attn1.Wqkv": ["attn1.to_q", "attn1.to_k", "attn1.to_v"],
  "attn2.kv_proj": ["attn2.to_k", "attn2.to_v"],
};
const OUTSIDE: readonly (readonly [official: string, diffusers: string])[] = [
  ["pooler.k_proj", "time_extra_emb.pooler.k_proj"],
  ["pooler.q_proj", "time_extra_emb.pooler.q_proj"],
  ["pooler.v_proj", "time_extra_emb.pooler.v_proj"],
  ["pooler.c_proj", "time_extra_emb.pooler.c_proj"],
  ["t_embedder.mlp.0", "time_extra_emb.timestep_embedder.linear_1"],
  ["t_embedder.mlp.2", "time_extra_emb.timestep_embedder.linear_2"],
  ["extra_embedder.0", "time_extra_emb.extra_embedder.linear_1"],
  ["extra_embedder.2", "time_extra_emb.extra_embedder.linear_2"],
  ["style_embedder", "time_extra_emb.style_embedder"],
  ["mlp_t5.0", "text_embedder.linear_1"],
  ["mlp_t5.2", "text_embedder.linear_2"],
  ["x_embedder.proj", "pos_embed.proj"],
  ["final_layer.linear", "proj_out"],
  ["final_layer.adaLN_modulation.1", "norm_out.linear"],
];
/** Parameters that belong to no module with a weight and a bias. */
const LOOSE: Readonly<Record<string, string>> = {
  text_embedding_padding: "text_embedding_padding",
  "pooler.positional_embedding": "time_extra_emb.pooler.positional_embedding",
};
/** Official shift and scale are diffusers' scale and shift. */
const SWAPS = "final_layer.adaLN_modulation.1";

const inBlock = new Map(IN_BLOCK);
const outside = new Map(OUTSIDE);

/**
 * The diffusers modules that an official one becomes, in the order of its rows; nothing for a module that HunyuanDiT
 * does not have. @param module without `.weight` or `.bias`
 */
export function diffusersModules(module: string): readonly Piece[] {
  const [, number, inner = ""] = /^blocks\.(\d+)\.(.+)$/.exec(module) ?? [];
  if (number === undefined) {
    const name = outside.get(module);
    return name === undefined ? [] : [{ name, rows: module === SWAPS ? SWAPPED : ALL }];
  }
  const fused = FUSED[inner];
  if (fused !== undefined)
    return fused.map((name, part) => ({
      name: `blocks.${number}.${name}`,
      rows: { kind: "part", part, of: fused.length },
    }));
  const name = inBlock.get(inner);
  return name === undefined ? [] : [{ name: `blocks.${number}.${name}`, rows: ALL }];
}

/** The diffusers tensors that an official one becomes; nothing for a name that HunyuanDiT does not have. */
export function diffusersPieces(official: string): readonly Piece[] {
  const loose = LOOSE[official];
  if (loose !== undefined) return [{ name: loose, rows: ALL }];
  const [, module = "", kind = ""] = /^(.+)\.(weight|bias)$/.exec(official) ?? [];
  return diffusersModules(module).map(({ name, rows }) => ({ name: `${name}.${kind}`, rows }));
}

const officialInBlock = new Map(IN_BLOCK.map(([official, diffusers]) => [diffusers, official]));
const officialOutside = new Map(OUTSIDE.map(([official, diffusers]) => [diffusers, official]));
const officialFused = new Map(
  Object.entries(FUSED).flatMap(([official, parts]) => parts.map((part) => [part, official] as const)),
);
const officialLoose = new Map(Object.entries(LOOSE).map(([official, diffusers]) => [diffusers, official]));

/** The official module that a diffusers one is, or is a part of; nothing when there is none. */
export function officialModule(diffusers: string): string | undefined {
  const [, number, inner = ""] = /^blocks\.(\d+)\.(.+)$/.exec(diffusers) ?? [];
  if (number === undefined) return officialOutside.get(diffusers);
  const found = officialFused.get(inner) ?? officialInBlock.get(inner);
  return found === undefined ? undefined : `blocks.${number}.${found}`;
}

/** The official tensor that a diffusers one is, or is a part of; nothing when there is none. */
export function officialName(diffusers: string): string | undefined {
  const loose = officialLoose.get(diffusers);
  if (loose !== undefined) return loose;
  const [, module = "", kind = ""] = /^(.+)\.(weight|bias)$/.exec(diffusers) ?? [];
  const found = officialModule(module);
  return found === undefined ? undefined : `${found}.${kind}`;
}

/** Every module with a weight, those inside blocks under block 0. */
export function officialModules(): string[] {
  const inside = [...IN_BLOCK.map(([official]) => official), ...Object.keys(FUSED)];
  return [...inside.map((name) => `blocks.0.${name}`), ...OUTSIDE.map(([official]) => official)];
}
