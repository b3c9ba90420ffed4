import { existsSync, readFileSync } from "node:fs";
import { arch, cpus, platform, release, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { linearKernel, torchVersion } from "@hyfw/native";
import { z } from "zod";
import { writeDurably } from "../checkpoint/durable-file.js";
import { CORE_VERSION } from "../core-version.js";
import { runUnreadable } from "../errors/checkpoint.js";
import { isPluginPath } from "../plugin/find.js";
import { formatOrigin } from "../preset/origin.js";
import type { ResolvedSettings } from "../preset/resolve.js";
import { RUN_FILES } from "./run-folder.js";

const RecordSchema = z.object({
  format: z.literal("hyfw-run-1"),
  name: z.string(),
  created: z.string(),
  status: z.enum(["running", "done", "failed", "interrupted"]),
  /** Optimizer steps done. */
  step: z.number().int(),
  lastStep: z.number().int(),
  settingsHash: z.string(),
  settings: z.record(z.string(), z.unknown()),
  /** Who set each value, and whom it replaced, by dotted path. */
  origins: z.record(z.string(), z.string()),
  versions: z.record(z.string(), z.string()),
  machine: z.record(z.string(), z.union([z.string(), z.number()])),
  /** Fingerprint of each phase's rows. */
  data: z.array(
    z.object({
      phase: z.string(),
      fingerprint: z.string(),
      length: z.number(),
      /** Samples per unit of the phase; absent in runs of before phases could have their own. */
      unitSize: z.number().int().optional(),
    }),
  ),
  /** Samples drawn from each data set, and rows that were replaced: label and fact. */
  use: z.array(z.tuple([z.string(), z.string()])).optional(),
  model: z.record(z.string(), z.string()),
  /** Samples per unit of the data's order; fixed when the run is created. */
  unitSize: z.number().int(),
  plan: z.array(z.object({ title: z.string(), rows: z.array(z.tuple([z.string(), z.string()])) })),
  /** Each time the run was continued: from which step, and what had changed. */
  resumed: z.array(z.object({ time: z.string(), step: z.number().int(), notes: z.array(z.string()) })),
});

/** What `run.json` says of a run. */
export type RunRecord = z.output<typeof RecordSchema>;

/** Reads `run.json`. @throws HYFW_RUN_UNREADABLE */
export function readRecord(runDir: string): RunRecord {
  const path = join(runDir, RUN_FILES.record);
  try {
    return RecordSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (cause) {
    throw runUnreadable(path, cause);
  }
}

/** Writes `run.json`. */
export function writeRecord(runDir: string, record: RunRecord): void {
  writeDurably(join(runDir, RUN_FILES.record), `${JSON.stringify(record, null, 2)}\n`);
}

/** Writes the settings as a preset, unless the run has them already. */
export function writeSettings(runDir: string, { settings, cwd }: ResolvedSettings): void {
  const path = join(runDir, RUN_FILES.settings);
  if (existsSync(path)) return;
  const { resume: _resume, ...run } = settings.run;
  const phases = settings.phases.map((phase) => ({
    ...phase,
    ...(phase.plugins !== undefined && { plugins: absolutePlugins(phase.plugins, cwd) }),
    ...(phase.mix !== undefined && {
      mix: phase.mix.map((source) => ({
        ...source,
        ...(source.plugins !== undefined && { plugins: absolutePlugins(source.plugins, cwd) }),
      })),
    }),
  }));
  const plugins = absolutePlugins(settings.plugins, cwd);
  writeDurably(path, `${JSON.stringify({ ...settings, run, phases, plugins }, null, 2)}\n`);
}

/** Options by plugin name. A path starts from the file that names it, which lies elsewhere now. */
function absolutePlugins<Options>(
  plugins: Readonly<Record<string, Options>>,
  cwd: string,
): Record<string, Options> {
  return Object.fromEntries(
    Object.entries(plugins).map(([name, options]) => [
      isPluginPath(name) ? resolve(cwd, name) : name,
      options,
    ]),
  );
}

/** Settings, origins and versions of a run, as `run.json` keeps them. */
export function recordSettings(
  resolved: ResolvedSettings,
): Pick<RunRecord, "settings" | "origins" | "settingsHash" | "versions" | "machine"> {
  const { settings, plugins, cwd, hash } = resolved;
  const [cpu] = cpus();
  return {
    settings,
    origins: Object.fromEntries(
      resolved.leaves().map(({ path, origin }) => [path, formatOrigin(origin, cwd)]),
    ),
    settingsHash: hash,
    versions: {
      hyfw: CORE_VERSION,
      node: process.versions.node,
      libtorch: torchVersion(),
      ...Object.fromEntries(plugins.map(({ name, definition }) => [`plugin ${name}`, definition.version])),
    },
    machine: {
      system: `${platform()} ${release()} ${arch()}`,
      cpu: cpu?.model ?? "unknown",
      cores: cpus().length,
      memoryBytes: totalmem(),
      linearKernel: linearKernel(),
    },
  };
}
