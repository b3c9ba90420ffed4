import { resolve } from "node:path";
import "reflect-metadata";
import { type DependencyContainer, container as root } from "tsyringe";
import { HyfwError } from "../define-error.js";
import { hookEmpty, pluginFailed, pluginProvidedNothing, pluginUndeclared } from "../errors/plugins.js";
import type { Token } from "../hooks/tokens.js";
import { orderPlugins } from "../plugin/order.js";
import { formatOrigin } from "../preset/origin.js";
import type { ResolvedPlugin, ResolvedSettings } from "../preset/resolve.js";
import type { Settings } from "../settings/schema.js";
import { REQUIRED_HOOKS } from "./required-hooks.js";
import { RunScope } from "./scope.js";

/** A value of a hook and the plugin that provides it. */
export interface Provided<T> {
  readonly plugin: string;
  readonly value: T;
}

/** A run whose plugins are set up and which nothing has been computed in yet. */
export interface LoadedRun {
  readonly settings: Settings;
  readonly resolved: ResolvedSettings;
  /** In set-up order. */
  readonly plugins: readonly ResolvedPlugin[];
  /** The value of a hook that takes one plugin. Throws HYFW_HOOK_EMPTY when nobody provides it. */
  get<T>(token: Token<T>): T;
  /** All values of a hook in preset order; empty when nobody provides it. */
  getAll<T>(token: Token<T>): T[];
  /** As `getAll`, with the name of each value's plugin. */
  providers<T>(token: Token<T>): Provided<T>[];
  /**
   * As `providers`, with some plugins set up once more under other options, for one phase; closed with the run.
   * @param options all options of a plugin, checked, by its name
   */
  providersUnder<T>(token: Token<T>, options: ReadonlyMap<string, unknown>): Promise<Provided<T>[]>;
  /** Registers what the run itself opens; closed before the plugins, last opened first. */
  onClose(name: string, close: () => void | Promise<void>): void;
  /** Closes everything that was opened. Throws HYFW_CLOSE. */
  close(): Promise<void>;
}

/**
 * Sets up the plugins of checked settings, in one container of their own.
 * @param required hooks that must have a provider
 * @throws HYFW_HOOK_*, HYFW_PLUGIN_*; what was opened by then is closed first
 */
export async function openRun(
  resolved: ResolvedSettings,
  { required = REQUIRED_HOOKS }: { required?: readonly Token<unknown>[] } = {},
): Promise<LoadedRun> {
  const { settings, cwd } = resolved;
  const plugins = orderPlugins(resolved.plugins, required, cwd);
  const scope = new RunScope();
  const container = root.createChildContainer();
  scope.onClose("the container", () => container.dispose());
  try {
    for (const plugin of plugins) await setUp(plugin, { resolved, container, scope });
  } catch (fault) {
    await scope.close().catch(() => undefined); // the fault of the set-up is what explains both
    throw fault;
  }
  // Chains run in preset order even where needs made set-up order differ.
  const rank = new Map(resolved.plugins.map((plugin, index) => [plugin.name, index]));
  const providers = <T>(token: Token<T>): Provided<T>[] => {
    if (!container.isRegistered(token.key)) return [];
    const found = container.resolveAll<Provided<T>>(token.key);
    return found.sort((a, b) => (rank.get(a.plugin) ?? 0) - (rank.get(b.plugin) ?? 0));
  };
  return {
    settings,
    resolved,
    plugins,
    providers,
    getAll: (token) => providers(token).map(({ value }) => value),
    get: (token) => {
      const [first] = providers(token);
      if (first === undefined) throw hookEmpty(token.hook);
      return first.value;
    },
    providersUnder: async <T>(token: Token<T>, options: ReadonlyMap<string, unknown>) => {
      const again: Provided<T>[] = [];
      for (const plugin of plugins) {
        if (!options.has(plugin.name)) continue;
        const changed = { ...plugin, options: options.get(plugin.name) };
        const take = (provided: Token<unknown>, value: unknown): void => {
          // The key says that the value is of the token's type.
          if (provided.key === token.key) again.push({ plugin: plugin.name, value: value as T });
        };
        await setUp(changed, { resolved, container, scope, take });
      }
      const left = [...again];
      return providers(token).map((one) => {
        const at = left.findIndex(({ plugin }) => plugin === one.plugin);
        return at < 0 ? one : (left.splice(at, 1)[0] ?? one);
      });
    },
    onClose: (name, close) => scope.onClose(name, close),
    close: () => scope.close(),
  };
}

interface SetUpFacts {
  readonly resolved: ResolvedSettings;
  readonly container: DependencyContainer;
  readonly scope: RunScope;
  /** Takes what is provided; the container when left out. */
  readonly take?: (token: Token<unknown>, value: unknown) => void;
}

async function setUp(
  plugin: ResolvedPlugin,
  { resolved, container, scope, take }: SetUpFacts,
): Promise<void> {
  const { name, definition, options } = plugin;
  const provides = definition.provides;
  const needs = definition.needs ?? [];
  const provided = new Set<symbol>();
  const isListed = (tokens: readonly Token<unknown>[], token: Token<unknown>): boolean =>
    tokens.some(({ key }) => key === token.key);
  try {
    await definition.setup({
      options,
      seed: resolved.settings.run.seed,
      modelRoot: resolve(resolved.cwd, resolved.settings.run.modelRoot),
      provide: (token, value) => {
        if (!isListed(provides, token))
          throw pluginUndeclared(name, "provides", token.hook, provides.map(hookOf));
        provided.add(token.key);
        if (take !== undefined) take(token, value);
        else container.register(token.key, { useValue: { plugin: name, value } });
      },
      need: <T>(token: Token<T>): T => {
        if (!isListed(needs, token)) throw pluginUndeclared(name, "needs", token.hook, needs.map(hookOf));
        // tsyringe would fail in its own words where an "optional" hook was declared and then not provided.
        if (!container.isRegistered(token.key)) throw hookEmpty(token.hook);
        return container.resolve<Provided<T>>(token.key).value;
      },
      onClose: (what, close) => scope.onClose(`${what} of plugin ${name}`, close),
    });
  } catch (fault) {
    if (fault instanceof HyfwError) throw fault;
    throw pluginFailed(name, "setup", formatOrigin(plugin.origin, resolved.cwd), fault);
  }
  const missing = provides.find(({ key, combine }) => !provided.has(key) && combine === "one");
  if (missing !== undefined) throw pluginProvidedNothing(name, missing.hook);
}

function hookOf(token: Token<unknown>): string {
  return token.hook;
}
