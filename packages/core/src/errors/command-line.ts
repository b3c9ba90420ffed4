import { defineError, type HyfwError } from "../define-error.js";
import { didYouMean, list } from "./words.js";

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
