import type { DeviceName } from "@hyfw/native";
import type { Sample } from "../hooks/augmenter.js";
import type { Batch } from "../hooks/model.js";
import { checkShapes, collateImages } from "./collate.js";
import { diceKey } from "./dice.js";
import { limitConcurrency } from "./limit-concurrency.js";
import { PixelBuffers } from "./pixel-buffers.js";
import { readSample } from "./read-sample.js";
import { type ReplacedSample, replaceBadSample } from "./replace-bad-sample.js";
import {
  type DataPlace,
  type OpenPhase,
  type OrderFacts,
  type PlacedUnit,
  unitsFrom,
  wholeSteps,
} from "./unit-places.js";

/** What a loader reads and how. */
export interface LoaderFacts extends OrderFacts {
  readonly phases: readonly OpenPhase[];
  readonly rank: number;
  readonly worldSize: number;
  /** Pictures decoded at a time. */
  readonly inFlight: number;
  /** Batches that are read before they are asked for. */
  readonly ahead: number;
}

/** A micro-batch whose pictures lie in memory, before the device has them. */
export interface LoadedBatch {
  readonly unit: PlacedUnit;
  readonly samples: readonly Sample[];
  /** Rows that could not be read, in whose place others stand. */
  readonly replaced: readonly ReplacedSample[];
  /** The batch on the device, once; its tensors belong to the current scope. */
  toBatch(device: DeviceName): Batch;
}

/** Micro-batches of a run in order, read ahead of use. */
export class Loader {
  private readonly parts: Iterator<UnitPart>;
  private readonly pending: { readonly unit: PlacedUnit; readonly batch: Promise<LoadedBatch> }[] = [];
  private readonly limit: <Result>(work: () => Promise<Result>) => Promise<Result>;
  private readonly buffers = new PixelBuffers();
  private isClosed = false;

  constructor(
    private readonly facts: LoaderFacts,
    start: DataPlace,
  ) {
    this.parts = partsOf(wholeSteps(unitsFrom(start, facts.phases, facts)), facts);
    this.limit = limitConcurrency(facts.inFlight);
  }

  /** The unit that the next micro-batch is of; `undefined` after the last. */
  get upcoming(): PlacedUnit | undefined {
    this.readAhead();
    return this.pending[0]?.unit;
  }

  /** The next micro-batch; `undefined` after the last. @throws the error of the row that could not be read */
  async next(): Promise<LoadedBatch | undefined> {
    this.readAhead();
    const first = this.pending.shift();
    const batch = await first?.batch;
    this.readAhead();
    return batch;
  }

  /** Stops reading and waits for what is under way. */
  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.allSettled(this.pending.map(({ batch }) => batch));
    this.pending.length = 0;
  }

  private readAhead(): void {
    while (!this.isClosed && this.pending.length <= this.facts.ahead) {
      const { done, value } = this.parts.next();
      if (done === true) return;
      const batch = this.read(value);
      // Its error is thrown where the batch is taken; until then it must not count as unhandled.
      batch.catch(() => undefined);
      this.pending.push({ unit: value.unit, batch });
    }
  }

  private async read({ unit, positions }: UnitPart): Promise<LoadedBatch> {
    const { seed } = this.facts;
    const { height, width } = unit.resolution;
    const bytes = height * width * 3;
    const pixels = this.buffers.take(positions.length * bytes);
    const { dataset } = unit.source;
    const facts = { dataset, resolution: unit.resolution };
    const read = await all([...positions], (first, place) =>
      replaceBadSample(first, facts, async (position) => {
        const sample = await this.limit(() => readSample(position, unit, seed));
        checkShapes([sample], unit.resolution);
        const own = pixels.subarray(place * bytes, (place + 1) * bytes);
        await this.limit(() => dataset.readPixels(sample.row, sample.geometry, own));
        return sample;
      }),
    );
    const samples = read.map(({ result }) => result);
    return {
      unit,
      samples,
      replaced: read.flatMap(({ replaced }) => replaced),
      toBatch: (device) => {
        const images = collateImages(pixels, samples, device);
        this.buffers.giveBack(pixels);
        return {
          samples,
          epoch: unit.pass,
          resolution: unit.resolution,
          images,
          key: (sample, purpose) => diceKey(seed, unit.pass, samples[sample]?.row.id ?? "", purpose),
        };
      },
    };
  }
}

/** What one micro-batch takes of a unit. */
interface UnitPart {
  readonly unit: PlacedUnit;
  readonly positions: Uint32Array;
}

/** Units dealt to processes contiguously, and a process's share cut into micro-batches. */
function* partsOf(units: Iterable<PlacedUnit>, { rank, worldSize }: LoaderFacts): Generator<UnitPart> {
  for (const unit of units) {
    const share = unit.positions.length / worldSize;
    const { microBatch } = unit.phase.share;
    for (let at = rank * share; at < (rank + 1) * share; at += microBatch)
      yield { unit, positions: unit.positions.subarray(at, at + microBatch) };
  }
}

/** `Promise.all` that waits for all even when one fails, so that nothing writes into memory that is used again. */
async function all<In, Out>(
  inputs: readonly In[],
  work: (input: In, place: number) => Promise<Out>,
): Promise<Out[]> {
  const settled = await Promise.allSettled(inputs.map(work));
  return settled.map((one) => {
    if (one.status === "rejected") throw one.reason;
    return one.value;
  });
}
