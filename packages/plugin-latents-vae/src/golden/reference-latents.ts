import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "@hyfw/core";
import { load } from "@hyfw/core/golden";
import { openSafetensors, type Tensor, tidy, writeSafetensors } from "@hyfw/native";
import { openVae } from "../open-vae.js";
import { VaeOptions } from "../options.js";
import { type VaeLatents, vaeLatents } from "../vae-latents.js";

const Pipeline = z.object({ vae_config: z.record(z.string(), z.unknown()) });

/**
 * The VAE of `sampler_pipeline_e2e`, written out as the folder of a release and opened from there like any other, so
 * that the whole way from a folder to latents is what is compared.
 */
export function openReferenceLatents(folder: string): VaeLatents {
  const facts = load(folder, "sampler_pipeline_e2e.json", Pipeline);
  if (facts === undefined) throw new Error(`${folder} has no sampler_pipeline_e2e.json`);
  const root = mkdtempSync(join(tmpdir(), "hyfw-vae-"));
  // Weights stay mapped until the process ends.
  process.once("exit", () => rmSync(root, { recursive: true, force: true }));
  writeFileSync(join(root, "config.json"), JSON.stringify(facts.vae_config));
  const tensors = openSafetensors(join(folder, "sampler_pipeline_e2e.safetensors"));
  const prefix = "vae.";
  tidy(() => {
    const own = tensors.names().filter((name) => name.startsWith(prefix));
    const named = own.map((name): [string, Tensor] => [name.slice(prefix.length), tensors.get(name)]);
    writeSafetensors(join(root, "diffusion_pytorch_model.safetensors"), Object.fromEntries(named));
  });
  return vaeLatents(openVae(root), VaeOptions.parse({}));
}
