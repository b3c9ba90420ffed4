import { join } from "node:path";
import t from "tap";
import { openRun } from "../run/container.js";
import { openAugmentersUnder } from "../run/open-augmenters.js";
import { resolveSettings } from "./resolve.js";

const PLUGIN = (name: string, options: string, hook: string) => `
import { ${hook}, definePlugin, z } from "@hyfw/core";
export default definePlugin({
  name: "${name}", version: "1.0.0", core: "^0.1.0", provides: [${hook}],
  options: z.strictObject(${options}),
  setup: ({ provide }) => provide(${hook}, {}),
});
`;
const DATA = PLUGIN(
  "data",
  `{ index: z.string().optional().describe("Index.").meta({ path: true }), size: z.number().default(64).describe("Size.") }`,
  "DATASET",
);

t.test("layers are laid defaults, presets, config file, --set, each knowing its line", async (t) => {
  const cwd = t.testdir({
    presets: {
      "base.yaml": "train:\n  lr: 1e-3\n  batchSize: 2\nlog: { every: 7 }\n",
      "mine.yaml": "extends: base\ntrain:\n  lr: 2e-3\n",
    },
    "hyfw.config.yaml": "train:\n  lr: 3e-3\n  epochs: 3\n",
  });
  const resolved = await resolveSettings({ cwd, presets: ["mine"], sets: ["train.epochs=4"] });
  t.match(resolved.settings.train, { lr: 3e-3, batchSize: 2, epochs: 4, maxSteps: 10_000_000 });
  t.equal(resolved.settings.log.every, 7);
  t.match(resolved.origin("train.lr"), {
    layer: "config",
    file: join(cwd, "hyfw.config.yaml"),
    line: 2,
    overrode: {
      layer: "preset",
      name: "mine",
      line: 3,
      overrode: { name: "base", line: 2, overrode: { layer: "default", value: 1e-4 } },
    },
  });
  t.match(resolved.origin("train.epochs"), {
    layer: "set",
    name: "--set train.epochs=4",
    overrode: { line: 3 },
  });
  t.match(resolved.origin("train.maxSteps"), { layer: "default", value: 10_000_000 });
  t.equal(resolved.origin("train.nothing"), undefined);
  t.ok(resolved.leaves().some(({ path, value }) => path === "log.every" && value === 7));
});

t.test("what the config file extends is weaker than presets of the command line", async (t) => {
  const cwd = t.testdir({
    presets: { "a.yaml": "train: { lr: 1, epochs: 1 }", "b.yaml": "train: { lr: 2 }" },
    "hyfw.config.json": '{ "extends": ["a"], "log": { "every": 3 } }',
  });
  const { settings } = await resolveSettings({ cwd, presets: ["b"] });
  t.match(settings, { train: { lr: 2, epochs: 1 }, log: { every: 3 } });
});

t.test("a base that two presets share is laid once, at its first place", async (t) => {
  const cwd = t.testdir({
    presets: {
      "base.yaml": "train: { lr: 1 }",
      "a.yaml": "extends: base\ntrain: { lr: 2 }",
      "b.yaml": "extends: base\nlog: { every: 2 }",
    },
  });
  const { settings } = await resolveSettings({ cwd, presets: ["a", "b"] });
  t.equal(settings.train.lr, 2);
});

t.test("a TypeScript config file runs on this Node", async (t) => {
  const cwd = t.testdir({
    "hyfw.config.ts": `
      import type { UserPreset } from "@hyfw/core";
      const every: number = 11;
      export default { log: { every } } satisfies UserPreset;
    `,
  });
  const resolved = await resolveSettings({ cwd });
  t.equal(resolved.settings.log.every, 11);
  const origin = resolved.origin("log.every");
  t.match(origin, { layer: "config", file: join(cwd, "hyfw.config.ts") });
  t.equal(origin?.line, undefined);
});

t.test("the other kinds of config file are read too", async (t) => {
  const kinds = {
    "hyfw.config.mjs": "export default { log: { every: 12 } };",
    "hyfw.config.cjs": "module.exports = { log: { every: 12 } };",
    "hyfw.config.json": '{ "log": { "every": 12 } }',
    ".hyfwrc": "log: { every: 12 }",
    ".hyfwrc.yml": "log: { every: 12 }",
    "package.json": '{ "name": "x", "hyfw": { "log": { "every": 12 } } }',
  };
  for (const [file, text] of Object.entries(kinds)) {
    const { settings } = await resolveSettings({ cwd: t.testdir({ [file]: text }) });
    t.equal(settings.log.every, 12, file);
  }
  const cwd = t.testdir({ "other.yaml": "log: { every: 13 }", "hyfw.config.yaml": "log: { every: 12 }" });
  t.equal((await resolveSettings({ cwd, config: "other.yaml" })).settings.log.every, 13);
  await t.rejects(resolveSettings({ cwd, config: "none.yaml" }), { code: "HYFW_CONFIG_NOT_FOUND" });
});

