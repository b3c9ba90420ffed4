import { join } from "node:path";
import t from "tap";
import { readSource } from "./source.js";

t.test("every value knows its line, in YAML, in JSON and below one key", async (t) => {
  const dir = t.testdir({
    "a.yaml": "# first\ntrain:\n  lr: 1e-4\nsamples:\n  prompts:\n    - one\n    - two\n",
    "b.json": '{\n\t"train": {\n\t\t"lr": 2e-4\n\t}\n}\n',
    "package.json": '{\n  "name": "x",\n  "hyfw": {\n    "log": { "every": 5 }\n  }\n}\n',
  });
  const yaml = readSource(join(dir, "a.yaml"));
  t.same(yaml.value, { train: { lr: 1e-4 }, samples: { prompts: ["one", "two"] } });
  t.equal(yaml.locate(["train", "lr"]), 3);
  t.equal(yaml.locate(["samples", "prompts", 1]), 7);
  t.equal(yaml.locate(["train", "nothing"]), undefined);
  const json = readSource(join(dir, "b.json"));
  t.same(json.value, { train: { lr: 2e-4 } });
  t.equal(json.locate(["train", "lr"]), 3);
  const below = readSource(join(dir, "package.json"), ["hyfw"]);
  t.same(below.value, { log: { every: 5 } });
  t.equal(below.locate(["log", "every"]), 4);
});

t.test("a file that is not YAML names its line and column", async (t) => {
  const dir = t.testdir({ "bad.yaml": "train:\n  lr: [1, 2\n", "twice.yaml": "a: 1\na: 2\n" });
  t.throws(() => readSource(join(dir, "bad.yaml")), {
    code: "HYFW_PRESET_SYNTAX",
    message: /bad\.yaml:\d+:\d+/,
  });
  t.throws(() => readSource(join(dir, "twice.yaml")), {
    code: "HYFW_PRESET_SYNTAX",
    message: /twice\.yaml:2:1/,
  });
  t.throws(() => readSource(join(dir, "none.yaml")), {
    code: "HYFW_PRESET_UNREADABLE",
    message: /none\.yaml/,
  });
});

t.test("words of YAML 1.1 stay words", async (t) => {
  const dir = t.testdir({ "a.yaml": "a: no\nb: on\nc: 0o17\nd: 1e-4\n" });
  t.same(readSource(join(dir, "a.yaml")).value, { a: "no", b: "on", c: 15, d: 1e-4 });
});
