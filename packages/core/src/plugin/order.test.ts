import t from "tap";
import { z } from "zod";
import { defineToken, type Token } from "../hooks/tokens.js";
import { definePlugin } from "./define-plugin.js";
import type { NamedPlugin } from "./load.js";
import { orderPlugins } from "./order.js";

const ONE = defineToken<number>("one-hook", "one");
const OTHER = defineToken<number>("other-hook", "optional");
const CHAIN = defineToken<number>("chain-hook", "chain");

function plugin(name: string, provides: Token<unknown>[], needs: Token<unknown>[] = []): NamedPlugin {
  const definition = definePlugin({
    name,
    version: "1.0.0",
    core: "*",
    options: z.strictObject({}),
    provides,
    needs,
    setup: () => undefined,
  });
  const origin = { layer: "preset", name, value: {}, file: `/p/${name}.yaml`, line: 1 } as const;
  return { name, definition, file: `/p/${name}.js`, origin };
}
const names = (plugins: readonly NamedPlugin[]) => plugins.map(({ name }) => name);

t.test("what a plugin needs comes first, preset order otherwise", async (t) => {
  const plugins = [
    plugin("a", [CHAIN]),
    plugin("needs-one", [], [ONE]),
    plugin("b", [CHAIN]),
    plugin("gives-one", [ONE], [OTHER]),
    plugin("gives-other", [OTHER]),
  ];
  t.same(names(orderPlugins(plugins, [ONE], "/")), ["a", "gives-other", "gives-one", "needs-one", "b"]);
});

t.test("two plugins for one hook are refused, naming both and who set each", async (t) => {
  const plugins = [plugin("x", [ONE]), plugin("y", [ONE])];
  t.throws(() => orderPlugins(plugins, [], "/p"), {
    code: "HYFW_HOOK_TWICE",
    message: /found two: x and y\n.*x\.yaml:1\n.*y\.yaml:1/,
  });
  t.throws(() => orderPlugins([plugin("x", [OTHER]), plugin("y", [OTHER])], [], "/"), {
    code: "HYFW_HOOK_TWICE",
  });
});

t.test("a hook that nobody provides is refused, when required or needed", async (t) => {
  t.throws(() => orderPlugins([plugin("a", [CHAIN])], [ONE], "/"), {
    code: "HYFW_HOOK_MISSING",
    message: /one-hook[\s\S]*loaded +a/,
  });
  t.throws(() => orderPlugins([plugin("a", [], [ONE])], [], "/"), {
    code: "HYFW_PLUGIN_NEED_MISSING",
    message: /plugin a needs the one-hook hook/,
  });
});

t.test("a circle of needs is refused, naming the chain", async (t) => {
  const plugins = [plugin("a", [ONE], [OTHER]), plugin("b", [OTHER], [ONE])];
  t.throws(() => orderPlugins(plugins, [], "/"), { code: "HYFW_PLUGIN_CYCLE", message: /a -> b -> a/ });
});
