import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { diceFor, type Sample } from "@hyfw/core";
import t from "tap";
import { readNameTable } from "./name-table.js";
import { substituteNames } from "./substitute-names.js";

const size = { height: 32, width: 32 };
function sampleOf(caption: string): Sample {
  return {
    row: {
      position: 0,
      id: "a-0",
      arrowFile: "a.arrow",
      rowInFile: 0,
      texts: {},
      tags: {},
      size,
      imageBytes: 1,
    },
    epoch: 0,
    caption,
    construction: "text_en",
    geometry: { resized: size, crop: { top: 0, left: 0 }, resolution: size, flip: false },
    notes: [],
  };
}

const table = [
  { en: "cat", zh: "猫", place: "line 2" },
  { en: "black cat", zh: "黑猫", place: "line 3" },
  { en: "T-Rex (toy)", zh: "霸王龙", place: "line 4" },
];
const always = (caption: string) =>
  substituteNames(table, { probability: 1 }).augment(sampleOf(caption), diceFor(1, 0, "s")).caption;

function fileOf(name: string, text: string): string {
  const file = join(mkdtempSync(join(tmpdir(), "hyfw-names-")), name);
  writeFileSync(file, text);
  return file;
}

t.test("names match as whole words, in any case, longest first, with blanks or underscores", async (t) => {
  t.equal(always("A Black Cat and a cat."), "A 黑猫 and a 猫.");
  t.equal(always("black_cat, cats, concatenate, cat_ears"), "黑猫, cats, concatenate, cat_ears");
  t.equal(always("猫cat画"), "猫猫画");
  t.equal(always("a t-rex (toy)!"), "a 霸王龙!");
});

t.test("each occurrence has its own draw", async (t) => {
  const augmenter = substituteNames(table, { probability: 0.5 });
  const results = new Set<string>();
  for (let i = 0; i < 64; i++)
    results.add(augmenter.augment(sampleOf("cat cat"), diceFor(1, 0, `s${i}`)).caption);
  t.same(results, new Set(["cat cat", "猫 cat", "cat 猫", "猫 猫"]));
});

t.test("what was replaced is noted, and probability 0 changes nothing", async (t) => {
  const one = substituteNames(table, { probability: 1 }).augment(sampleOf("cat"), diceFor(1, 0, "s"));
  t.same(one.notes, ["name-substitution: cat → 猫"]);
  const sample = sampleOf("cat");
  t.equal(substituteNames(table, { probability: 0 }).augment(sample, diceFor(1, 0, "s")), sample);
});

t.test("a table is read from CSV or JSON, spelling variants of one name counting once", async (t) => {
  const csv = readNameTable(fileOf("n.csv", "zh,en\n黑猫,black cat\n黑猫,Black_Cat\n"));
  t.same(csv, [{ en: "black cat", zh: "黑猫", place: "line 2" }]);
  t.same(readNameTable(fileOf("n.json", '{"cat": "猫"}')), [{ en: "cat", zh: "猫", place: "entry 1" }]);
});

t.test(
  "two English names with one Chinese name are refused with both lines, and the other way round",
  async (t) => {
    t.throws(() => readNameTable(fileOf("n.csv", "en,zh\ncat,猫\nkitty,猫\n")), {
      code: "HYFW_NAME_TABLE_AMBIGUOUS",
      message: /line 2 \(cat\) and line 3 \(kitty\)/,
    });
    t.throws(() => readNameTable(fileOf("n.csv", "en,zh\ncat,猫\nCAT,喵\n")), {
      code: "HYFW_NAME_TABLE_AMBIGUOUS",
    });
    t.throws(() => readNameTable(fileOf("n.csv", "a,b\ncat,猫\n")), {
      code: "HYFW_NAME_TABLE",
      message: /en and zh/,
    });
    t.throws(() => readNameTable("/nowhere/names.csv"), { code: "HYFW_NAME_TABLE" });
  },
);
