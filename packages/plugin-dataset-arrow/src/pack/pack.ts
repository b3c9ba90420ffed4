import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { packNothingKept, packSettings } from "../errors.js";
import { ruleFingerprint } from "./custom-rule.js";
import { DuplicateFinder } from "./duplicates.js";
import { finishPack } from "./finish-pack.js";
import type { MachineShare } from "./machine-share.js";
import { openSource } from "./open-source.js";
import { type PackDone, PackFolder, type PackPlan } from "./pack-folder.js";
import { type PackInput, PackOptions } from "./pack-options.js";
import { type PackWork, packSlice } from "./pack-slice.js";
import { planColumns } from "./row-columns.js";
import { PackRules } from "./rules.js";
import { isPartEnd, readPart } from "./slice-part.js";
import type { SliceRange } from "./source.js";

/** What `pack` is asked to do. */
export interface PackRequest {
  /** A file, a pattern of files, or a folder. */
  readonly source: string;
  /** Folder for the shards, the ledger and the report; made when missing. */
  readonly out: string;
  readonly settings?: PackInput;
  /** Removes what an earlier pack left in `out`. */
  readonly replace?: boolean;
  /** Packs only some slices and leaves the rest, and the merging, to others. */
  readonly share?: MachineShare | undefined;
  /** Pictures read and decoded at a time. */
  readonly inFlight?: number | undefined;
  /** Working directory for path prefixes and rule modules. */
  readonly cwd?: string;
  readonly signal?: AbortSignal;
  /** How the source is read, before anything is written; one line each. */
  readonly onFact?: (fact: string) => void;
  readonly onProgress?: (progress: PackProgress) => void;
  /** Called at each place where a kill would leave something else on disk; for tests of exactly that. */
  readonly onStep?: (step: string) => void;
}

/** How far a pack is. */
export interface PackProgress {
  /** Rows of this process's share done so far, those of an earlier run included. */
  readonly rows: number;
  readonly of: number;
  /** Rows that an earlier run had done. */
  readonly before: number;
  /** Bytes of pictures read by this run. */
  readonly bytes: number;
}

/** What became of a source. */
export interface PackReport extends Omit<PackDone, "format" | "shards"> {
  /** False when other shares are still to be packed and merged; then only rows of this share are counted. */
  readonly isFinished: boolean;
  /** Whether an earlier run had done everything already. */
  readonly wasFinished: boolean;
  readonly shards: readonly string[];
  readonly columns: readonly string[];
  readonly ledger: string;
  readonly reportFile: string;
}

/**
 * Packs the rows of a source and their pictures into Arrow shards of the official layout. Every row ends in the ledger as kept,
 * repaired or refused with its reason. An interrupted pack continues where it stopped, shard by shard.
 * @throws HYFW_CSV_* and HYFW_PACK_*
 */
export async function pack(request: PackRequest): Promise<PackReport> {
  const { out, replace = false, share, cwd = process.cwd(), onStep = () => undefined } = request;
  const parsed = PackOptions.safeParse(request.settings ?? {});
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw packSettings(
      issue?.path.join(".") || "settings",
      issue?.message ?? "not as expected",
      "see hyfw pack --help",
    );
  }
  const options = checkTogether(parsed.data);
  if (replace && share !== undefined)
    throw packSettings(
      "--replace",
      "cannot be used by one of several shares, which would remove the others' work",
      "empty the folder first",
    );
  const rules = await PackRules.load(options, cwd);
  const { source, folder: base } = await openSource(request.source, options);
  for (const fact of source.facts) request.onFact?.(fact);
  const survey = await source.survey(options.rowsPerShard);
  const columns = planColumns(request.source, survey.columns, options);
  const extra = [...columns.extra, ...(options.phash ? [{ name: "phash", type: "text" as const }] : [])];
  const plan: PackPlan = {
    format: 1,
    source: request.source,
    fingerprint: survey.fingerprint,
    rows: survey.rows,
    settings: settingsOf(options, cwd),
    extra,
    captions: [...columns.captions],
  };
  const folder = new PackFolder(out);
  if (replace) folder.clear();
  const done = folder.enter(plan);
  if (done !== undefined) return reportOf(done, folder, true);
  onStep("plan written");

  const slices = slicesOf(survey.rows, options.rowsPerShard, survey.starts);
  const own = slices.filter((_, slice) => share === undefined || slice % share.count === share.index);
  let rows = 0;
  let before = 0;
  let bytes = 0;
  const of = own.reduce((sum, { count }) => sum + count, 0);
  const tell = () => request.onProgress?.({ rows, of, before, bytes });
  const work: PackWork = {
    sourceName: request.source,
    source,
    survey,
    base: resolve(base),
    cwd,
    options,
    columns: { ...columns, extra },
    rules,
    folder,
    inFlight: request.inFlight ?? Math.min(8, availableParallelism() + 1),
    signal: request.signal,
    onRow: (more) => {
      rows++;
      bytes += more;
      tell();
    },
    onStep,
  };
  // Repeats can be refused at once only when every earlier row is known, that is, when one process packs all.
  const finder =
    share === undefined ? new DuplicateFinder(options.duplicates, options.phashDistance) : undefined;
  for (const [slice, range] of slices.entries()) {
    if (!own.includes(range)) continue;
    request.signal?.throwIfAborted();
    if ((await folder.finished(slice, range.count)) === undefined)
      await packSlice(work, slice, range, finder);
    else {
      if (finder?.isOn) await remember(folder.part(slice), finder);
      rows += range.count;
      before += range.count;
      tell();
    }
  }
  if (share !== undefined) return shareReport(folder, plan, slices, share);
  return reportOf(await finishPack(folder, plan, { onStep }), folder, false);
}

