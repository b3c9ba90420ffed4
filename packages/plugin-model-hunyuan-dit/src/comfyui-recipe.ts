import type { DrawRequest, Recipe } from "@hyfw/core";

/** ComfyUI's nearest sampler and scheduler; its timesteps are spaced a little differently. */
const SAMPLERS: Readonly<
  Record<DrawRequest["solver"], { readonly sampler: string; readonly scheduler: string }>
> = {
  ddpm: { sampler: "ddpm", scheduler: "ddim_uniform" },
  ddim: { sampler: "ddim", scheduler: "ddim_uniform" },
  dpmms: { sampler: "dpmpp_2m", scheduler: "normal" },
};

/** The place of a file that a person names after what they have. */
const CHECKPOINT = "hunyuan_dit_1.2.safetensors";
const TRAINED = "hyfw.safetensors";

/** An output of a node: its name in the graph, and which of its outputs. */
type Link = readonly [node: string, output: number];

/**
 * A graph in ComfyUI's API form that draws the same prompts: text encoders and VAE from the published checkpoint, the
 * trained network from a file in `models/diffusion_models`.
 */
export function comfyuiRecipe(request: DrawRequest): Recipe {
  const { prompts, negative, resolution, solver, steps, cfgScale, guidanceRescale = 0, seed } = request;
  const { height, width } = resolution;
  const nodes: Record<string, { class_type: string; inputs: Record<string, unknown> }> = {};
  const node = (name: string, type: string, inputs: Record<string, unknown>, output = 0): Link => {
    nodes[name] = { class_type: type, inputs };
    return [name, output];
  };
  node("checkpoint", "CheckpointLoaderSimple", { ckpt_name: CHECKPOINT });
  const [clip, vae]: [Link, Link] = [
    ["checkpoint", 1],
    ["checkpoint", 2],
  ];
  const trained = node("trained", "UNETLoader", { unet_name: TRAINED, weight_dtype: "default" });
  const model =
    guidanceRescale === 0
      ? trained
      : node("rescale", "RescaleCFG", { model: trained, multiplier: guidanceRescale });
  const encode = (name: string, text: string): Link =>
    node(name, "CLIPTextEncodeHunyuanDiT", { clip, bert: text, mt5xl: text });
  const away = encode("negative", negative);
  const empty = node("empty", "EmptyLatentImage", { width, height, batch_size: 1 });
  for (const [index, prompt] of prompts.entries()) {
    const number = index + 1;
    const latents = node(`draw-${number}`, "KSampler", {
      ...{ model, positive: encode(`prompt-${number}`, prompt), negative: away, latent_image: empty },
      ...{ seed: seed + index, steps, cfg: cfgScale, denoise: 1 },
      ...{ sampler_name: SAMPLERS[solver].sampler, scheduler: SAMPLERS[solver].scheduler },
    });
    const images = node(`decode-${number}`, "VAEDecode", { samples: latents, vae });
    node(`save-${number}`, "SaveImage", { images, filename_prefix: `hyfw-${number}` });
  }
  return { kind: "comfyui", ending: ".json", text: `${JSON.stringify(nodes, null, 2)}\n` };
}
