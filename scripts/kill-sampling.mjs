// @ts-check
// Stops sampling at random points and goes on from the saved place with another number of processes and readers:
//   node scripts/kill-sampling.mjs [--points 1000] [--minutes 10] [--seed 1]
// Whatever the stops, the samples must be those of one process that is never stopped, in the same units: nothing lost,
// nothing twice. It ends after so many points or minutes, whichever comes first.
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { SettingsSchema } from "@hyfw/core";
import { FIRST_PLACE, Loader, PlaceSchema, unitsFrom, wholeSteps } from "@hyfw/core/engine";
import { bucketSampler } from "@hyfw/plugin-sampler-bucket";

/**
 * @typedef {import("@hyfw/core/engine").DataPlace} DataPlace
 * @typedef {import("@hyfw/core/engine").OpenPhase} OpenPhase
 * @typedef {import("@hyfw/core").Dataset} Dataset
 *
 * @typedef {object} KillReport
 * @property {number} points
 * @property {number} runs begun; each goes through all phases
 * @property {number} units
 * @property {number} samples
 * @property {number} replaced rows that could not be read
 * @property {number[]} worldSizes that were used
 * @property {string[]} faults
 */

/** Divisible by every number of processes from 1 to 8. */
const UNIT = 840;
const RESOLUTIONS = [
  { height: 1, width: 2 },
  { height: 1, width: 1 },
  { height: 2, width: 1 },
];

/**
 * @param {{ points: number, seed: number, limitMs: number }} order
 * @returns {Promise<KillReport>}
 */
export async function killSampling({ points, seed, limitMs }) {
  const random = randomFrom(seed);
  const until = performance.now() + limitMs;
  /** @type {KillReport} */
  const report = { points: 0, runs: 0, units: 0, samples: 0, replaced: 0, worldSizes: [], faults: [] };
  while (report.points < points && performance.now() < until && report.faults.length === 0)
    await oneRun(
      seed + report.runs,
      random,
      report,
      () => report.points < points && performance.now() < until,
    );
  report.worldSizes.sort();
  return report;
}

/**
 * One run through all phases, stopped again and again.
 * @param {number} seed
 * @param {() => number} random
 * @param {KillReport} report
 * @param {() => boolean} mayGoOn
 */
async function oneRun(seed, random, report, mayGoOn) {
  report.runs += 1;
  const facts = { sampler: bucketSampler({ leftover: "carry" }), seed, unitSize: UNIT, ranks: 8 };
  const expected = [...wholeSteps(unitsFrom(FIRST_PLACE, phasesFor(1), facts))].map((unit) =>
    [...unit.positions]
      .map((position) => `${unit.source.name}/${unit.pass}/${readable(position, unit)}`)
      .join(),
  );
  checkUses(facts, report);
  /** @type {string[]} */
  const trained = [];
  let place = FIRST_PLACE;
  while (mayGoOn()) {
    const worldSize = 1 + Math.floor(random() * 8);
    if (!report.worldSizes.includes(worldSize)) report.worldSizes.push(worldSize);
    const phases = phasesFor(worldSize);
    const inFlight = 1 + Math.floor(random() * 16);
    const ahead = Math.floor(random() * 4);
    const aheadBytes = 1 + Math.floor(random() * 2 ** 16);
    const ranks = Array.from(
      { length: worldSize },
      (_, rank) => new Loader({ ...facts, phases, rank, worldSize, inFlight, ahead, aheadBytes }, place),
    );
    const steps = Math.floor(random() * 4);
    let ended = false;
    for (let step = 0; step < steps && !ended; step++) {
      const next = await readStep(ranks, report);
      if (next === undefined) ended = true;
      else {
        trained.push(...next.units);
        // All that a checkpoint keeps of the data.
        place = PlaceSchema.parse(JSON.parse(JSON.stringify(next.place)));
      }
    }
    // The stop comes inside a step: some processes have read some of it.
    for (const loader of ranks) if (random() < 0.5) await loader.next();
    await Promise.all(ranks.map((loader) => loader.close()));
    report.points += 1;
    if (ended) break;
  }
  const odd = trained.findIndex((unit, n) => unit !== expected[n]);
  if (odd >= 0)
    report.faults.push(`run ${report.runs}: unit ${odd} differs from that of a run without stops`);
  if (mayGoOn() && trained.length !== expected.length)
    report.faults.push(`run ${report.runs}: ${trained.length} units of ${expected.length} were trained`);
}

/**
 * One optimizer step on all processes: every process's part of each unit, put together again.
 * @param {Loader[]} ranks
 * @param {KillReport} report
 * @returns {Promise<{ units: string[], place: DataPlace } | undefined>}
 */
