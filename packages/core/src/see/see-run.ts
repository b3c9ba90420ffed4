import { mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { writeDurably } from "../checkpoint/durable-file.js";
import type { CommandIo } from "../cli/command.js";
import { epochUnknown } from "../errors/command-line.js";
import type { Augmenter } from "../hooks/augmenter.js";
import { MODEL } from "../hooks/model.js";
import { displayPath } from "../preset/origin.js";
import { captionCutters } from "../run/caption-cuts.js";
import type { LoadedRun } from "../run/container.js";
import { openAugmenters } from "../run/open-augmenters.js";
import { type OpenData, openData } from "../run/open-data.js";
import { formatPlan } from "../run/plan.js";
import { lookedAt, surveyLines } from "../run/plan-augmenters.js";
import { type RowSurvey, surveyRows } from "../run/survey-rows.js";
import { type DataPlace, FIRST_PLACE, unitsFrom } from "../run/unit-places.js";
import { look, type SeenBatch } from "./look.js";
import { rowsSampler } from "./rows-sampler.js";
import { seePage } from "./see-page.js";
import { batchLines } from "./see-text.js";

/** What `hyfw see` was asked for. */
export interface SeeRequest {
  /** Positions of the index to show instead of the next batches. */
  readonly rows: readonly number[] | undefined;
  /** Epoch over all phases, from 0. */
  readonly epoch: number;
  readonly skip: number;
  readonly batches: number;
  /** Where the page goes; none is written without. */
  readonly out: string | undefined;
  readonly pictureSize: number;
  /** Whether chances are counted over every row instead of a sample. */
  readonly allRows: boolean;
}

/** Shows batches as the model will get them: lines on the terminal, and a page when asked for. */
export async function seeRun(run: LoadedRun, request: SeeRequest, io: CommandIo): Promise<void> {
  const augmenters = openAugmenters(run);
  const opened = await openData(run, { worldSize: 1 });
  const { rows } = request;
  const data: OpenData =
    rows === undefined ? opened : { ...opened, order: { ...opened.order, sampler: rowsSampler(rows) } };
  const start = placeOf(request.epoch, opened);
  const seen: SeenBatch[] = [];
  const batches = rows === undefined ? request.batches : rows.length;
  for await (const batch of look({ ...request, batches, run, data, augmenters, start, signal: io.signal })) {
    // Rows that were asked for are shown once, not again in the next epoch.
    if (rows !== undefined && batch.epoch !== request.epoch) break;
    seen.push(batch);
  }
  const survey = await surveyPhase(run, data, { start, allRows: request.allRows });
  // The page comes first: a reader of the lines that stops early, such as `head`, ends the command.
  const page = request.out === undefined ? undefined : resolve(io.cwd, request.out);
  if (page !== undefined) await writePage(page, run, { request, data, augmenters, seen, survey });
  const width = io.isTerminal && "columns" in io.stdout ? Number(io.stdout.columns) : 160;
  for (const [n, batch] of seen.entries())
    io.stdout.write(`${batchLines(batch, n + 1, width).join("\n")}\n\n`);
  const chances = { title: `Chances (${lookedAt(survey)})`, rows: surveyLines(survey) };
  io.stdout.write(formatPlan([chances], io.bold));
  if (page !== undefined) io.stdout.write(`\npage  ${displayPath(page, io.cwd)}\n`);
}

interface PageFacts {
  readonly request: SeeRequest;
  readonly data: OpenData;
  readonly augmenters: readonly Augmenter[];
  readonly seen: readonly SeenBatch[];
  readonly survey: RowSurvey;
}

async function writePage(path: string, run: LoadedRun, facts: PageFacts): Promise<void> {
  const { request, data, augmenters, seen, survey } = facts;
  const model = run.getAll(MODEL)[0];
  const page = seePage({
    title: `What the model gets: ${run.settings.run.name ?? model?.name ?? "hyfw"}`,
    facts: [
      ["seed", String(run.settings.run.seed)],
      ["epoch", String(request.epoch)],
      ["settings hash", run.resolved.hash],
      ["data", data.phases.flatMap(({ dataset }) => dataset.describe().slice(0, 1)).join("; ")],
    ],
    batches: seen,
    survey,
    purposes: [
      ...augmenters.map(({ name, purposes }) => [name, purposes] as const),
      ...(model === undefined ? [] : [[model.name, model.purposes ?? []] as const]),
    ],
  });
  await mkdir(dirname(path), { recursive: true });
  writeDurably(path, page);
}

function surveyPhase(
  run: LoadedRun,
  { phases }: OpenData,
  { start, allRows }: { readonly start: DataPlace; readonly allRows: boolean },
): Promise<RowSurvey> {
  const phase = phases[start.phase];
  if (phase === undefined) throw new RangeError(`phase ${start.phase} does not exist`);
  const { seed } = run.settings.run;
  const most = allRows ? { most: Number.POSITIVE_INFINITY } : {};
  return surveyRows(phase.dataset, [...openAugmenters(run), ...captionCutters(run)], { seed, ...most });
}

/** The first place of an epoch, counted over all phases. @throws HYFW_USAGE_EPOCH when the run never gets there */
function placeOf(epoch: number, { phases, order }: OpenData): DataPlace {
  const [only, ...more] = phases;
  // Every epoch of a phase has an order of its own; only where phases end depends on those before.
  if (only !== undefined && more.length === 0) {
    if (epoch >= only.epochs) throw epochUnknown(epoch, only.epochs - 1);
    return { ...FIRST_PLACE, epoch };
  }
  let place = FIRST_PLACE;
  let last = 0;
  for (const unit of unitsFrom(FIRST_PLACE, phases, order)) {
    if (unit.epoch >= epoch) return place;
    ({ after: place } = unit);
    last = unit.epoch;
  }
  throw epochUnknown(epoch, last);
}
