import { join } from "node:path";
import t from "tap";
import { resolveSettings } from "../preset/resolve.js";
import { findPlugin, rebasePluginPath } from "./find.js";

const PLUGIN = (fields: string) => `
import { AUGMENTER, definePlugin, z } from "@hyfw/core";
const options: unknown = undefined;
export default definePlugin({
  name: "p", version: "1.2.3", core: "^0.1.0", options: z.strictObject({}), provides: [], setup() {}, ${fields}
});
`;
const load = (cwd: string, names: string[]) =>
  resolveSettings({ cwd, sets: names.map((name) => `plugins.${JSON.stringify(name)}={}`) });

t.test("short names stand for @hyfw/plugin-NAME, hyfw-plugin-NAME, or a package of that name", async (t) => {
  const pack = () => ({ "package.json": '{ "main": "index.js" }', "index.js": "" });
  const cwd = t.testdir({
    node_modules: {
      "@hyfw": { "plugin-a": pack() },
      "hyfw-plugin-b": pack(),
      c: pack(),
      "@s": { d: pack() },
    },
    "e.ts": "",
  });
  const file = (name: string) => {
    const found = findPlugin(name, cwd, [cwd]);
    return "file" in found ? found.file : found.tried;
  };
  t.equal(file("a"), join(cwd, "node_modules/@hyfw/plugin-a/index.js"));
  t.equal(file("b"), join(cwd, "node_modules/hyfw-plugin-b/index.js"));
  t.equal(file("c"), join(cwd, "node_modules/c/index.js"));
  t.equal(file("@s/d"), join(cwd, "node_modules/@s/d/index.js"));
  t.equal(file("./e.ts"), join(cwd, "e.ts"));
  t.same(
    file("path"),
    ["@hyfw/plugin-path", "hyfw-plugin-path", "path"],
    "Node's own modules are no plugins",
  );
  t.same(file("./none.ts"), [join(cwd, "none.ts")]);
});

t.test(
  "hyfw's own plugins come from this installation, whatever another one beside the settings has",
  async (t) => {
    const pack = () => ({ "package.json": '{ "main": "index.js" }', "index.js": "" });
    const cwd = t.testdir({ node_modules: { "@hyfw": { "plugin-sampler-bucket": pack() } } });
    const found = findPlugin("sampler-bucket", cwd, [cwd]);
    t.match(found, { file: /packages\/plugin-sampler-bucket\/dist\/index\.js$/ });
  },
);

t.test("a plugin path means the same from every folder", async (t) => {
  t.equal(rebasePluginPath("./p.ts", "/a/b", "/a"), "./b/p.ts");
  t.equal(rebasePluginPath("../p.ts", "/a/b", "/a/c"), "../p.ts");
});

t.test("a TypeScript plugin is loaded by its path and gets its options", async (t) => {
  const cwd = t.testdir({ "p.ts": PLUGIN("") });
  const { plugins } = await load(cwd, ["./p.ts"]);
  t.match(plugins, [{ name: "./p.ts", definition: { name: "p", version: "1.2.3" }, options: {} }]);
});

t.test("what is wrong with a plugin names the plugin and who asked for it", async (t) => {
  const cwd = t.testdir({
    "new.ts": PLUGIN('core: "^9.0.0"'),
    "plain.ts": "export default { name: 'x' };",
    "throws.ts": "throw new Error('no tea');",
  });
  await t.rejects(load(cwd, ["./new.ts"]), {
    code: "HYFW_PLUGIN_CORE_RANGE",
    message: /\.\/new\.ts 1\.2\.3 needs @hyfw\/core \^9\.0\.0, found 0\.\d+\.\d+\n.*--set plugins/,
  });
  await t.rejects(load(cwd, ["./plain.ts"]), { code: "HYFW_PLUGIN_SHAPE", message: /definePlugin/ });
  await t.rejects(load(cwd, ["./throws.ts"]), { code: "HYFW_PLUGIN_FAILED", message: /at load: no tea/ });
  await t.rejects(load(cwd, ["nowhere-near"]), {
    code: "HYFW_PLUGIN_NOT_FOUND",
    message: /@hyfw\/plugin-nowhere-near, hyfw-plugin-nowhere-near/,
  });
});

t.test("all plugins that cannot be loaded are reported together", async (t) => {
  const cwd = t.testdir({ "plain.ts": "export default 1;" });
  await t.rejects(load(cwd, ["./plain.ts", "nowhere-near"]), {
    code: "HYFW_SETTINGS",
    message: /2 settings are wrong[\s\S]*HYFW_PLUGIN_SHAPE[\s\S]*HYFW_PLUGIN_NOT_FOUND/,
  });
});

t.test("an option without a default that nobody sets is missing by name and meaning", async (t) => {
  const cwd = t.testdir({
    "p.ts": PLUGIN('options: z.strictObject({ vocab: z.string().describe("Vocabulary file.") })'),
  });
  await t.rejects(load(cwd, ["./p.ts"]), {
    code: "HYFW_SETTING_MISSING",
    message: /plugins\."\.\/p\.ts"\.vocab is missing; it must be text\n.*Vocabulary file/,
  });
});
