import type { Latents } from "@hyfw/core";
import type { GoldenCase } from "@hyfw/core/golden";
import type { Tensor } from "@hyfw/native";

export type { GoldenCase };

/**
 * Runs every case of the model reference set that is about the VAE. Needs the native addon as soon as the first case
 * runs.
 */
export async function* goldenCases(folder: string): AsyncGenerator<GoldenCase> {
  const { vaeCases } = await import("./golden/vae-cases.js");
  yield* vaeCases(folder);
}

/** The small VAE of the reference pipeline; for cases that join several plugins. */
export async function referenceLatents(
  folder: string,
): Promise<Latents & { encodeWith(images: Tensor, noise: Tensor): Tensor }> {
  const { openReferenceLatents } = await import("./golden/reference-latents.js");
  return openReferenceLatents(folder);
}
