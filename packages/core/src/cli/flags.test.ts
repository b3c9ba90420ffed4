import t from "tap";
import { z } from "zod";
import { listOptions } from "../settings/options.js";
import { flagLayers, flagTable, gatherLists, parseArguments } from "./flags.js";

const table = flagTable(
  listOptions(
    z.strictObject({
      lr: z.number().default(1).meta({ flag: "--lr" }),
      name: z.string().optional().meta({ flag: "--name" }),
      on: z.boolean().default(false).meta({ flag: "--on", negatedBy: "--off" }),
      resume: z.string().optional().meta({ flag: "--resume", bareValue: "latest" }),
      size: z.array(z.number()).default([1]).meta({ flag: "--size" }),
      either: z
        .union([z.number(), z.array(z.number())])
        .default(1)
        .meta({ flag: "--either" }),
    }),
  ),
);
const read = (text: string) => {
  const { given, rest, problems } = parseArguments(text.split(" "), table);
  const values = given.map(({ spec, value }) => [spec.option.path.join("."), value]);
  return { values, rest, codes: problems.map(({ code }) => code) };
};

t.test("flags take the words that their options want", async (t) => {
  t.same(read("--lr 1e-3 --name 007 --on").values, [
    ["lr", 1e-3],
    ["name", "007"],
    ["on", true],
  ]);
  t.same(read("--size 512 768 --lr=2").values, [
    ["size", [512, 768]],
    ["lr", 2],
  ]);
  t.same(read("--size 512").values, [["size", [512]]]);
  t.same(read("--either 5").values, [["either", 5]]);
  t.same(read("--either 5 6").values, [["either", [5, 6]]]);
  t.same(read("--lr -1").values, [["lr", -1]], "a negative number is a value");
});

t.test("a switch is turned off by its negation, and by =false", async (t) => {
  t.same(read("--off").values, [["on", false]]);
  t.same(read("--on=false").values, [["on", false]]);
  t.same(read("--off=false").values, [["on", true]]);
});

t.test("a flag with a bare value takes a word only when there is one", async (t) => {
  t.same(read("--resume --on").values, [
    ["resume", "latest"],
    ["on", true],
  ]);
  t.same(read("--resume runs/001").values, [["resume", "runs/001"]]);
});

t.test("a missing value is a problem, and what nobody knows stays in order", async (t) => {
  t.same(read("--lr --on").codes, ["HYFW_USAGE_FLAG_VALUE"]);
  t.same(read("a --what 3 --lr 1 b"), { values: [["lr", 1]], rest: ["a", "--what", "3", "b"], codes: [] });
});

t.test("flags become layers over the settings, later ones above", async (t) => {
  const { given } = parseArguments(["--lr", "1", "--lr", "2"], table);
  t.match(flagLayers(given, "/here"), [
    { layer: "flag", name: "--lr", dir: "/here", value: { lr: 1 } },
    { value: { lr: 2 } },
  ]);
});

t.test(
  "a command's list that is given several times has everything, its other flags the last word",
  async (t) => {
    const { given } = parseArguments("--size 1 2 --lr 1 --size 3 --lr 2".split(" "), table);
    const values = gatherLists(given).map(({ spec, value }) => [spec.option.path.join("."), value]);
    t.same(values, [
      ["size", [1, 2, 3]],
      ["lr", 2],
    ]);
  },
);

t.test("one flag for two options is refused", async (t) => {
  const twice = z.strictObject({
    a: z.number().default(1).meta({ flag: "--x" }),
    b: z.number().default(1).meta({ flag: "--x" }),
  });
  t.throws(() => flagTable(listOptions(twice)), { code: "HYFW_PLUGIN_FLAG_TWICE", message: /both a and b/ });
});
