import { join } from "node:path";
import t from "tap";
import { listPresets } from "./find.js";
import { resolveSettings } from "./resolve.js";

const every = async (cwd: string, name: string): Promise<number> =>
  (await resolveSettings({ cwd, presets: [name] })).settings.log.every;

t.test("presets are found by path, by name and in npm packages", async (t) => {
  const preset = (value: number) => ({ "index.yaml": `log: { every: ${value} }` });
  const pack = (name: string, value: number) => ({
    "package.json": JSON.stringify({ name, main: "index.yaml" }),
    ...preset(value),
  });
  const cwd = t.testdir({
    "here.yaml": "log: { every: 2 }",
    presets: {
      "named.json": '{ "$schema": "./hyfw.schema.json", "log": { "every": 3 } }',
      "up.yaml": "extends: ../here",
    },
    node_modules: {
      "hyfw-preset-x": pack("hyfw-preset-x", 4),
      "@scope": {
        "hyfw-preset": pack("@scope/hyfw-preset", 5),
        "hyfw-preset-y": pack("@scope/hyfw-preset-y", 6),
        z: pack("@scope/z", 7),
      },
    },
  });
  t.equal(await every(cwd, "./here.yaml"), 2);
  t.equal(await every(cwd, "./here"), 2);
  t.equal(await every(cwd, "named"), 3);
  t.equal(await every(cwd, "up"), 2, "relative to the file that names it");
  t.equal(await every(cwd, "x"), 4);
  t.equal(await every(cwd, "@scope"), 5);
  t.equal(await every(cwd, "@scope/y"), 6);
  t.equal(await every(cwd, "@scope/z"), 7);
});

t.test("a preset that is not there names who asked, and the nearest one", async (t) => {
  const cwd = t.testdir({ presets: { "porcelain.yaml": "{}", "child.yaml": "\nextends: porcelan\n" } });
  await t.rejects(resolveSettings({ cwd, presets: ["child"] }), {
    code: "HYFW_PRESET_NOT_FOUND",
    message: /"porcelan", named by .*child\.yaml:2; did you mean porcelain\?/,
  });
});

t.test("a preset that is code is refused", async (t) => {
  const cwd = t.testdir({
    node_modules: { "hyfw-preset-code": { "package.json": '{"main":"index.js"}', "index.js": "" } },
  });
  await t.rejects(resolveSettings({ cwd, presets: ["code"] }), { code: "HYFW_PRESET_NOT_DATA" });
});

t.test("a circle of presets is refused, naming the chain", async (t) => {
  const cwd = t.testdir({
    presets: { "a.yaml": "extends: b", "b.yaml": "extends: [c]", "c.yaml": "extends: ./a" },
  });
  await t.rejects(resolveSettings({ cwd, presets: ["a"] }), {
    code: "HYFW_PRESET_CYCLE",
    message: /a\.yaml -> .*b\.yaml -> .*c\.yaml -> .*a\.yaml/,
  });
});

t.test("a preset that is no map, or whose extends is no name, is refused", async (t) => {
  const cwd = t.testdir({
    presets: { "list.yaml": "- 1", "ext.yaml": "extends: 5", "empty.yaml": "# nothing\n" },
  });
  await t.rejects(resolveSettings({ cwd, presets: ["list"] }), { code: "HYFW_PRESET_SHAPE" });
  await t.rejects(resolveSettings({ cwd, presets: ["ext"] }), {
    code: "HYFW_PRESET_EXTENDS",
    message: /found 5/,
  });
  t.equal(await every(cwd, "empty"), 100);
});

t.test("the project's presets hide hyfw's own of the same name", async (t) => {
  const dir = t.testdir({
    own: { "a.yaml": "", "b.yaml": "" },
    project: { "a.yaml": "", "x.schema.json": "{}" },
  });
  const found = listPresets({ folders: [join(dir, "project"), join(dir, "own"), join(dir, "none")] });
  t.same(found, [
    { name: "a", file: join(dir, "project/a.yaml") },
    { name: "b", file: join(dir, "own/b.yaml") },
  ]);
});