async function readStep(ranks, report) {
  const upcoming = ranks[0]?.upcoming;
  if (upcoming === undefined) return undefined;
  const { train, share } = upcoming.phase;
  const units = Array.from({ length: train.gradAccuSteps }, () => /** @type {string[]} */ ([]));
  let place = upcoming.at;
  for (const loader of ranks)
    for (let micro = 0; micro < train.gradAccuSteps * share.perUnit; micro++) {
      const batch = await loader.next();
      if (batch === undefined) throw new Error("a process has fewer batches than the first");
      const { source, pass, after } = batch.unit;
      const unit = units[Math.floor(micro / share.perUnit)];
      for (const { row } of batch.samples) unit?.push(`${source.name}/${pass}/${row.position}`);
      report.replaced += batch.replaced.length;
      report.samples += batch.samples.length;
      place = after;
    }
  report.units += units.length;
  return { units: units.map((unit) => unit.join()), place };
}

/**
 * Two phases: a plain one of two epochs, and a mixed one whose steps take two units.
 * @param {number} worldSize
 * @returns {OpenPhase[]}
 */
function phasesFor(worldSize) {
  const { train } = SettingsSchema.parse({});
  const part = UNIT / worldSize;
  const microBatch = [105, 84, 60, 42, 35].find((size) => part % size === 0) ?? part;
  const common = {
    unitSize: UNIT,
    share: { microBatch, perUnit: part / microBatch },
    maxUnits: 1000,
    hasOwnLr: false,
    steps: 0,
  };
  const source = (/** @type {string} */ name, /** @type {number} */ rows, /** @type {number} */ share) => ({
    name,
    dataset: datasetOf(rows),
    share,
    augmenters: [],
  });
  return [
    { ...common, name: "plain", sources: [source("plain", 5003, 1)], isMixed: false, epochs: 2, train },
    {
      ...common,
      name: "mixed",
      sources: [source("mixed/a", 2500, 0.6), source("mixed/b", 4100, 0.4)],
      isMixed: true,
      epochs: 2,
      train: { ...train, gradAccuSteps: 2 },
    },
  ];
}

/**
 * With leftovers carried on, after whole epochs no row was drawn more than once more often than another; a mixed phase
 * may end within an epoch of a data set, where units of the leftovers may still be to come: twice there.
 * @param {Parameters<typeof unitsFrom>[2]} facts
 * @param {KillReport} report
 */
function checkUses(facts, report) {
  for (const phase of phasesFor(1)) {
    /** @type {Map<string, number>} */
    const uses = new Map();
    for (const { source, positions } of unitsFrom(FIRST_PLACE, [phase], facts))
      for (const position of positions) {
        const key = `${source.name}/${position}`;
        uses.set(key, (uses.get(key) ?? 0) + 1);
      }
    for (const { name, dataset } of phase.sources)
      for (const { positions } of dataset.buckets) {
        const counts = [...positions].map((position) => uses.get(`${name}/${position}`) ?? 0);
        const spread = Math.max(...counts) - Math.min(...counts);
        if (spread > (phase.isMixed ? 2 : 1))
          report.faults.push(`${name}: some rows were drawn ${spread} times more than others`);
      }
  }
}

/** One row in 211 cannot be read. @param {number} position */
const isBad = (position) => position % 211 === 17;

/**
 * What stands for a position once unreadable rows are replaced, found out without the loader.
 * @param {number} position
 * @param {{ source: { dataset: Dataset }, resolution: { height: number, width: number } }} unit
 */
function readable(position, { source, resolution }) {
  const { positions } = source.dataset.buckets.find((bucket) => bucket.resolution === resolution) ?? {
    positions: new Uint32Array(),
  };
  let place = positions.indexOf(position);
  while (isBad(positions[place] ?? 0)) place = (place + 1) % positions.length;
  return positions[place];
}

/**
 * @param {number} rows
 * @returns {Dataset}
 */
function datasetOf(rows) {
  const third = Math.floor(rows / 3);
  return {
    name: "counted",
    fingerprint: `counted-${rows}`,
    length: rows,
    buckets: RESOLUTIONS.map((resolution, n) => {
      const length = n < 2 ? third : rows - 2 * third;
      return { resolution, positions: Uint32Array.from({ length }, (_, i) => n * third + i) };
    }),
    describe: () => [],
    row: async (position) => ({
      position,
      id: `row-${position}`,
      arrowFile: "counted.arrow",
      rowInFile: position,
      texts: { text_zh: "" },
      tags: {},
      size: { height: 2, width: 2 },
      imageBytes: 1,
    }),
    geometry: (_row, resolution) => ({
      resized: resolution,
      crop: { top: 0, left: 0 },
      resolution,
      flip: false,
    }),
    readPixels: async ({ position }) => {
      if (isBad(position)) throw new RangeError(`row ${position}`);
    },
    onBadSample: { limit: Number.POSITIVE_INFINITY, isBadRow: (fault) => fault instanceof RangeError },
    close: async () => undefined,
  };
}

/** @param {number} seed */
function randomFrom(seed) {
  let state = seed >>> 0;
  // Numerical Recipes' generator: enough to choose moments.
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      points: { type: "string", default: "1000" },
      minutes: { type: "string", default: "10" },
      seed: { type: "string", default: "1" },
    },
  });
  const report = await killSampling({
    points: Number(values.points),
    seed: Number(values.seed),
    limitMs: Number(values.minutes) * 60_000,
  });
  console.log(JSON.stringify(report));
  process.exitCode = report.faults.length > 0 ? 1 : 0;
}
