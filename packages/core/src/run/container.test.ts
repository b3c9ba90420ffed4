import t from "tap";
import { z } from "zod";
import { defineToken, type Token } from "../hooks/tokens.js";
import { definePlugin, type PluginContext } from "../plugin/define-plugin.js";
import { type ResolvedPlugin, type ResolvedSettings, resolveSettings } from "../preset/resolve.js";
import { openRun } from "./container.js";

const SIZE = defineToken<number>("size", "one");
const NAMES = defineToken<string>("names", "chain");

interface Parts {
  readonly provides?: Token<unknown>[];
  readonly needs?: Token<unknown>[];
  readonly setup: (context: PluginContext<unknown>) => void | Promise<void>;
}

function plugin(name: string, { provides = [], needs = [], setup }: Parts): ResolvedPlugin {
  const options = z.strictObject({});
  const definition = definePlugin({ name, version: "1.0.0", core: "*", options, provides, needs, setup });
  const origin = { layer: "set", name: `--set plugins.${name}={}`, value: {} } as const;
  return { name, definition, file: `/${name}.js`, origin, options: {} };
}

async function resolvedWith(plugins: ResolvedPlugin[], cwd: string): Promise<ResolvedSettings> {
  return { ...(await resolveSettings({ cwd, config: false, sets: ["run.seed=9"] })), plugins };
}

t.test("plugins get what they need and chains keep preset order", async (t) => {
  const log: string[] = [];
  const plugins = [
    plugin("first", {
      provides: [NAMES],
      needs: [SIZE],
      setup: ({ provide, need, seed }) => provide(NAMES, `first ${need(SIZE)} ${seed}`),
    }),
    plugin("second", {
      provides: [SIZE, NAMES],
      setup: async ({ provide, onClose }) => {
        onClose("file", () => void log.push("file"));
        onClose("index", () => void log.push("index"));
        provide(SIZE, 64);
        provide(NAMES, "second");
      },
    }),
  ];
  const run = await openRun(await resolvedWith(plugins, t.testdir({})), { required: [SIZE] });
  t.same(
    run.plugins.map(({ name }) => name),
    ["second", "first"],
    "set-up order",
  );
  t.equal(run.get(SIZE), 64);
  t.same(run.getAll(NAMES), ["first 64 9", "second"], "preset order");
  t.same(run.providers(SIZE), [{ plugin: "second", value: 64 }]);
  run.onClose("trainer", () => void log.push("trainer"));
  await run.close();
  await run.close();
  t.same(log, ["trainer", "index", "file"], "last opened first, once");
});

t.test("two runs at a time do not see each other", async (t) => {
  const one = (value: number) =>
    plugin("p", { provides: [SIZE], setup: ({ provide }) => provide(SIZE, value) });
  const cwd = t.testdir({});
  const a = await openRun(await resolvedWith([one(1)], cwd), { required: [] });
  const b = await openRun(await resolvedWith([one(2)], cwd), { required: [] });
  t.same([a.get(SIZE), b.get(SIZE)], [1, 2]);
  t.throws(() => a.get(defineToken("size", "one")), { code: "HYFW_HOOK_EMPTY" });
  t.same(a.getAll(NAMES), []);
});

t.test("a set-up that fails closes what was opened before, and names the plugin", async (t) => {
  const log: string[] = [];
  const plugins = [
    plugin("good", { setup: ({ onClose }) => onClose("file", () => void log.push("closed")) }),
    plugin("bad", {
      setup: () => {
        throw new Error("no device");
      },
    }),
  ];
  await t.rejects(openRun(await resolvedWith(plugins, t.testdir({})), { required: [] }), {
    code: "HYFW_PLUGIN_FAILED",
    message: /plugin bad failed at setup: no device/,
  });
  t.same(log, ["closed"]);
});

t.test("tokens that a definition does not list are refused", async (t) => {
  const cwd = t.testdir({});
  const open = async (parts: Parts) =>
    openRun(await resolvedWith([plugin("p", parts)], cwd), { required: [] });
  await t.rejects(open({ setup: ({ provide }) => provide(SIZE, 1) }), {
    code: "HYFW_PLUGIN_UNDECLARED",
    message: /plugin p provides size/,
  });
  await t.rejects(open({ setup: ({ need }) => void need(SIZE) }), {
    code: "HYFW_PLUGIN_UNDECLARED",
    message: /plugin p needs size/,
  });
  await t.rejects(open({ provides: [SIZE], setup: () => undefined }), {
    code: "HYFW_PLUGIN_PROVIDED_NOTHING",
    message: /plugin p lists the size hook/,
  });
});

t.test("a hook that every run needs is missed before anything is set up", async (t) => {
  let isSetUp = false;
  const plugins = [
    plugin("p", {
      setup: () => {
        isSetUp = true;
      },
    }),
  ];
  await t.rejects(openRun(await resolvedWith(plugins, t.testdir({}))), {
    code: "HYFW_HOOK_MISSING",
    message: /dataset hook/,
  });
  t.notOk(isSetUp);
});
