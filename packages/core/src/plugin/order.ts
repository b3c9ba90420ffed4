import { hookMissing, hookTwice, pluginCycle, pluginNeedMissing } from "../errors/plugins.js";
import type { Token } from "../hooks/tokens.js";
import { formatOrigin } from "../preset/origin.js";
import type { NamedPlugin } from "./load.js";

/**
 * Puts plugins into set-up order, what they need first and preset order otherwise, after checking that every hook has
 * the plugins that it takes.
 * @param required hooks that must have a provider
 * @throws HYFW_HOOK_TWICE, HYFW_HOOK_MISSING, HYFW_PLUGIN_NEED_MISSING, HYFW_PLUGIN_CYCLE
 */
export function orderPlugins<P extends NamedPlugin>(
  plugins: readonly P[],
  required: readonly Token<unknown>[],
  cwd: string,
): P[] {
  const names = plugins.map((plugin) => plugin.name);
  checkCounts(plugins, cwd);
  for (const token of required)
    if (providersOf(token, plugins).length === 0) throw hookMissing(token.hook, names);
  const ordered: P[] = [];
  const visit = (plugin: P, chain: readonly P[]): void => {
    if (ordered.includes(plugin)) return;
    if (chain.includes(plugin))
      throw pluginCycle([...chain.slice(chain.indexOf(plugin)), plugin].map(({ name }) => name));
    for (const token of plugin.definition.needs ?? []) {
      const providers = providersOf(token, plugins);
      if (providers.length === 0)
        throw pluginNeedMissing(plugin.name, token.hook, formatOrigin(plugin.origin, cwd), names);
      for (const provider of providers) visit(provider, [...chain, plugin]);
    }
    ordered.push(plugin);
  };
  for (const plugin of plugins) visit(plugin, []);
  return ordered;
}

/** Refuses a second plugin where a hook takes one or none. */
function checkCounts(plugins: readonly NamedPlugin[], cwd: string): void {
  const first = new Map<symbol, NamedPlugin>();
  for (const plugin of plugins) {
    for (const token of plugin.definition.provides) {
      if (token.combine === "chain" || token.combine === "wrap") continue;
      const other = first.get(token.key);
      if (other !== undefined && other !== plugin)
        throw hookTwice(
          token.hook,
          other.name,
          formatOrigin(other.origin, cwd),
          plugin.name,
          formatOrigin(plugin.origin, cwd),
        );
      first.set(token.key, plugin);
    }
  }
}

function providersOf<P extends NamedPlugin>(token: Token<unknown>, plugins: readonly P[]): P[] {
  return plugins.filter(({ definition }) => definition.provides.some(({ key }) => key === token.key));
}
