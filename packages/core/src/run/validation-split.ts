import { createHash } from "node:crypto";
import { validationEmpty } from "../errors/validation.js";
import type { Bucket, Dataset, Resolution, Row } from "../hooks/dataset.js";
import type { Settings } from "../settings/schema.js";
import { diceFor } from "./dice.js";
import { limitConcurrency } from "./limit-concurrency.js";

/** Purposes that validation draws for, keyed by picture. */
const PURPOSES = { keep: "validation/keep", choose: "validation/choose" } as const;

/** Rows read at a time. */
const IN_FLIGHT = 64;

/** Rows to measure, chosen and in order; the same at every number of processes. */
export interface ValidationRows {
  readonly dataset: Dataset;
  readonly batches: readonly ValidationBatch[];
  /** Pictures that are kept out of training. */
  readonly pictures: number;
}

/** Rows of one resolution that are measured at once. */
export interface ValidationBatch {
  readonly resolution: Resolution;
  readonly positions: Uint32Array;
}

/** Data of a run with the validation rows taken out. */
export interface SplitData {
  /** In the order they were given. */
  readonly training: readonly Dataset[];
  readonly rows: ValidationRows;
}

type ValidationOptions = Settings["validation"];

/**
 * Takes pictures out of training: a share of the first data set's, or all of another one's. A picture that is kept out is
 * kept out of every phase, at every place of its index.
 * @param own validation's own data set, when the settings name one
 * @throws HYFW_SETTINGS_VALIDATION when nothing is left to measure or to train on
 */
export async function splitValidation(
  datasets: readonly Dataset[],
  own: Dataset | undefined,
  settings: ValidationOptions,
): Promise<SplitData> {
  const { fraction = 0, seed } = settings;
  const source = own ?? datasets[0];
  if (source === undefined) throw new RangeError("a run has at least one phase");
  const pictures = await picturesOf(source);
  const isChosen = (picture: string): boolean =>
    own !== undefined || diceFor(seed, 0, picture).stream(PURPOSES.keep).uniform() < fraction;
  const kept = new Set([...pictures.values()].filter(isChosen));
  if (kept.size === 0)
    throw validationEmpty("measure", `of ${new Set(pictures.values()).size} pictures none is kept`);
  const training: Dataset[] = [];
  for (const dataset of datasets) {
    const found = dataset === source ? pictures : await picturesOf(dataset);
    const isKept = (picture: string): boolean => (own === undefined ? isChosen(picture) : kept.has(picture));
    const left = without(dataset, (position) => isKept(found.get(position) ?? ""), settings);
    if (left.length === 0) throw validationEmpty("train on", `all of ${dataset.name} is kept for validation`);
    training.push(left);
  }
  const positions = (position: number): boolean => kept.has(pictures.get(position) ?? "");
  const batches = chooseBatches(source.buckets, { positions, pictures, settings });
  return { training, rows: { dataset: source, batches, pictures: kept.size } };
}

/** Which picture each position has. */
async function picturesOf(dataset: Dataset): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  const limit = limitConcurrency(IN_FLIGHT);
  for (const { positions } of dataset.buckets)
    for (let start = 0; start < positions.length; start += IN_FLIGHT)
      await Promise.all(
        [...positions.subarray(start, start + IN_FLIGHT)].map((position) =>
          limit(async () => found.set(position, pictureOf(await dataset.row(position)))),
        ),
      );
  return found;
}

function pictureOf({ picture, id }: Row): string {
  return picture ?? id;
}

/** A data set without some positions; its fingerprint says so. */
function without(
  dataset: Dataset,
  isKept: (position: number) => boolean,
  { fraction, data, seed }: ValidationOptions,
): Dataset {
  const buckets = dataset.buckets
    .map(({ resolution, positions }) => ({ resolution, positions: positions.filter((one) => !isKept(one)) }))
    .filter(({ positions }) => positions.length > 0);
  const length = buckets.reduce((sum, { positions }) => sum + positions.length, 0);
  const hash = createHash("sha256").update(dataset.fingerprint);
  for (const { positions } of buckets) hash.update(new Uint8Array(positions.buffer));
  const fact = `${dataset.length - length} of ${dataset.length} positions kept out for validation`;
  return {
    name: dataset.name,
    fingerprint: hash.update(JSON.stringify([fraction, data, seed])).digest("hex"),
    length,
    buckets,
    describe: () => [...dataset.describe(), fact],
    row: (position) => dataset.row(position),
    geometry: (row, resolution) => dataset.geometry(row, resolution),
    readPixels: (row, geometry, out) => dataset.readPixels(row, geometry, out),
    close: () => dataset.close(),
  };
}

interface Choice {
  readonly positions: (position: number) => boolean;
  readonly pictures: ReadonlyMap<number, string>;
  readonly settings: ValidationOptions;
}

/** Each picture once, by a keyed order, cut into batches of one resolution. */
function chooseBatches(
  buckets: readonly Bucket[],
  { positions: isKept, pictures, settings }: Choice,
): ValidationBatch[] {
  const { samples, batchSize, seed } = settings;
  const seen = new Set<string>();
  const candidates = buckets.flatMap(({ positions }, bucket) =>
    [...positions].flatMap((position) => {
      const picture = pictures.get(position) ?? "";
      if (!isKept(position) || seen.has(picture)) return [];
      seen.add(picture);
      const rank = diceFor(seed, 0, picture).stream(PURPOSES.choose).uniform();
      return [{ bucket, position, rank, picture }];
    }),
  );
  const chosen = candidates
    .sort((a, b) => a.rank - b.rank || a.picture.localeCompare(b.picture))
    .slice(0, samples);
  return buckets.flatMap(({ resolution }, bucket) => {
    const own = chosen.filter((one) => one.bucket === bucket).map(({ position }) => position);
    return Array.from({ length: Math.ceil(own.length / batchSize) }, (_, n) => ({
      resolution,
      positions: Uint32Array.from(own.slice(n * batchSize, (n + 1) * batchSize)),
    }));
  });
}
