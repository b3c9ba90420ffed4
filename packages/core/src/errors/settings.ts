import { defineError, type HyfwError } from "../define-error.js";
import { describeValue, didYouMean, list, reason } from "./words.js";

/** A preset, config or other data file could not be read. */
export const presetUnreadable = defineError("HYFW_PRESET_UNREADABLE", (file: string, cause: unknown) => ({
  summary: `cannot read ${file}: ${reason(cause)}`,
  todo: "check that the file exists and may be read",
  cause,
}));

/** A data file is not valid YAML or JSON. */
export const presetSyntax = defineError(
  "HYFW_PRESET_SYNTAX",
  (file: string, line: number, column: number, cause: unknown) => ({
    summary: `${file}:${line}:${column} is not valid YAML or JSON: ${reason(cause).split("\n")[0]}`,
    todo: "correct the file at that place",
    cause,
  }),
);

/** A preset or config file holds something else than a map of settings. */
export const presetShape = defineError("HYFW_PRESET_SHAPE", (file: string, found: unknown) => ({
  summary: `${file} must hold a map of settings, found ${describeValue(found)}`,
  todo: "write settings as keys, for example `train: { lr: 1e-4 }`",
}));

/** `extends` is not a name or a list of names. */
export const presetExtends = defineError("HYFW_PRESET_EXTENDS", (file: string, found: unknown) => ({
  summary: `extends in ${file} must be a preset name or a list of them, found ${describeValue(found)}`,
  todo: "name presets by path (./other.yaml), by their name in presets/, or by npm package",
}));

/** No file, preset or package has the name. */
export const presetNotFound = defineError(
  "HYFW_PRESET_NOT_FOUND",
  (
    name: string,
    namedBy: string,
    near: string | undefined,
    known: readonly string[],
    tried: readonly string[],
  ) => ({
    summary: `there is no preset ${JSON.stringify(name)}, named by ${namedBy}${didYouMean(near)}`,
    where: { "looked in": list(tried), ...(known.length > 0 && { presets: list(known) }) },
    todo: "run `hyfw preset list`, or write a path that starts with ./",
  }),
);

/** A preset is code; presets are data. */
export const presetNotData = defineError(
  "HYFW_PRESET_NOT_DATA",
  (name: string, file: string, namedBy: string) => ({
    summary: `preset ${JSON.stringify(name)}, named by ${namedBy}, is ${file}; presets are YAML or JSON`,
    todo: "put values into a .yaml or .json file, and code into a plugin",
  }),
);

/** Presets extend each other in a circle. */
export const presetCycle = defineError("HYFW_PRESET_CYCLE", (chain: readonly string[]) => ({
  summary: `presets extend each other in a circle: ${chain.join(" -> ")}`,
  todo: "remove one of these `extends`",
}));

/** `--config` names a file that does not exist. */
export const configNotFound = defineError("HYFW_CONFIG_NOT_FOUND", (file: string) => ({
  summary: `config file ${file} does not exist`,
  todo: "correct --config, or leave it out to use the project's own hyfw.config.*",
}));

/** A config file of code threw. */
export const configFailed = defineError("HYFW_CONFIG_FAILED", (file: string, cause: unknown) => ({
  summary: `config file ${file} failed: ${reason(cause)}`,
  todo: "correct the file; its default export must be a map of settings",
  cause,
}));

/** A setting that no schema has. */
export const settingUnknown = defineError(
  "HYFW_SETTING_UNKNOWN",
  (path: string, setBy: string, near: string | undefined, valid: readonly string[]) => ({
    summary: `there is no setting ${path}${didYouMean(near)}`,
    where: { "set by": setBy, valid: list(valid) },
    todo: near === undefined ? "remove it, or use one of the valid names" : `write ${near} instead`,
  }),
);

/** A setting has the wrong type, or lies outside its range. */
export const settingWrong = defineError(
  "HYFW_SETTING_WRONG",
  (path: string, expected: string, found: unknown, setBy: string) => ({
    summary: `${path} must be ${expected}, found ${describeValue(found)}`,
    setting: `${path} = ${describeValue(found)}, set by ${setBy}`,
    todo: "correct the value there",
  }),
);

/** A setting without a default that nobody set. */
export const settingMissing = defineError(
  "HYFW_SETTING_MISSING",
  (path: string, expected: string, description: string, neededBy: string) => ({
    summary: `${path} is missing; it must be ${expected}`,
    where: { meaning: description, "needed by": neededBy },
    todo: `set it in a preset or config file, or with --set ${path}=...`,
  }),
);

/** `--set` is not of the form key=value. */
export const settingSyntax = defineError("HYFW_SETTING_SYNTAX", (text: string) => ({
  summary: `--set ${text} is not of the form key=value`,
  todo: "write for example --set train.lr=1e-4",
}));

/** Several settings are wrong; each is listed with its own code. */
export const settingsWrong = defineError("HYFW_SETTINGS", (problems: readonly HyfwError[]) => ({
  summary: `${problems.length} settings are wrong\n\n${problems.map((problem) => problem.message).join("\n\n")}`,
  cause: new AggregateError(problems),
}));

/** The machine or the installation lacks what the preset needs. */
export const requirementsMissing = defineError(
  "HYFW_REQUIRES",
  (missing: readonly string[], setBy: string) => ({
    summary: `this run needs what is not here: ${missing.join("; ")}`,
    where: { "needed by": setBy },
    todo: "run it where these are present, or try `hyfw --preset demo`, which trains on any machine",
  }),
);

/** A setting that `config why` was asked for and nobody has. */
export const settingNotSet = defineError(
  "HYFW_SETTING_NOT_SET",
  (path: string, near: string | undefined, known: readonly string[]) => ({
    summary: `nothing sets ${path}, and it has no default${didYouMean(near)}`,
    where: { settings: list(known) },
    todo: "run hyfw config print to see all settings",
  }),
);
