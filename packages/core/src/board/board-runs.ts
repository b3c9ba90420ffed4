import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { HyfwError } from "../define-error.js";
import { readMetrics } from "../run/metrics.js";
import { readPngTexts } from "../run/png.js";
import { RUN_FILES } from "../run/run-folder.js";
import { type RunRecord, readRecord } from "../run/run-record.js";

/** What the page shows of a run beside its curves. */
export interface BoardRun {
  /** Its place in the list, which its addresses begin with. */
  readonly id: number;
  readonly folder: string;
  readonly record: Pick<
    RunRecord,
    "name" | "created" | "status" | "step" | "lastStep" | "plan" | "settings" | "origins" | "resumed"
  >;
  readonly pictures: readonly BoardStep[];
}

/** Pictures that were drawn at one step. */
export interface BoardStep {
  readonly step: number;
  readonly pictures: readonly { readonly prompt: string; readonly address: string }[];
}

/** A run folder as the page shows it; nothing when its record cannot be read, as while it is being written. */
export function readBoardRun(folder: string, id: number): BoardRun | undefined {
  try {
    const { name, created, status, step, lastStep, plan, settings, origins, resumed } = readRecord(folder);
    const record = { name, created, status, step, lastStep, plan, settings, origins, resumed };
    return { id, folder: basename(folder), record, pictures: readPictures(folder, id) };
  } catch (fault) {
    if (fault instanceof HyfwError) return undefined;
    throw fault;
  }
}

/** Lines of a run's metrics from the one with this number on. */
export function metricsFrom(folder: string, first: number): ReturnType<typeof readMetrics> {
  return readMetrics(folder).slice(first);
}

/** The bytes of one picture of a run; nothing for any other file. */
export function readPicture(folder: string, step: string, file: string): Buffer | undefined {
  if (!/^step-\d+$/.test(step) || !/^[^/\\]+\.png$/.test(file)) return undefined;
  const path = join(folder, RUN_FILES.samples, step, file);
  return existsSync(path) ? readFileSync(path) : undefined;
}

function readPictures(folder: string, id: number): BoardStep[] {
  const samples = join(folder, RUN_FILES.samples);
  if (!existsSync(samples)) return [];
  return readdirSync(samples)
    .filter((name) => /^step-\d+$/.test(name))
    .map((name) => ({
      step: Number(name.slice("step-".length)),
      pictures: readdirSync(join(samples, name))
        .filter((file) => file.endsWith(".png"))
        .sort()
        .map((file) => ({
          prompt: promptOf(join(samples, name, file)) ?? file,
          address: `runs/${id}/samples/${name}/${encodeURIComponent(file)}`,
        })),
    }))
    .sort((a, b) => a.step - b.step);
}

/** Prompts by file: a picture does not change once it is written. */
const prompts = new Map<string, string | undefined>();

function promptOf(path: string): string | undefined {
  if (!prompts.has(path)) prompts.set(path, readPngTexts(readFileSync(path)).prompt);
  return prompts.get(path);
}
