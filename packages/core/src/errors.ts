import { defineError, type HyfwError } from "./define-error.js";

const list = (words: readonly string[]): string => (words.length === 0 ? "none" : words.join(", "));
const didYouMean = (near: string | undefined): string =>
  near === undefined ? "" : `; did you mean ${near}?`;
const reason = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

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

/** No package or file has the plugin's name. */
export const pluginNotFound = defineError(
  "HYFW_PLUGIN_NOT_FOUND",
  (name: string, setBy: string, tried: readonly string[], near: string | undefined) => ({
    summary: `plugin ${name} is not installed${didYouMean(near)}`,
    where: { "named by": setBy, "looked for": list(tried) },
    todo: "correct the name, or install the package that holds it",
  }),
);

/** A plugin's module threw while it was loaded. */
export const pluginFailed = defineError(
  "HYFW_PLUGIN_FAILED",
  (name: string, during: "load" | "setup", setBy: string, cause: unknown) => ({
    summary: `plugin ${name} failed at ${during}: ${reason(cause)}`,
    where: { "named by": setBy },
    todo: "correct the plugin, or leave it out with --set 'plugins.NAME=$delete'",
    cause,
  }),
);

/** A plugin's module does not export a plugin. */
export const pluginShape = defineError("HYFW_PLUGIN_SHAPE", (name: string, file: string, found: unknown) => ({
  summary: `plugin ${name} (${file}) must export default definePlugin({ ... }), found ${describeValue(found)}`,
  todo: "export the result of definePlugin from @hyfw/core as the module's default",
}));

/** A plugin needs another version of the core. */
export const pluginCoreRange = defineError(
  "HYFW_PLUGIN_CORE_RANGE",
  (name: string, version: string, range: string, found: string, setBy: string) => ({
    summary: `plugin ${name} ${version} needs @hyfw/core ${range}, found ${found}`,
    where: { "named by": setBy },
    todo: "install a version of the plugin made for this core, or the core that it asks for",
  }),
);

/** A plugin needs a hook that nobody provides. */
export const pluginNeedMissing = defineError(
  "HYFW_PLUGIN_NEED_MISSING",
  (name: string, hook: string, setBy: string, loaded: readonly string[]) => ({
    summary: `plugin ${name} needs the ${hook} hook, which no loaded plugin provides`,
    where: { "named by": setBy, loaded: list(loaded) },
    todo: `add a plugin that provides ${hook} to plugins`,
  }),
);

/** Two plugins provide a hook that takes one. */
export const hookTwice = defineError(
  "HYFW_HOOK_TWICE",
  (hook: string, first: string, firstBy: string, second: string, secondBy: string) => ({
    summary: `the ${hook} hook takes one plugin, found two: ${first} and ${second}`,
    where: { [first]: `named by ${firstBy}`, [second]: `named by ${secondBy}` },
    todo: `remove one of them, for example with --set 'plugins.${first}=$delete'`,
  }),
);

/** A hook that every run needs has no plugin. */
export const hookMissing = defineError("HYFW_HOOK_MISSING", (hook: string, loaded: readonly string[]) => ({
  summary: `no plugin provides the ${hook} hook, which every run needs`,
  where: { loaded: list(loaded) },
  todo: `add a plugin for it to plugins, or start from a preset: hyfw --preset demo`,
}));

/** Plugins need each other in a circle. */
export const pluginCycle = defineError("HYFW_PLUGIN_CYCLE", (chain: readonly string[]) => ({
  summary: `plugins need each other in a circle: ${chain.join(" -> ")}`,
  todo: "remove one of them, or one of their needs",
}));

/** A plugin provides or takes a token that its definition does not list. */
export const pluginUndeclared = defineError(
  "HYFW_PLUGIN_UNDECLARED",
  (name: string, action: "provides" | "needs", hook: string, listed: readonly string[]) => ({
    summary: `plugin ${name} ${action} ${hook}, which its definition does not list`,
    where: { listed: list(listed) },
    todo: `add the token to \`${action}\` in the plugin's definePlugin call`,
  }),
);

/** A plugin lists a token in `provides` and its set-up did not provide it. */
export const pluginProvidedNothing = defineError(
  "HYFW_PLUGIN_PROVIDED_NOTHING",
  (name: string, hook: string) => ({
    summary: `plugin ${name} lists the ${hook} hook in its provides, and its setup did not provide it`,
    todo: "call provide in setup, or remove the token from provides",
  }),
);