t.test("a config file that throws is named, with its error as cause", async (t) => {
  const cwd = t.testdir({ "hyfw.config.mjs": "throw new Error('no coffee');" });
  await t.rejects(resolveSettings({ cwd }), {
    code: "HYFW_CONFIG_FAILED",
    message: /hyfw\.config\.mjs.*no coffee/,
  });
});

t.test("same files give the same hash, in any folder; another value gives another", async (t) => {
  const files = () => ({
    presets: {
      "a.yaml": "run: { resultsDir: out }\nplugins: { ./data.mjs: { index: i.json } }",
      "data.mjs": DATA,
    },
  });
  const dir = t.testdir({ one: files(), two: files() });
  const first = await resolveSettings({ cwd: join(dir, "one"), presets: ["a"] });
  const second = await resolveSettings({ cwd: join(dir, "two"), presets: ["a"] });
  const other = await resolveSettings({ cwd: join(dir, "two"), presets: ["a"], sets: ["run.seed=5"] });
  t.match(first.hash, /^[0-9a-f]{64}$/);
  t.equal(second.hash, first.hash);
  t.not(other.hash, first.hash);
});

t.test("paths start from the folder of the file that sets them", async (t) => {
  const cwd = t.testdir({
    deep: {
      "p.yaml":
        "run: { resultsDir: out }\nplugins:\n  ./data.mjs: { index: i.json }\nphases: [{ name: a, data: { index: ../j.json } }]\n",
      "data.mjs": DATA,
    },
  });
  const { settings } = await resolveSettings({ cwd, presets: ["deep/p.yaml"] });
  t.equal(settings.run.resultsDir, join(cwd, "deep/out"));
  t.same(settings.plugins["./deep/data.mjs"], { index: join(cwd, "deep/i.json"), size: 64 });
  t.same(settings.phases, [{ name: "a", data: { index: join(cwd, "j.json") } }]);
  const set = await resolveSettings({ cwd, presets: ["deep/p.yaml"], sets: ["run.resultsDir=out"] });
  t.equal(set.settings.run.resultsDir, join(cwd, "out"), "--set starts from the working directory");
});

