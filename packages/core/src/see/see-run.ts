import { mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { writeDurably } from "../checkpoint/durable-file.js";
import type { CommandIo } from "../cli/command.js";
import { epochUnknown } from "../errors/command-line.js";
import { MODEL } from "../hooks/model.js";
import { displayPath } from "../preset/origin.js";
import { captionCutters } from "../run/caption-cuts.js";
import type { LoadedRun } from "../run/container.js";
import { openAugmenters } from "../run/open-augmenters.js";
import { type OpenData, openData } from "../run/open-data.js";
import { formatPlan } from "../run/plan.js";
import { lookedAt, surveyLines } from "../run/plan-augmenters.js";
import { type RowSurvey, surveyRows } from "../run/survey-rows.js";
import { type DataPlace, FIRST_PLACE, type OpenSource, unitsFrom } from "../run/unit-places.js";
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
  const opened = await openData(run, { worldSize: 1 });
  const { rows } = request;
  const data = rows === undefined ? opened : onlyRows(opened, rows);
  const start = placeOf(request.epoch, opened);
  const seen: SeenBatch[] = [];
  const batches = rows === undefined ? request.batches : rows.length;
  for await (const batch of look({ ...request, batches, run, data, start, signal: io.signal })) {
    // Rows that were asked for are shown once, not again in the next epoch.
    if (rows !== undefined && batch.epoch !== request.epoch) break;
    seen.push(batch);
  }
  const surveys: NamedSurvey[] = [];
  for (const source of data.phases[start.phase]?.sources ?? [])
    surveys.push({ name: source.name, survey: await surveySource(run, source, request) });
  // The page comes first: a reader of the lines that stops early, such as `head`, ends the command.
  const page = request.out === undefined ? undefined : resolve(io.cwd, request.out);
  if (page !== undefined) await writePage(page, run, { request, data, seen, surveys });
  const width = io.isTerminal && "columns" in io.stdout ? Number(io.stdout.columns) : 160;
  for (const [n, batch] of seen.entries())
    io.stdout.write(`${batchLines(batch, n + 1, width).join("\n")}\n\n`);
  const chances = surveys.map(({ name, survey }) => ({
    title: `Chances${surveys.length === 1 ? "" : `, ${name}`} (${lookedAt(survey)})`,
    rows: surveyLines(survey),
  }));
  io.stdout.write(formatPlan(chances, io.bold));
  if (page !== undefined) io.stdout.write(`\npage  ${displayPath(page, io.cwd)}\n`);
}

/** What was found in the rows of one data set. */
interface NamedSurvey {
  readonly name: string;
  readonly survey: RowSurvey;
}

/**
 * Data of which only chosen rows are given; of a mixed phase, those of its first data set. Each unit counts alone,
 * whatever a step would take.
 */
function onlyRows({ phases, order, lastStep, validation }: OpenData, rows: readonly number[]): OpenData {
  return {
    phases: phases.map((phase) => ({
      ...phase,
      sources: phase.sources.slice(0, 1),
      isMixed: false,
      train: { ...phase.train, gradAccuSteps: 1 },
    })),
    order: { ...order, sampler: rowsSampler(rows) },
    lastStep,
    validation,
  };
}

interface PageFacts {
  readonly request: SeeRequest;
  readonly data: OpenData;
  readonly seen: readonly SeenBatch[];
  readonly surveys: readonly NamedSurvey[];
}

async function writePage(path: string, run: LoadedRun, facts: PageFacts): Promise<void> {
  const { request, data, seen, surveys } = facts;
  const augmenters = openAugmenters(run);
  const model = run.getAll(MODEL)[0];
  const page = seePage({
    title: `What the model gets: ${run.settings.run.name ?? model?.name ?? "hyfw"}`,
    facts: [
      ["seed", String(run.settings.run.seed)],
      ["epoch", String(request.epoch)],
      ["settings hash", run.resolved.hash],
      [
        "data",
        data.phases
          .flatMap(({ sources }) => sources)
          .flatMap(({ dataset }) => dataset.describe().slice(0, 1))
          .join("; "),
      ],
    ],
    batches: seen,
    surveys,
    purposes: [
      ...augmenters.map(({ name, purposes }) => [name, purposes] as const),
      ...(model === undefined ? [] : [[model.name, model.purposes ?? []] as const]),
    ],
  });
  await mkdir(dirname(path), { recursive: true });
  writeDurably(path, page);
}

function surveySource(
  run: LoadedRun,
  { dataset, augmenters }: OpenSource,
  { allRows }: Pick<SeeRequest, "allRows">,
): Promise<RowSurvey> {
  const { seed } = run.settings.run;
  const most = allRows ? { most: Number.POSITIVE_INFINITY } : {};
  return surveyRows(dataset, [...augmenters, ...captionCutters(run)], { seed, ...most });
}

/** The first place of an epoch, counted over all phases. @throws HYFW_USAGE_EPOCH when the run never gets there */
function placeOf(epoch: number, { phases, order }: OpenData): DataPlace {
  const [only, ...more] = phases;
  // Every epoch of a phase has an order of its own; only where phases end depends on those before.
  if (only !== undefined && more.length === 0 && !only.isMixed) {
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
