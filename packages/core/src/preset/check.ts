import type { z } from "zod";
import type { HyfwError } from "../define-error.js";
import { settingMissing, settingsWrong, settingUnknown, settingWrong } from "../errors/settings.js";
import { keysOf, optionOf, schemaAt } from "../settings/options.js";
import { formatPath, type SettingPath, valueAt } from "../settings/path.js";
import { suggest } from "../settings/suggest.js";
import { type MergedNode, originAt } from "./merge.js";
import { formatOrigin } from "./origin.js";

/** What a check of values against a schema may look at to name places. */
export interface CheckFacts {
  readonly schema: z.ZodType;
  /** Where the schema's root stands in the settings. */
  readonly prefix: SettingPath;
  readonly merged: MergedNode | undefined;
  /** Who needs the values: `core`, `plugin dataset-arrow`. */
  readonly owner: string;
  readonly cwd: string;
}

/** Turns what zod found into hyfw's errors, each naming path, value, expectation and who set it. */
export function toProblems(error: z.ZodError, input: unknown, facts: CheckFacts): HyfwError[] {
  return error.issues.flatMap((issue) => toProblem(issue, input, facts));
}

/** Throws one error for all problems; nothing when there are none. */
export function throwProblems(problems: readonly HyfwError[]): void {
  const [first] = problems;
  if (first === undefined) return;
  throw problems.length === 1 ? first : settingsWrong(problems);
}

function toProblem(issue: z.core.$ZodIssue, input: unknown, facts: CheckFacts): HyfwError[] {
  const path = issue.path.map((key) => (typeof key === "symbol" ? String(key) : key));
  const full = [...facts.prefix, ...path];
  if (issue.code === "unrecognized_keys") {
    const parent = schemaAt(facts.schema, path);
    const valid = parent === undefined ? [] : keysOf(parent);
    return issue.keys.map((key) => {
      const near = (path.length === 0 ? elsewhere(key, facts) : undefined) ?? suggest(key, valid);
      const nearPath =
        near === undefined ? undefined : near.includes(".") ? near : formatPath([...full, near]);
      return settingUnknown(formatPath([...full, key]), setBy([...full, key], facts), nearPath, valid);
    });
  }
  const found = valueAt(input, path);
  const schema = schemaAt(facts.schema, path);
  const option = schema === undefined ? undefined : optionOf(schema, full);
  if (found === undefined)
    return [
      settingMissing(
        formatPath(full),
        option?.accepts ?? issue.message,
        option?.description ?? "",
        facts.owner,
      ),
    ];
  const expected =
    issue.code === "custom" || option === undefined ? issue.message : expectation(issue, option.accepts);
  return [settingWrong(formatPath(full), expected, found, setBy(full, facts))];
}

/** The schema's words, and zod's where the schema's do not cover the fault (patterns, lengths, refinements). */
function expectation(issue: z.core.$ZodIssue, accepts: string): string {
  if (issue.code === "invalid_format") return `${accepts}: ${issue.message}`;
  if (issue.code === "too_small" && (issue.origin === "array" || issue.origin === "string"))
    return `${accepts}, ${issue.minimum} or more long`;
  if (issue.code === "too_big" && (issue.origin === "array" || issue.origin === "string"))
    return `${accepts}, at most ${issue.maximum} long`;
  return accepts;
}

/** `lr` written at the top is most likely `train.lr`: a section that has the very key. */
function elsewhere(key: string, facts: CheckFacts): string | undefined {
  for (const section of keysOf(facts.schema)) {
    const schema = schemaAt(facts.schema, [section]);
    if (schema !== undefined && keysOf(schema).includes(key))
      return formatPath([...facts.prefix, section, key]);
  }
  return undefined;
}

function setBy(path: SettingPath, facts: CheckFacts): string {
  for (let length = path.length; length > 0; length--) {
    const origin = originAt(facts.merged, path.slice(0, length));
    if (origin !== undefined) return formatOrigin(origin, facts.cwd);
  }
  return facts.owner;
}