/** Somebody asked the run for a hook that no plugin provides. */
export const hookEmpty = defineError("HYFW_HOOK_EMPTY", (hook: string) => ({
  summary: `no plugin of this run provides the ${hook} hook`,
  todo: "list the hook among those a run must have, or ask for all of its providers",
}));

/** Something that was opened could not be closed. */
export const closeFailed = defineError(
  "HYFW_CLOSE",
  (names: readonly string[], causes: readonly unknown[]) => ({
    summary: `could not close ${names.map((name, i) => `${name} (${reason(causes[i])})`).join(", ")}`,
    todo: "everything else was closed; look at the plugin that opened these",
    cause: causes.length === 1 ? causes[0] : new AggregateError(causes),
  }),
);

/** A listener of run events threw. */
export const listenerFailed = defineError(
  "HYFW_EVENT_LISTENER",
  (plugin: string, event: string, cause: unknown) => ({
    summary: `plugin ${plugin} failed in ${event}: ${reason(cause)}`,
    todo: "correct the listener; the run stops because it may rely on it",
    cause,
  }),
);

/** A segment of the model reads a value that nothing has written. */
export const segmentReads = defineError(
  "HYFW_SEGMENT_READS",
  (segment: string, value: string, there: readonly string[]) => ({
    summary: `${segment} reads ${JSON.stringify(value)}, which nothing before it writes`,
    where: { "there are": list(there) },
    todo: "correct the segment's reads, or write the value in an earlier segment or in the model's prepare",
  }),
);

/** A segment of the model gives other values than it says. */
export const segmentWrites = defineError(
  "HYFW_SEGMENT_WRITES",
  (segment: string, expected: readonly string[], found: readonly string[]) => ({
    summary: `segment ${segment} must give ${list(expected)}, found ${list(found)}`,
    todo: "correct the segment's writes, or what its run returns",
  }),
);

/** The backward of a segment found no graph, because its forward ran without grad. */
export const segmentWithoutGraph = defineError("HYFW_SEGMENT_NO_GRAPH", (segment: string) => ({
  summary: `segment ${segment} has gradients to take back, but its forward recorded nothing`,
  todo: "an accelerator that runs a forward without grad must call replay() before run() in its aroundBackward",
}));

/** Two accelerators take charge of the same thing. */
export const dutyTwice = defineError(
  "HYFW_ACCELERATOR_SETTING_DUTY",
  (duty: string, first: string, second: string) => ({
    summary: `plugins ${first} and ${second} both take charge of ${duty}`,
    todo: `remove one of them, for example with --set 'plugins.${second}=$delete'`,
  }),
);

/** CUDA is asked for and there is none. */
export const deviceMissing = defineError("HYFW_SETTING_DEVICE", () => ({
  summary: "run.device is cuda, and libtorch finds no CUDA GPU",
  todo: "set run.device to auto or cpu, or see `hyfw doctor` for what CUDA lacks here",
}));

/** The samples of one micro-batch have different shapes. */
export const collateShapes = defineError(
  "HYFW_COLLATE_SHAPES",
  (
    odd: { readonly row: string; readonly shape: string },
    other: { readonly row: string; readonly shape: string } | undefined,
    expected: { readonly height: number; readonly width: number },
  ) => ({
    summary: `a micro-batch of ${expected.height}x${expected.width} holds a picture of ${odd.shape}`,
    where: { [odd.row]: odd.shape, ...(other !== undefined && { [other.row]: other.shape }) },
    todo: "an augmenter must leave geometry.resolution as it is; look at the ones in plugins",
  }),
);

/** Epoch after epoch holds no whole unit. */
export const dataEndless = defineError(
  "HYFW_DATA_ENDLESS",
  (phase: string, unitSize: number, epochs: number) => ({
    summary: `phase ${phase}: ${epochs} epochs in a row hold not one unit of ${unitSize} samples`,
    todo: "lower train.batchSize, or add rows",
  }),
);

/** The loss of a micro-batch is not a finite number. */
export const lossNotFinite = defineError(
  "HYFW_LOSS_NOT_FINITE",
  (step: number, loss: number, rows: readonly string[]) => ({
    summary: `step ${step}: the loss is ${loss}; no weight was changed`,
    where: { rows: someOf(rows) },
    todo: "look at these rows; lower train.lr or add warm-up when the loss rose before",
  }),
);

