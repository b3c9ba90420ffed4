import { join, resolve } from "node:path";
import { findRun } from "../checkpoint/find.js";
import { RUN_FILES } from "../run/run-folder.js";
import type { CommandIo } from "./command.js";
import type { SettingsArguments } from "./settings-arguments.js";

/** Where runs lie when nothing else is said; the default of `run.resultsDir`. */
export const RESULTS_DIR = "runs";

/**
 * Makes `--resume RUN` enough: without a preset or config file on the command line a run goes on with its own
 * settings, and the flags beside it come on top.
 * @returns the sources to load, and the settings file that was put in
 * @throws HYFW_RUN_NOT_FOUND
 */
export async function withRunSettings(
  sources: SettingsArguments,
  { cwd }: Pick<CommandIo, "cwd">,
): Promise<{ readonly sources: SettingsArguments; readonly file?: string }> {
  const resume = wordAfter(sources.rest, "--resume", "latest");
  if (resume === undefined || sources.presets.length > 0 || sources.config !== undefined) return { sources };
  const resultsDir = resolve(cwd, wordAfter(sources.rest, "--results-dir") ?? RESULTS_DIR);
  const file = await settingsOf(resume, { cwd, resultsDir });
  return { sources: { ...sources, presets: [file], config: false }, file };
}

/** The settings file of the run that a word means; the word may also name one of its checkpoints. */
export async function settingsOf(
  text: string,
  places: { readonly cwd: string; readonly resultsDir: string },
): Promise<string> {
  const run = /^(.*)[/\\]checkpoints[/\\][^/\\]+[/\\]?$/.exec(text)?.[1] ?? text;
  return join(await findRun(run, places), RUN_FILES.settings);
}

/** The word of a flag, written `--flag word` or `--flag=word`; `bare` when another flag or nothing follows it. */
function wordAfter(words: readonly string[], flag: string, bare?: string): string | undefined {
  const index = words.findLastIndex((word) => word === flag || word.startsWith(`${flag}=`));
  const word = words[index];
  if (word === undefined) return undefined;
  if (word !== flag) return word.slice(flag.length + 1);
  const next = words[index + 1];
  return next === undefined || next.startsWith("--") ? bare : next;
}
