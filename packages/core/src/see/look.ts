import { availableParallelism } from "node:os";
import { type Tensor, tidy } from "@hyfw/native";
import type { Sample } from "../hooks/augmenter.js";
import type { Resolution } from "../hooks/dataset.js";
import { MODEL, type ModelHook } from "../hooks/model.js";
import { type CaptionReach, TEXT_ENCODER, type TextEncoderHook } from "../hooks/text-encoder.js";
import type { LoadedRun } from "../run/container.js";
import { type LoadedBatch, Loader } from "../run/loader.js";
import type { OpenData } from "../run/open-data.js";
import { type Caption, givenText } from "../text/caption.js";
import { thumbnailPng } from "./thumbnail.js";

/** A caption with how far its encoder reads it. */
export interface SeenCaption {
  readonly encoder: string;
  readonly caption: Caption;
  /** Undefined when the text encoder cannot tell, or there is none. */
  readonly reach: CaptionReach | undefined;
}

/** One sample as the model will get it. */
export interface SeenSample {
  readonly sample: Sample;
  /** PNG after resize, crop and mirroring. */
  readonly picture: Buffer;
  readonly captions: readonly SeenCaption[];
  /** What the model is told beside captions. */
  readonly facts: readonly (readonly [label: string, fact: string])[];
}

/** One micro-batch. */
export interface SeenBatch {
  /** The phase, for a mixed one with the data set: `mixed/photos`. */
  readonly phase: string;
  readonly epoch: number;
  /** Pass over the data set's rows that chance is keyed by; the epoch except in a mixed phase. */
  readonly pass: number;
  readonly resolution: Resolution;
  readonly samples: readonly SeenSample[];
}

/** What to look at. */
export interface LookFacts {
  readonly run: LoadedRun;
  readonly data: OpenData;
  readonly start: ConstructorParameters<typeof Loader>[1];
  /** Micro-batches to pass over, and to give. */
  readonly skip: number;
  readonly batches: number;
  /** Longest side of pictures in pixels. */
  readonly pictureSize: number;
  readonly signal: AbortSignal;
}

/** Micro-batches from the loader that training uses, one after the other. */
export async function* look(facts: LookFacts): AsyncGenerator<SeenBatch> {
  const { run, data, start, skip, batches, pictureSize, signal } = facts;
  const loader = new Loader(
    {
      ...data.order,
      phases: data.phases,
      rank: 0,
      worldSize: 1,
      inFlight: availableParallelism(),
      ahead: 0,
      aheadBytes: 0,
    },
    start,
  );
  const hooks = { model: run.getAll(MODEL)[0], encoders: run.getAll(TEXT_ENCODER)[0] };
  try {
    for (let n = 0; n < skip + batches; n++) {
      signal.throwIfAborted();
      const batch = await loader.next();
      if (batch === undefined) return;
      if (n >= skip) yield seen(batch, hooks, pictureSize);
    }
  } finally {
    await loader.close();
  }
}

interface SeenHooks {
  readonly model: ModelHook | undefined;
  readonly encoders: TextEncoderHook | undefined;
}

function seen(loaded: LoadedBatch, { model, encoders }: SeenHooks, pictureSize: number): SeenBatch {
  return tidy(() => {
    const { samples, epoch, resolution, images } = loaded.toBatch("cpu");
    const reach = (caption: Caption, encoder: "first" | "second"): CaptionReach | undefined =>
      encoders?.reach?.(givenText(caption), encoder);
    return {
      phase: loaded.unit.source.name,
      epoch: loaded.unit.epoch,
      pass: epoch,
      resolution,
      samples: samples.map((sample, n) => ({
        sample,
        picture: thumbnailPng({ ...resolution, pixels: bytesOf(images, n) }, pictureSize),
        captions: [
          { encoder: "BERT", caption: sample.caption, reach: reach(sample.caption, "first") },
          { encoder: "mT5", caption: sample.captionT5, reach: reach(sample.captionT5, "second") },
        ],
        facts: model?.describeSample?.(sample) ?? [],
      })),
    };
  });
}

/** Picture `n` of [B, 3, H, W] in [-1, 1] as bytes, row by row. */
function bytesOf(images: Tensor, n: number): Uint8Array {
  return tidy(() => {
    const bytes = images.select(0, n).add(1).mul(127.5).round().clamp(0, 255).to({ dtype: "uint8" });
    return Uint8Array.from(bytes.permute([1, 2, 0]).contiguous().toTypedArray(), Number);
  });
}
