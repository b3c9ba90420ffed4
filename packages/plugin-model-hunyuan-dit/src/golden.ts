import type { Latents, TextEncoderHook } from "@hyfw/core";
import type { GoldenCase } from "@hyfw/core/golden";
import type { Tensor } from "@hyfw/native";

export type { GoldenCase };

/** What the reference pipeline has beside the network. */
export interface PipelineParts {
  readonly textEncoders: TextEncoderHook;
  readonly latents: Latents & { encodeWith(images: Tensor, noise: Tensor): Tensor };
}

/**
 * Runs every case of the model reference set that a folder holds: names, shapes and settings come from its files, and
 * a file that is not there gives no cases. Cases whose feature is not built are given as skipped, by name. Needs the
 * native addon as soon as the first case runs.
 * @param parts opens what cases of the whole pipeline take from other plugins; without it they are skipped
 */
export async function* goldenCases(
  folder: string,
  parts?: (folder: string) => Promise<PipelineParts>,
): AsyncGenerator<GoldenCase> {
  const { modelCases } = await import("./golden/model-cases.js");
  const { pipelineCases } = await import("./golden/pipeline-cases.js");
  yield* modelCases(folder);
  yield* pipelineCases(folder, parts);
}