/**
 * Puts together what several machines packed: repeats are refused over all of them, ledger and report are written.
 * @throws HYFW_PACK_INCOMPLETE when slices are missing
 */
export async function mergePack(
  out: string,
  onStep: (step: string) => void = () => undefined,
): Promise<PackReport> {
  const folder = new PackFolder(out);
  const { plan, done } = folder.begun();
  if (done !== undefined) return reportOf(done, folder, true);
  if (plan === undefined)
    throw packSettings(out, "holds no unfinished pack", "name the folder given to hyfw pack as --out");
  return reportOf(await finishPack(folder, plan, { onStep }), folder, false);
}

/** Feeds the rows that an earlier run kept to the search for repeats. */
async function remember(part: string, finder: DuplicateFinder): Promise<void> {
  for await (const line of readPart(part))
    if (line !== undefined && !isPartEnd(line) && line.status !== "refused")
      finder.add(line.row, line.md5 ?? "", line.phash);
}

function slicesOf(rows: number, perShard: number, starts: readonly SliceRange["place"][]): SliceRange[] {
  return starts.map((place, i) => ({
    first: i * perShard,
    count: Math.min(perShard, rows - i * perShard),
    place,
  }));
}

/** The settings that decide what is written: not where pictures lie, which may differ between machines. */
function settingsOf({ pathPrefix: _, rules, ...options }: PackOptions, cwd: string): Record<string, unknown> {
  const plain = JSON.parse(JSON.stringify(options)) as Record<string, unknown>;
  return { ...plain, rules: rules.map((module) => ruleFingerprint(module, cwd)) };
}

/** @throws HYFW_PACK_SETTINGS when two settings contradict each other */
function checkTogether(options: PackOptions): PackOptions {
  const { decode, blankRange, phash, duplicates, aspect, minCaptionChars, maxCaptionChars } = options;
  const needsPixels =
    blankRange !== undefined
      ? "blankRange"
      : phash
        ? "phash"
        : duplicates === "perceptual"
          ? "duplicates = perceptual"
          : undefined;
  if (decode === "header" && needsPixels !== undefined)
    throw packSettings(
      "decode",
      `header reads no pixels, which ${needsPixels} needs`,
      "set decode to full, or leave the other setting out",
    );
  if (aspect !== undefined && aspect[0] > aspect[1])
    throw packSettings("aspect", `${aspect[0]} is larger than ${aspect[1]}`, "give the smaller one first");
  if (maxCaptionChars !== undefined && minCaptionChars > maxCaptionChars)
    throw packSettings(
      "minCaptionChars",
      `${minCaptionChars} is larger than maxCaptionChars ${maxCaptionChars}`,
      "exchange the two",
    );
  return options;
}

function reportOf(done: PackDone, folder: PackFolder, wasFinished: boolean): PackReport {
  const { format: _, shards, ...facts } = done;
  if (done.kept + done.repaired === 0) throw packNothingKept(done.source, done.rows, folder.ledger);
  return {
    ...facts,
    isFinished: true,
    wasFinished,
    shards: shards.map(({ file }) => join(folder.path, file)),
    columns: columnNames(done),
    ledger: folder.ledger,
    reportFile: folder.report,
  };
}

function columnNames({ extra }: PackPlan): string[] {
  return ["text_zh", "md5", "width", "height", "image", ...extra.map(({ name }) => name)];
}

/** What one share came to. */
async function shareReport(
  folder: PackFolder,
  plan: PackPlan,
  slices: readonly SliceRange[],
  share: MachineShare,
): Promise<PackReport> {
  const counts = { rows: 0, kept: 0, repaired: 0, refused: 0 };
  const refusedByReason: Record<string, number> = {};
  const shards: string[] = [];
  for (const [slice] of slices.entries()) {
    if (slice % share.count !== share.index) continue;
    for await (const line of readPart(folder.part(slice))) {
      if (line === undefined) continue;
      if (isPartEnd(line)) {
        if (line.shard !== null) shards.push(join(folder.path, line.shard.file));
        continue;
      }
      counts.rows++;
      counts[line.status]++;
      if (line.reason !== undefined) refusedByReason[line.reason] = (refusedByReason[line.reason] ?? 0) + 1;
    }
  }
  return {
    ...plan,
    ...counts,
    refusedByReason,
    repairedByReason: {},
    isFinished: false,
    wasFinished: false,
    shards,
    columns: columnNames(plan),
    ledger: folder.ledger,
    reportFile: folder.report,
  };
}
