import type { WeightEntry, WeightFile } from "@hyfw/core";
import { renamedWeights } from "@hyfw/core/weights";
import { cat, type Tensor, tidy } from "@hyfw/native";
import { weightsPartial, weightsUnknown } from "../errors.js";
import { diffusersPieces, officialName, type Piece, type Rows } from "./diffusers-names.js";

/** Whose names and splits the tensors of a file have. */
export type Layout = "official" | "diffusers";

const ALL: Rows = { kind: "all" };

/** Tells whose names a file has; undefined when they are neither's. */
export function layoutOf(names: readonly string[]): Layout | undefined {
  if (names.some((name) => /^(mlp_t5\.0|x_embedder\.proj)\.weight$/.test(name))) return "official";
  if (names.some((name) => /^(text_embedder\.linear_1|pos_embed\.proj)\.weight$/.test(name)))
    return "diffusers";
  return undefined;
}

/**
 * The same weights under official names: fused projections are joined and halves swapped when a tensor is read.
 * @throws HYFW_HUNYUAN_WEIGHTS when the names are of no known layout, or parts of a fused tensor are missing
 */
export function asOfficial(file: WeightFile): WeightFile {
  const layout = layoutOf(file.names());
  if (layout === undefined) throw weightsUnknown(file.path, file.names());
  if (layout === "official") return file;
  // diffusers keeps its sine tables of positions in some files; HunyuanDiT rotates and needs none.
  const known = file.names().filter((name) => name !== "pos_embed.pos_embed");
  const parts = new Map<string, Piece[]>();
  for (const name of known) {
    const official = officialName(name) ?? name;
    const pieces = diffusersPieces(official);
    parts.set(official, pieces.length === 0 ? [{ name, rows: ALL }] : [...pieces]);
  }
  for (const [official, pieces] of parts) {
    const missing = pieces.filter(({ name }) => !file.has(name));
    if (missing.length > 0)
      throw weightsPartial(
        file.path,
        official,
        missing.map(({ name }) => name),
      );
  }
  const piecesOf = (name: string): readonly Piece[] => parts.get(name) ?? [];
  return {
    ...file,
    layout: `${file.layout}, diffusers names`,
    names: () => [...parts.keys()],
    has: (name) => parts.has(name),
    entry: (name) => joinedEntry(piecesOf(name).map((piece) => file.entry(piece.name))),
    get: (name) => tidy(() => joined(piecesOf(name), (piece) => file.get(piece))),
  };
}

/** The same weights under diffusers' names. @param file under official names */
export function asDiffusers(file: WeightFile): WeightFile {
  const sources = new Map<string, { readonly official: string; readonly rows: Rows }>();
  for (const official of file.names()) {
    const pieces = diffusersPieces(official);
    if (pieces.length === 0) throw weightsUnknown(file.path, [official]);
    for (const { name, rows } of pieces) sources.set(name, { official, rows });
  }
  const sourceOf = (name: string): { readonly official: string; readonly rows: Rows } =>
    sources.get(name) ?? { official: name, rows: ALL };
  return {
    ...file,
    layout: "diffusers",
    names: () => [...sources.keys()],
    has: (name) => sources.has(name),
    entry: (name) => {
      const { official, rows } = sourceOf(name);
      const { dtype, shape } = file.entry(official);
      const [first = 0, ...rest] = shape;
      return { dtype, shape: rows.kind === "part" ? [first / rows.of, ...rest] : shape };
    },
    get: (name) => {
      const { official, rows } = sourceOf(name);
      return tidy(() => taken(file.get(official), rows));
    },
  };
}

/** Names with `model.diffusion_model.` before them, as ComfyUI keeps a model inside a whole checkpoint. */
export function asComfyui(file: WeightFile): WeightFile {
  return renamedWeights(file, new Map(file.names().map((name) => [`model.diffusion_model.${name}`, name])));
}

function joined(pieces: readonly Piece[], get: (name: string) => Tensor): Tensor {
  const parts = pieces.map(({ name }) => get(name));
  const [first] = pieces;
  const [whole] = parts;
  if (first === undefined || whole === undefined) throw new RangeError("a tensor of no parts");
  return parts.length > 1 ? cat(parts, 0) : taken(whole, first.rows);
}

function joinedEntry(entries: readonly WeightEntry[]): WeightEntry {
  const [first] = entries;
  if (first === undefined) throw new RangeError("a tensor of no parts");
  const rows = entries.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  return { dtype: first.dtype, shape: entries.length > 1 ? [rows, ...first.shape.slice(1)] : first.shape };
}

/** The rows of an official tensor that a piece has; swapping is its own inverse. */
export function taken(tensor: Tensor, rows: Rows): Tensor {
  if (rows.kind === "all") return tensor;
  const [count = 0] = tensor.shape;
  if (rows.kind === "part") {
    const size = count / rows.of;
    return tensor.narrow(0, rows.part * size, size);
  }
  const half = count / 2;
  return cat([tensor.narrow(0, half, count - half), tensor.narrow(0, 0, half)], 0);
}
