import { availableParallelism } from "node:os";
import { type DeviceName, tidy } from "@hyfw/native";
import type { CommandIo } from "../cli/command.js";
import { cacheNone } from "../errors/cache.js";
import type { EncoderCache } from "../hooks/encoder-cache.js";
import { type Batch, MODEL } from "../hooks/model.js";
import type { LoadedRun } from "./container.js";
import { openDevice } from "./device.js";
import { Loader } from "./loader.js";
import { type OpenData, openData } from "./open-data.js";
import { FIRST_PLACE, mixedEpochUnits } from "./unit-places.js";
import { ALONE } from "./world.js";

const READ_AHEAD_BYTES = 128 * 2 ** 20;
const TELL_EVERY_MS = 10_000;

/** What `hyfw cache` was asked for. */
export interface CacheRequest {
  /** Epochs of every phase, from the first, whose pictures and captions are made ready. */
  readonly epochs: number;
  /** Says the size and stops. */
  readonly estimate: boolean;
}

/**
 * Fills the caches of a run's encoders with exactly what its first epochs will ask for: the loader and the model prepare
 * every batch as in training, and no step is taken. What is there already is kept.
 * @throws HYFW_CACHE_NONE when nothing of the run keeps a cache
 */
export async function buildCaches(run: LoadedRun, request: CacheRequest, io: CommandIo): Promise<void> {
  const { settings } = run;
  const device = openDevice(settings.run, ALONE);
  const opened = await openData(run, { worldSize: 1 });
  const phases = opened.phases.map((phase) => ({
    ...phase,
    epochs: Math.min(phase.epochs, request.epochs),
    // No step is taken, so none has to be filled.
    train: { ...phase.train, gradAccuSteps: 1 },
  }));
  const data = { ...opened, phases };
  // Encoders have their weights whether or not the network has; it is not asked to compute.
  const model = run.get(MODEL).build({ device, seed: settings.run.seed, withoutWeights: true });
  const caches = model.caches?.() ?? [];
  if (caches.length === 0) throw cacheNone();
  for (const line of estimateLines(data, caches)) io.stdout.write(`${line}\n`);
  if (request.estimate) return;
  const loader = new Loader(
    {
      ...data.order,
      phases,
      rank: 0,
      worldSize: 1,
      inFlight: availableParallelism(),
      ahead: 2,
      aheadBytes: READ_AHEAD_BYTES,
    },
    FIRST_PLACE,
  );
  try {
    await fill(loader, { prepare: (batch) => model.prepare(batch), device, caches, io });
  } finally {
    await loader.close();
  }
}

interface FillFacts {
  readonly prepare: (batch: Batch) => unknown;
  readonly device: DeviceName;
  readonly caches: readonly EncoderCache[];
  readonly io: CommandIo;
}

async function fill(loader: Loader, { prepare, device, caches, io }: FillFacts): Promise<void> {
  let samples = 0;
  let told = performance.now();
  const tell = (): void => {
    const counts = caches.map(({ name, counts }) => {
      const { found, made, broken } = counts();
      return `${name}: ${made} made${broken > 0 ? ` (${broken} of them were damaged)` : ""}, ${found} found`;
    });
    io.stdout.write(`${samples} samples; ${counts.join("; ")}\n`);
  };
  for (let batch = await loader.next(); batch !== undefined; batch = await loader.next()) {
    io.signal.throwIfAborted();
    tidy(() => {
      prepare(batch.toBatch(device));
    });
    samples += batch.samples.length;
    if (performance.now() - told < TELL_EVERY_MS) continue;
    told = performance.now();
    tell();
  }
  tell();
}

/** At most: equal captions share an entry, and so do pictures that are cropped alike in several epochs. */
function estimateLines({ phases }: OpenData, caches: readonly EncoderCache[]): string[] {
  return caches.map(({ name, folder, bytesPerSample }) => {
    let samples = 0;
    let bytes = 0;
    for (const phase of phases)
      for (const { dataset, share } of phase.sources) {
        const drawn = phase.isMixed ? share * mixedEpochUnits(phase) * phase.unitSize : dataset.length;
        for (const { resolution, positions } of dataset.buckets) {
          const uses = Math.ceil((positions.length / dataset.length) * drawn * phase.epochs);
          samples += uses;
          bytes += uses * bytesPerSample(resolution);
        }
      }
    return `${name} in ${folder}: at most ${samples} entries, ${(bytes / 1e9).toPrecision(3)} GB`;
  });
}
