import type { TextEncoderHook } from "@hyfw/core";
import type { GoldenCase } from "@hyfw/core/golden";

export type { GoldenCase };

/**
 * Runs every case of the model reference set that is about text encoders and tokenizers. Needs the native addon as
 * soon as the first case runs.
 */
export async function* goldenCases(folder: string): AsyncGenerator<GoldenCase> {
  const { encoderCases } = await import("./golden/encoder-cases.js");
  const { tokenizerCases } = await import("./golden/tokenizer-cases.js");
  yield* tokenizerCases(folder);
  yield* encoderCases(folder);
}

/** The small encoders of the reference pipeline, with its tokenizers; for cases that join several plugins. */
export async function referenceEncoders(folder: string): Promise<TextEncoderHook> {
  const { openReferenceEncoders } = await import("./golden/reference-encoders.js");
  return openReferenceEncoders(folder);
}