/** The norm over all gradients is not a finite number. */
export const gradientNotFinite = defineError(
  "HYFW_GRADIENT_NOT_FINITE",
  (step: number, norm: number, parameter: string | undefined, rows: readonly string[]) => ({
    summary: `step ${step}: the gradient norm is ${norm}; no weight was changed`,
    where: {
      "first parameter": parameter ?? "none alone; only their sum overflows",
      rows: someOf(rows),
    },
    todo: "lower train.lr or add warm-up; with reduced precision try float32 once to tell the two apart",
  }),
);

/** A checkpoint is not whole. */
export const checkpointBroken = defineError(
  "HYFW_CHECKPOINT_BROKEN",
  (path: string, what: string, cause?: unknown) => ({
    summary: `checkpoint ${path} cannot be used: ${what}`,
    todo: "name another checkpoint, or the run's folder to take the newest whole one",
    ...(cause !== undefined && { cause }),
  }),
);

/** A run has no whole checkpoint. */
export const checkpointNone = defineError(
  "HYFW_CHECKPOINT_NONE",
  (runDir: string, passed: readonly string[]) => ({
    summary: `${runDir} has no whole checkpoint`,
    ...(passed.length > 0 && { where: { "passed over": passed.join("; ") } }),
    todo: "start the run anew, or set checkpoint.latestEvery so that the next one saves earlier",
  }),
);

/** No run has the name. */
export const runNotFound = defineError(
  "HYFW_USAGE_RUN",
  (name: string, folder: string, known: readonly string[]) => ({
    summary: `there is no run ${JSON.stringify(name)}`,
    where: { "looked in": folder, runs: list(known.slice(-12)) },
    todo: "give a run's folder, its name, or latest; run.resultsDir (--results-dir) says where runs are",
  }),
);

/** Pictures are asked for without a prompt. */
export const promptsNone = defineError("HYFW_USAGE_PROMPT", (settingsFile: string) => ({
  summary: "there is no prompt to draw",
  where: { "looked at": `--prompt, and samples.prompts of ${settingsFile}` },
  todo: "give at least one --prompt TEXT",
}));

/** A run whose settings name no size to draw at. */
export const resolutionUnknown = defineError("HYFW_USAGE_RESOLUTION", (runDir: string) => ({
  summary: `the settings of ${runDir} name no size to draw at`,
  todo: "give --image-size HEIGHT WIDTH",
}));

/** The record of a run cannot be read. */
export const runUnreadable = defineError("HYFW_RUN_UNREADABLE", (path: string, cause: unknown) => ({
  summary: `cannot read ${path}: ${reason(cause).split("\n")[0]}`,
  todo: "give the folder of a run that this version of hyfw made",
  cause,
}));

/** A run cannot go on because something that must stay has changed. */
export const resumeRefused = defineError(
  "HYFW_SETTING_RESUME",
  (
    change: { readonly what: string; readonly before: unknown; readonly now: unknown },
    runDir: string,
    setBy?: string,
  ) => ({
    summary: `${change.what} was ${describeValue(change.before)} when the run began and is ${describeValue(change.now)} now`,
    where: { run: runDir, ...(setBy !== undefined && { "set by": setBy }) },
    todo: "set it back to go on, or start a new run",
  }),
);

/** Weights of a file do not fit the model. */
export const weightsDiffer = defineError("HYFW_WEIGHTS", (path: string, wrong: readonly string[]) => ({
  summary: `${path} does not fit the model: ${wrong.length} tensor(s) differ`,
  where: Object.fromEntries(wrong.slice(0, 8).map((text, n) => [`${n + 1}`, text])),
  todo: "use the settings that the weights were trained with",
}));

/** A command that does not exist. */
export const commandUnknown = defineError(
  "HYFW_USAGE_COMMAND",
  (name: string, near: string | undefined, known: readonly string[]) => ({
    summary: `there is no command ${JSON.stringify(name)}${didYouMean(near)}`,
    where: { commands: list(known) },
    todo: "run hyfw --help",
  }),
);

/** A flag that does not exist. */
export const flagUnknown = defineError(
  "HYFW_USAGE_FLAG",
  (flag: string, near: string | undefined, known: readonly string[]) => ({
    summary: `there is no flag ${flag}${didYouMean(near)}`,
    ...(known.length > 0 && { where: { flags: list(known) } }),
    todo: "run hyfw --help for all flags of the presets in use",
  }),
);

