import { defineError } from "../define-error.js";
import { describeValue, didYouMean, list, reason } from "./words.js";

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

/** Two accelerators take charge of the same thing. */
export const dutyTwice = defineError(
  "HYFW_ACCELERATOR_SETTING_DUTY",
  (duty: string, first: string, second: string) => ({
    summary: `plugins ${first} and ${second} both take charge of ${duty}`,
    todo: `remove one of them, for example with --set 'plugins.${second}=$delete'`,
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
