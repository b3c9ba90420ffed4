import { isDeepStrictEqual } from "node:util";
import { resumeRefused } from "../errors/checkpoint.js";
import { SAMPLER } from "../hooks/sampler.js";
import type { ResolvedSettings } from "../preset/resolve.js";
import type { RunRecord } from "../run/run-record.js";
import { formatPath, isPlainObject, type SettingPath } from "../settings/path.js";

/** Settings that say where and how to write, not what is computed; a change is not even noted. */
const SILENT = ["run.resume", "run.resultsDir", "run.name", "requires"];
/** Settings whose change would make the saved place or chance mean something else. */
const FIXED = ["run.seed", "train.batchSize"];

/** What a resumed run is compared with. */
export interface ResumeFacts {
  readonly record: RunRecord;
  readonly resolved: ResolvedSettings;
  readonly data: RunRecord["data"];
  readonly model: RunRecord["model"];
  readonly runDir: string;
}

/**
 * Compares a run's settings, data and model with those that it began with.
 * @returns one line per change that may be made
 * @throws HYFW_RESUME_CHANGED naming both values when one may not
 */
export function compareWithRecord(facts: ResumeFacts): string[] {
  const { record, resolved, runDir } = facts;
  const before = leaves(record.settings);
  const now = leaves(plain(resolved.settings));
  const samplers = resolved.plugins
    .filter(({ definition }) => definition.provides.some(({ key }) => key === SAMPLER.key))
    .map(({ name }) => formatPath(["plugins", name]));
  const notes: string[] = [];
  for (const path of new Set([...before.keys(), ...now.keys()])) {
    const [old, fresh] = [before.get(path), now.get(path)];
    if (isDeepStrictEqual(old, fresh) || isUnder(path, SILENT)) continue;
    const change = { what: path, before: old, now: fresh };
    if (isUnder(path, [...FIXED, ...samplers]))
      throw resumeRefused(change, runDir, resolved.origin(path)?.name);
    notes.push(`${path} changed from ${JSON.stringify(old)} to ${JSON.stringify(fresh)}`);
  }
  compareData(facts);
  for (const [fact, value] of Object.entries(record.model))
    if (facts.model[fact] !== value)
      throw resumeRefused({ what: `the model's ${fact}`, before: value, now: facts.model[fact] }, runDir);
  return notes;
}

/** Phases may be added after those that the run began with; the rows of those may not change. */
function compareData({ record, data, runDir }: ResumeFacts): void {
  for (const [n, { phase, fingerprint, length, unitSize }] of record.data.entries()) {
    const now = data[n];
    if (now !== undefined && unitSize !== undefined && now.unitSize !== unitSize)
      throw resumeRefused(
        { what: `the samples per unit of phase ${phase}`, before: unitSize, now: now.unitSize },
        runDir,
      );
    if (now?.fingerprint === fingerprint) continue;
    throw resumeRefused(
      {
        what: `the data of phase ${phase}`,
        before: `${length} positions, fingerprint ${fingerprint.slice(0, 12)}`,
        now: now && `${now.length} positions, fingerprint ${now.fingerprint.slice(0, 12)}`,
      },
      runDir,
    );
  }
}

function isUnder(path: string, roots: readonly string[]): boolean {
  return roots.some((root) => path === root || path.startsWith(`${root}.`));
}

/** As it comes back from JSON: without what is undefined. */
function plain(value: unknown): Record<string, unknown> {
  const copy: unknown = JSON.parse(JSON.stringify(value));
  return isPlainObject(copy) ? copy : {};
}

function leaves(tree: Record<string, unknown>, path: SettingPath = []): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const [key, value] of Object.entries(tree)) {
    const here = [...path, key];
    if (isPlainObject(value) && Object.keys(value).length > 0)
      for (const [name, leaf] of leaves(value, here)) found.set(name, leaf);
    else found.set(formatPath(here), value);
  }
  return found;
}
