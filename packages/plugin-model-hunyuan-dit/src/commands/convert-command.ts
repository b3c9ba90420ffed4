import { mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { type CommandIo, defineCommand, type WeightEntry, type WeightFile, z } from "@hyfw/core";
import { peftConfig } from "@hyfw/core/weights";
import { streamSafetensors, type Tensor, type TensorSource, tidy, writeTorchFile } from "@hyfw/native";
import { convertImpossible, weightsMisfit } from "../errors.js";
import { asComfyui, asDiffusers, asOfficial } from "../layouts/layout.js";
import { isLora, type LazyTensor, loraTensors, readLora } from "../layouts/lora-file.js";
import { compareWithNetwork, type Recognised, recognise } from "../layouts/recognise.js";
import { findWeights } from "./find-weights.js";

const DTYPES = { fp32: "float32", fp16: "float16", bf16: "bfloat16" } as const;

const Options = z.strictObject({
  to: z
    .enum(["official", "diffusers", "comfyui", "peft", "kohya"])
    .describe("Names and layout to write; peft and kohya are for adapters.")
    .meta({ flag: "--to" }),
  state: z
    .string()
    .default("auto")
    .describe("Which state of a file that holds several: module, ema, or auto for the first there is.")
    .meta({ flag: "--state" }),
  dtype: z
    .enum(["keep", "fp32", "fp16", "bf16"])
    .default("keep")
    .describe("Element type to write.")
    .meta({ flag: "--dtype" }),
  allowMissing: z
    .boolean()
    .default(false)
    .describe("Writes a model although tensors are missing or too many.")
    .meta({ flag: "--allow-missing" }),
});
type Options = z.output<typeof Options>;

/** Rewrites weights in the names that another program reads. */
export const convertCommand = defineCommand({
  name: "convert",
  summary: "Writes a model or a LoRA in the names and layout of another program.",
  usage: "hyfw convert IN OUT --to official|diffusers|comfyui|peft|kohya [--state ema] [--dtype bf16]",
  options: Options,
  positionals: [
    { name: "IN", description: "File, folder, checkpoint or run to read.", isRequired: true },
    {
      name: "OUT",
      description: "File to write: .safetensors, .pt for official models, or a folder.",
      isRequired: true,
    },
  ],
  run: ({ options, positionals: [from = "", to = ""] }, io) => {
    const file = findWeights(from, io.cwd, options.state);
    const path = resolve(io.cwd, to);
    if (isLora(file.names())) convertLora(file, path, options, io);
    else convertModel(file, path, options, io);
  },
});

function convertModel(file: WeightFile, path: string, options: Options, io: CommandIo): void {
  if (options.to === "peft" || options.to === "kohya")
    throw convertImpossible(`${file.path} is a whole model; ${options.to} names are for adapters`);
  const official = asOfficial(file);
  const facts = recognise(official);
  checkFit(official, facts, options.allowMissing);
  const shaped =
    options.to === "diffusers"
      ? asDiffusers(official)
      : options.to === "comfyui"
        ? asComfyui(official)
        : official;
  const sources = sourcesOf(shaped, options.dtype);
  const name = options.to === "diffusers" ? "diffusion_pytorch_model.safetensors" : "model.safetensors";
  const target = fileOf(path, name);
  if (isTorchEnding(target)) {
    if (options.to !== "official")
      throw convertImpossible(`${options.to} reads .safetensors; .pt is for the official tools`);
    writeTorchFile(target, sources);
  } else streamSafetensors(target, sources, { ...textFacts(file.metadata), format: "pt" });
  if (options.to === "diffusers") writeJson(join(dirname(target), "config.json"), diffusersConfig(facts));
  io.stdout.write(
    `${describe(facts)}\n${file.layout} ${file.path}\n  -> ${options.to} ${target}, ${sources.length} tensors\n`,
  );
}

function convertLora(file: WeightFile, path: string, options: Options, io: CommandIo): void {
  const layout = options.to === "official" ? "peft" : options.to;
  const adapter = readLora(file);
  const tensors = loraTensors(adapter.modules, layout);
  const target = fileOf(
    path,
    layout === "diffusers" ? "pytorch_lora_weights.safetensors" : "adapter_model.safetensors",
  );
  if (isTorchEnding(target)) throw convertImpossible("adapters are written as .safetensors");
  const scales = [...adapter.modules.values()].map(({ alpha, down }) => alpha / (down.shape[0] ?? 1));
  const [scale = 1] = scales;
  if (layout !== "kohya" && layout !== "peft" && scales.some((one) => one !== 1))
    throw convertImpossible(
      `${layout} files have no place for alpha, and this adapter's is not its rank; --to peft or kohya keeps it`,
    );
  streamSafetensors(
    target,
    tensors.map((one) => cast(one.name, one, options.dtype)),
    { format: "pt" },
  );
  if (layout === "peft") {
    if (scales.some((one) => one !== scale))
      throw convertImpossible("layers of this adapter have different alpha / rank; --to kohya keeps them");
    writeFileSync(join(dirname(target), "adapter_config.json"), adapterConfig(adapter.modules));
  }
  io.stdout.write(
    `LoRA of ${adapter.modules.size} layers\n${adapter.layout} ${file.path}\n  -> ${layout} ${target}, ${tensors.length} tensors\n`,
  );
}

/** @throws HYFW_DIT_WEIGHTS_MISFIT unless names and shapes are those of the model, or leaving some out is allowed */
export function checkFit(file: WeightFile, { shape }: Recognised, allowMissing: boolean): void {
  const { missing, unexpected, misshapen } = compareWithNetwork(file, shape);
  if (misshapen.length > 0 || (!allowMissing && missing.length + unexpected.length > 0))
    throw weightsMisfit(file.path, { missing, unexpected, misshapen });
}

/** One line about recognised weights. */
export function describe({ model, version, parameters, shape }: Recognised): string {
  const { hiddenSize, depth, numHeads } = shape;
  return `HunyuanDiT ${model}, version ${version}: width ${hiddenSize}, ${depth} blocks, ${numHeads} heads, ${parameters.toLocaleString("en-US")} parameters`;
}

function sourcesOf(file: WeightFile, dtype: Options["dtype"]): TensorSource[] {
  return file.names().map((name) => cast(name, { ...file.entry(name), get: () => file.get(name) }, dtype));
}

function cast(name: string, source: LazyTensor, dtype: Options["dtype"]): TensorSource {
  const whole = dtype === "keep" || !isFloat(source);
  const target = whole ? source.dtype : DTYPES[dtype];
  return {
    name,
    dtype: target,
    shape: source.shape,
    get: (): Tensor =>
      target === source.dtype ? source.get() : tidy(() => source.get().to({ dtype: target })),
  };
}

function isFloat({ dtype }: WeightEntry): boolean {
  return dtype === "float32" || dtype === "float16" || dtype === "bfloat16" || dtype === "float64";
}

function fileOf(path: string, name: string): string {
  const target = extname(basename(path)) === "" ? join(path, name) : path;
  mkdirSync(dirname(target), { recursive: true });
  return target;
}

function isTorchEnding(path: string): boolean {
  return /\.(pt|pth|bin|ckpt)$/.test(path);
}

function textFacts(metadata: Readonly<Record<string, string>>): Record<string, string> {
  // What PyTorch files say is about a trainer's run, not about weights.
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => !key.includes(".")));
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** The config.json of diffusers' HunyuanDiT2DModel. */
function diffusersConfig({ shape }: Recognised): Record<string, unknown> {
  return {
    _class_name: "HunyuanDiT2DModel",
    activation_fn: "gelu-approximate",
    attention_head_dim: shape.hiddenSize / shape.numHeads,
    cross_attention_dim: shape.textStatesDim,
    cross_attention_dim_t5: shape.textStatesDimT5,
    hidden_size: shape.hiddenSize,
    in_channels: shape.inChannels,
    learn_sigma: shape.learnSigma,
    mlp_ratio: shape.mlpHidden / shape.hiddenSize,
    norm_type: "layer_norm",
    num_attention_heads: shape.numHeads,
    num_layers: shape.depth,
    patch_size: 2,
    pooled_projection_dim: 1024,
    sample_size: 128,
    text_len: shape.textLen,
    text_len_t5: shape.textLenT5,
    use_style_cond_and_image_meta_size: shape.useStyleCond,
  };
}

/** The adapter_config.json of an adapter whose layers all have one alpha / rank. */
export function adapterConfig(
  modules: ReadonlyMap<string, { readonly alpha: number; readonly down: WeightEntry }>,
): string {
  const layers = [...modules].map(([module, { down }]) => ({ module, rank: down.shape[0] ?? 1 }));
  const [first] = modules.values();
  const rank = layers[0]?.rank ?? 1;
  const targets = [...new Set(layers.map(({ module }) => module.split(".").at(-1) ?? module))].sort();
  return peftConfig(layers, { rank, alpha: first?.alpha ?? rank, targets });
}
