import { defineError } from "@hyfw/core";

/** The folder of the VAE is not there. */
export const vaeAbsent = defineError(
  "HYFW_VAE_ABSENT",
  (option: string, path: string, looked: readonly string[]) => ({
    summary: `the VAE is not at ${path}`,
    where: { "looked for": looked.join(", ") },
    setting: `${option} = ${JSON.stringify(path)}`,
    todo: "download the VAE of the release as docs/models.md says, and set run.modelRoot (--model-root) to the folder that holds it, or plugins.latents-vae.folder to its own",
  }),
);

/** A config.json asks for a network that is not built. */
export const vaeConfig = defineError(
  "HYFW_VAE_CONFIG",
  (path: string, key: string, expected: string, found: unknown) => ({
    summary: `${path}: ${key} must be ${expected}, found ${JSON.stringify(found)}`,
    todo: "give the folder of an AutoencoderKL as Stable Diffusion and SDXL have it",
  }),
);

/** The VAE gave numbers that are not finite. */
export const vaeNotFinite = defineError("HYFW_VAE_FINITE", (what: string, dtype: string) => ({
  summary: `the VAE in ${dtype} gave ${what} that are not finite`,
  todo: "set plugins.latents-vae.dtype to float32; SDXL's own VAE overflows in float16, its fp16-fix version does not",
}));

/** A picture's sides do not divide into cells. */
export const vaeSize = defineError("HYFW_VAE_SIZE", (height: number, width: number, cell: number) => ({
  summary: `pictures of ${height}x${width} pixels cannot be encoded: both sides must be multiples of ${cell}`,
  todo: "choose such sizes in the settings of the data set",
}));