/** Two loaded schemas declare one flag. */
export const flagTwice = defineError(
  "HYFW_PLUGIN_FLAG_TWICE",
  (flag: string, first: string, second: string) => ({
    summary: `${flag} is declared by both ${first} and ${second}`,
    todo: "rename the flag in one of the plugins; until then leave one of them out",
  }),
);

/** A flag of the official trainer that means nothing here, or not yet. */
export const flagRefused = defineError(
  "HYFW_USAGE_OFFICIAL_FLAG",
  (flag: string, why: string, todo: string) => ({
    summary: `${flag}: ${why}`,
    todo,
  }),
);

/** A flag that has no value, or one too many. */
export const flagValue = defineError("HYFW_USAGE_FLAG_VALUE", (flag: string, expected: string) => ({
  summary: `${flag} ${expected}`,
  todo: "run hyfw --help for what it takes",
}));

/** A word on the command line that nothing takes. */
export const argumentUnexpected = defineError("HYFW_USAGE_ARGUMENT", (word: string, usage: string) => ({
  summary: `unexpected argument ${JSON.stringify(word)}`,
  where: { usage },
  todo: "remove it, or put it after the flag that it belongs to",
}));

/** A command lacks an argument. */
export const argumentMissing = defineError("HYFW_USAGE_ARGUMENT_MISSING", (name: string, usage: string) => ({
  summary: `${name} is missing`,
  where: { usage },
  todo: "add it to the command",
}));

/** Several things are wrong with the command line. */
export const usageWrong = defineError("HYFW_USAGE", (problems: readonly HyfwError[]) => ({
  summary: `${problems.length} arguments are wrong\n\n${problems.map((problem) => problem.message).join("\n\n")}`,
  cause: new AggregateError(problems),
}));

/** A setting that `config why` was asked for and nobody has. */
export const settingNotSet = defineError(
  "HYFW_SETTING_NOT_SET",
  (path: string, near: string | undefined, known: readonly string[]) => ({
    summary: `nothing sets ${path}, and it has no default${didYouMean(near)}`,
    where: { settings: list(known) },
    todo: "run hyfw config print to see all settings",
  }),
);

/** Two augmenters draw for one purpose, so their chances would be the same numbers. */
export const augmenterPurpose = defineError(
  "HYFW_AUGMENTER_PURPOSE",
  (purpose: string, first: string, second: string) => ({
    summary: `the plugins ${first} and ${second} both draw for the purpose ${JSON.stringify(purpose)}`,
    todo: "begin the purposes of one of them with its own name",
  }),
);

/** An augmenter that chooses captions stands behind one that changes them, whose work would be lost. */
export const augmenterOrder = defineError("HYFW_AUGMENTER_ORDER", (chooser: string, editor: string) => ({
  summary: `the plugin ${chooser} chooses captions, and ${editor} before it changes them: its work would be lost`,
  todo: `put ${chooser} before ${editor} under plugins`,
}));

/** `--rows` of `hyfw see` does not name positions. */
export const rowsSyntax = defineError("HYFW_USAGE_ROWS", (text: string, part: string) => ({
  summary: `--rows ${text}: ${JSON.stringify(part)} is no position and no range of positions`,
  todo: "write numbers and ranges from 0 on, at most 10,000 rows in all, for example --rows 3,10-14",
}));

/** `--rows` names a position that the index does not have. */
export const rowUnknown = defineError("HYFW_USAGE_ROW", (position: number, length: number) => ({
  summary: `position ${position} does not exist: the data set has ${length} position(s), from 0 to ${length - 1}`,
  todo: "name other rows with --rows",
}));

/** `--epoch` of `hyfw see` lies behind the end of the run. */
export const epochUnknown = defineError("HYFW_USAGE_EPOCH", (epoch: number, last: number) => ({
  summary: `the run has no epoch ${epoch}: its last one is ${last}`,
  todo: "name an earlier epoch with --epoch, or raise train.epochs or train.maxSteps",
}));

/** A value in one short line: text quoted, long values cut. */
export function describeValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "function") return "a function";
  if (typeof value === "bigint" || typeof value === "symbol") return String(value);
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** A list for an error: the first few, and how many more. */
function someOf(rows: readonly string[]): string {
  const shown = rows.slice(0, 8).join(", ");
  return rows.length > 8 ? `${shown} and ${rows.length - 8} more` : shown;
}