t.test("unknown keys are refused with the nearest valid one, all problems at once", async (t) => {
  const cwd = t.testdir({
    presets: {
      "bad.yaml": "train:\n  batch_size: 3\n  epochs: many\nlr: 2\nplugins:\n  ./data.mjs:\n    siez: 2\n",
      "data.mjs": DATA,
    },
  });
  const fault = await resolveSettings({ cwd, presets: ["bad"] }).catch((error: unknown) => error);
  t.match(fault, { code: "HYFW_SETTINGS" });
  const text = fault instanceof Error ? fault.message : "";
  t.match(
    text,
    /no setting train\.batch_size; did you mean train\.batchSize\?\n {2}set by {3}presets\/bad\.yaml:2/,
  );
  t.match(text, /train\.epochs must be whole number, 1 or more, found "many"\n.*set by presets\/bad\.yaml:3/);
  t.match(text, /no setting lr; did you mean train\.lr\?\n.*presets\/bad\.yaml:4/);
  t.match(text, /siez; did you mean .*data\.mjs"\.size\?\n.*presets\/bad\.yaml:7\n.*valid {4}index, size/);
});

t.test("a wrong value names what it replaced", async (t) => {
  const cwd = t.testdir({
    presets: { "a.yaml": "train:\n  lr: 1\n" },
    "hyfw.config.yaml": "train: { lr: -1 }",
  });
  await t.rejects(resolveSettings({ cwd, presets: ["a"] }), {
    code: "HYFW_SETTING_WRONG",
    message: /train\.lr = -1, set by hyfw\.config\.yaml:1 \(over presets\/a\.yaml:2\)/,
  });
});

t.test("an option inside a phase is checked like the dataset plugin's own", async (t) => {
  const cwd = t.testdir({
    presets: {
      "a.yaml":
        "plugins: { ./data.mjs: }\nphases:\n  - name: one\n  - name: two\n    data:\n      sizes: 3\n",
      "data.mjs": DATA,
    },
  });
  await t.rejects(resolveSettings({ cwd, presets: ["a"] }), {
    code: "HYFW_SETTING_UNKNOWN",
    message: /phases\.1\.data\.sizes; did you mean phases\.1\.data\.size\?\n.*presets\/a\.yaml:6/,
  });
});

const AUGMENT = `
import { AUGMENTER, definePlugin, z } from "@hyfw/core";
export default definePlugin({
  name: "words", version: "1.0.0", core: "^0.1.0", provides: [AUGMENTER],
  options: z.strictObject({
    chances: z.record(z.string(), z.number()).default({ a: 0.1, b: 0.2 }).describe("Chances."),
    list: z.string().optional().describe("List.").meta({ path: true }),
  }),
  setup: ({ options, provide }) => provide(AUGMENTER, {
    name: JSON.stringify(options), purposes: ["words"], augment: (sample) => sample,
  }),
});
`;

t.test(
  "a phase and each data set of a mix may give augmenters other options, checked and laid over",
  async (t) => {
    const cwd = t.testdir({
      presets: {
        "a.yaml": `
plugins: { ./data.mjs: { index: i.json }, ./words.mjs: { chances: { a: 0.5 } } }
phases:
  - name: plain
  - name: own
    plugins: { ./words.mjs: { chances: { b: 0.9 } } }
  - name: mixed
    data: { size: 32 }
    plugins: { ./words.mjs: { list: words.txt } }
    mix:
      - { name: x, data: { index: x.json } }
      - { name: y, plugins: { ./words.mjs: { chances: { a: 0 } } } }
`,
        "data.mjs": DATA,
        "words.mjs": AUGMENT,
      },
    });
    const resolved = await resolveSettings({ cwd, presets: ["a"] });
    const [plain, own, mixed] = resolved.settings.phases;
    t.same(plain?.plugins, undefined);
    t.match(mixed?.mix, [
      { name: "x", weight: 1, data: { size: 32, index: join(cwd, "presets", "x.json") } },
      { name: "y", weight: 1, data: { size: 32 } },
    ]);
    const run = await openRun(resolved, { required: [] });
    t.teardown(() => run.close());
    const told = async (plugins: NonNullable<typeof own>["plugins"]) =>
      (await openAugmentersUnder(run, plugins)).map(({ name }) => JSON.parse(name));
    t.same(await told(plain?.plugins), [{ chances: { a: 0.5, b: 0.2 } }]);
    t.same(await told(own?.plugins), [{ chances: { a: 0.5, b: 0.9 } }]);
    const list = join(cwd, "presets", "words.txt");
    t.same(await told(mixed?.mix?.[0]?.plugins), [{ chances: { a: 0.5, b: 0.2 }, list }]);
    t.same(await told(mixed?.mix?.[1]?.plugins), [{ chances: { a: 0, b: 0.2 }, list }]);
    const refused = (phase: object) =>
      resolveSettings({ cwd, presets: ["a"], sets: [`phases=${JSON.stringify([{ name: "p", ...phase }])}`] });
    const words = resolved.plugins[1]?.name ?? "";
    await t.rejects(refused({ plugins: { [words]: { chanses: {} } } }), {
      code: "HYFW_SETTING_UNKNOWN",
      message: /chanses; did you mean .*chances\?/,
    });
    await t.rejects(refused({ plugins: { [words.replace("words", "wrods")]: {} } }), {
      message: /wrods.*did you mean .*words/,
    });
    await t.rejects(refused({ mix: [{ name: "x", data: { sizes: 3 } }] }), {
      message: /phases\.0\.mix\.0\.data\.sizes; did you mean phases\.0\.mix\.0\.data\.size\?/,
    });
  },
);

t.test("$delete gives a setting its default back and takes a plugin out", async (t) => {
  const cwd = t.testdir({
    presets: { "a.yaml": "train: { lr: 1 }\nplugins: { ./data.mjs: }", "data.mjs": DATA },
  });
  const resolved = await resolveSettings({
    cwd,
    presets: ["a"],
    sets: ["train.lr=$delete", 'plugins."./presets/data.mjs"=$delete'],
  });
  t.equal(resolved.settings.train.lr, 1e-4);
  t.same(resolved.plugins, []);
  t.same(resolved.settings.plugins, {});
});

t.test("a word of --set is text where the option is text", async (t) => {
  const cwd = t.testdir({});
  const { settings } = await resolveSettings({ cwd, sets: ["run.name=007", "train.ema.enabled=true"] });
  t.equal(settings.run.name, "007");
  t.equal(settings.train.ema.enabled, true);
  const prompts = async (text: string) =>
    (await resolveSettings({ cwd, sets: [`samples.prompts=${text}`] })).settings.samples.prompts;
  t.same(await prompts("a cat"), ["a cat"], "one value for a list is a list of one");
  t.same(await prompts("[a cat, '7']"), ["a cat", "7"]);
  await t.rejects(resolveSettings({ cwd, sets: ["nonsense"] }), { code: "HYFW_SETTING_SYNTAX" });
});

t.test("what a preset requires is checked before its plugins are loaded", async (t) => {
  const cwd = t.testdir({
    presets: { "gpu.yaml": "requires:\n  cuda: true\n  plugins: [warp-drive]\nplugins: { warp-drive: }" },
  });
  await t.rejects(resolveSettings({ cwd, presets: ["gpu"], cudaAvailable: () => false }), {
    code: "HYFW_REQUIRES",
    message: /CUDA GPU.*warp-drive\n.*presets\/gpu\.yaml:1\n.*--preset demo/,
  });
  await t.rejects(
    resolveSettings({ cwd, presets: ["gpu"], cudaAvailable: () => true, sets: ["requires.plugins=[]"] }),
    { code: "HYFW_PLUGIN_NOT_FOUND" },
  );
});
