import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { diceFor, diceKey, firstSample, plainCaption, type Row, rngFromKey, type Sample } from "@hyfw/core";
import t from "tap";
import { loadTable } from "./load-table.js";
import { findNamePackage } from "./name-package.js";
import { type ListedName, nameTable } from "./name-table.js";
import { NameSubstitutionOptions } from "./options.js";
import { readNames } from "./read-names.js";
import { substituteNames } from "./substitute-names.js";

const size = { height: 32, width: 32 };
const row: Row = {
  position: 0,
  id: "a-0",
  arrowFile: "a.arrow",
  rowInFile: 0,
  texts: {},
  tags: {},
  size,
  imageBytes: 1,
};
const geometry = { resized: size, crop: { top: 0, left: 0 }, resolution: size, flip: false };

function sampleOf(text: string, textT5 = text): Sample {
  const caption = plainCaption(text, "c");
  const captionT5 = textT5 === text ? caption : plainCaption(textT5, "c");
  return { ...firstSample(row, 0, geometry), caption, captionT5 };
}

function listed(pairs: Record<string, string>): ListedName[] {
  return Object.entries(pairs).map(([en, zh], i) => ({
    en: en.split("|"),
    zh: zh.split("|"),
    file: "names.csv",
    place: `line ${i + 2}`,
  }));
}

const NAMES = {
  "black cat": "黑猫",
  cat: "猫",
  "T-Rex (toy)": "霸王龙",
  "miku|hatsune miku": "初音未来|初音",
};
const table = nameTable(listed(NAMES), "error");

function captionOf(text: string, probability = 1, sampleId = "s"): string {
  const augmenter = substituteNames(table, { probability, draw: "sample" });
  return augmenter.augment(sampleOf(text), diceFor(1, 0, sampleId)).caption.text;
}

t.test("names are replaced in sentences and tags, whole words only, longest first", async (t) => {
  t.equal(captionOf("A Black Cat and a cat."), "A 黑猫 and a 猫.");
  t.equal(captionOf("black_cat, cats, concatenate, cat_ears"), "黑猫, cats, concatenate, cat_ears");
  t.equal(captionOf("猫cat画 a t-rex (toy)! T-REX（TOY）"), "猫猫画 a 霸王龙! 霸王龙");
});

t.test("one name fares alike throughout a caption, in all its spellings", async (t) => {
  const seen = new Set<string>();
  for (let i = 0; i < 400; i++)
    seen.add(captionOf("miku, HATSUNE_MIKU and Hatsune Miku's cat", 0.5, `s${i}`));
  const zh = (name: string): string[] => [
    `${name}, ${name} and ${name}'s cat`,
    `${name}, ${name} and ${name}'s 猫`,
  ];
  t.same(
    seen,
    new Set([
      "miku, HATSUNE_MIKU and Hatsune Miku's cat",
      "miku, HATSUNE_MIKU and Hatsune Miku's 猫",
      ...zh("初音未来"),
      ...zh("初音"),
    ]),
  );
});

t.test(
  "names are replaced as often as set, each variant equally often, whatever other names are there",
  async (t) => {
    const count = { kept: 0, first: 0, second: 0 };
    for (let i = 0; i < 20_000; i++) {
      const text = captionOf("miku", 0.2, `s${i}`);
      count[text === "miku" ? "kept" : text === "初音未来" ? "first" : "second"] += 1;
      if (captionOf("cat black cat miku", 0.2, `s${i}`).split(" ").at(-1) !== text)
        return void t.fail("depends");
    }
    const expected = { kept: 16_000, first: 2000, second: 2000 };
    const chi = Object.entries(expected).reduce(
      (sum, [kind, want]) => sum + (count[kind as keyof typeof count] - want) ** 2 / want,
      0,
    );
    // 9.2: one draw in a hundred lies above with two degrees of freedom; the seed makes it the same draw each time.
    t.ok(chi < 9.2, JSON.stringify(count));
  },
);

t.test("encoders see the same replacements, or each draws its own", async (t) => {
  const of = (draw: "sample" | "encoder", i: number): [string, string] => {
    const augmenter = substituteNames(table, { probability: 0.5, draw });
    const { caption, captionT5 } = augmenter.augment(sampleOf("a cat", "the cat"), diceFor(1, 0, `s${i}`));
    return [caption.text.slice(2), captionT5.text.slice(4)];
  };
  let differ = 0;
  for (let i = 0; i < 1000; i++) {
    const [first, second] = of("sample", i);
    if (first !== second) return void t.fail("one draw for both");
    const own = of("encoder", i);
    if (own[0] !== own[1]) differ += 1;
    if (own[0] !== first) return void t.fail("the first encoder draws as before");
  }
  t.ok(differ > 440 && differ < 560, `${differ} of 1000 differ`);
});

t.test("what was replaced is marked; where nothing is, the sample stays the same object", async (t) => {
  const one = substituteNames(table, { probability: 1, draw: "sample" }).augment(
    sampleOf("a cat"),
    diceFor(1, 0, "s"),
  );
  t.same(one.caption.marks, [{ at: 2, length: 1, was: "cat", why: "name-substitution" }]);
  t.equal(one.caption, one.captionT5);
  const sample = sampleOf("cat");
  t.equal(
    substituteNames(table, { probability: 0, draw: "sample" }).augment(sample, diceFor(1, 0, "s")),
    sample,
  );
});

t.test("names stay one to one: no two become one Chinese name, whatever is drawn", async (t) => {
  const rng = rngFromKey(diceKey(3, 0, "names", "test"));
  const signs = [..."abc _(猫"];
  const word = (most: number): string =>
    Array.from({ length: 1 + rng.int(most) }, () => signs[rng.int(8)]).join("");
  let kept = 0;
  for (let round = 0; round < 500; round++) {
    const list = Array.from({ length: 30 }, (_, i) => ({
      en: Array.from({ length: 1 + rng.int(2) }, () => `x${word(3)}`),
      zh: Array.from({ length: 1 + rng.int(3) }, () => `名${rng.int(60)}`),
      file: "f",
      place: `${i}`,
    }));
    const { names, ambiguous } = nameTable(list, "skip");
    kept += names.length;
    for (const side of ["en", "zh"] as const) {
      const owner = new Map<string, ListedName>();
      for (const name of names)
        for (const spelling of new Set(
          name[side].map((one) =>
            one
              .toLowerCase()
              .replace(/[\s_]+/g, " ")
              .replace(/ ?\( ?/g, "(")
              .trim(),
          ),
        )) {
          if (owner.has(spelling)) return void t.fail(`${spelling} stands for two names`);
          owner.set(spelling, name);
        }
    }
    if (ambiguous.length + names.length > list.length) return void t.fail("a name counts twice");
  }
  t.ok(kept > 500, `${kept} names kept`);
});

t.test("ambiguous names are refused with both places, or left alone and listed", async (t) => {
  const clash = [...listed({ cat: "猫", kitty: "猫", dog: "狗" }), ...listed({ CAT: "喵" })];
  t.throws(() => nameTable(clash, "error"), {
    code: "HYFW_NAME_TABLE_AMBIGUOUS",
    message: /line 2 \(猫\)[\s\S]*line 2 \(喵\)[\s\S]*1 more/,
  });
  const { names, ambiguous } = nameTable([...clash, ...listed({ "cat girl|x": "猫娘" })], "skip");
  t.same(
    names.map(({ en }) => en[0]),
    ["dog", "cat girl"],
  );
  t.equal(ambiguous.length, 3);
  // The longer name is ambiguous: no shorter one is taken from inside it.
  const guarded = nameTable(
    [...listed({ saber: "剑", "saber (fate)": "阿" }), ...listed({ "Saber_(Fate)": "尔" })],
    "skip",
  );
  const augmenter = substituteNames(guarded, { probability: 1, draw: "sample" });
  t.equal(
    augmenter.augment(sampleOf("saber (fate), saber"), diceFor(1, 0, "s")).caption.text,
    "saber (fate), 剑",
  );
});

t.test("coverage tells names found, never found and ambiguous", async (t) => {
  const skipping = nameTable([...listed(NAMES), ...listed({ dog: "狗", hound: "狗" })], "skip", [
    "names.csv: 6 name(s)",
  ]);
  const augmenter = substituteNames(skipping, { probability: 0.2, draw: "sample" });
  const survey = augmenter.survey?.();
  for (const text of ["a cat and a cat", "cat, dog", "nothing"]) survey?.add(row, [plainCaption(text, "c")]);
  t.same(survey?.facts(), [
    { label: "table", fact: "names.csv: 6 name(s)" },
    { label: "names found", fact: "1 of 4", items: ["cat → 猫: 2 row(s)"] },
    {
      label: "names never found",
      fact: "3 of 4",
      items: ["black cat → 黑猫", "T-Rex (toy) → 霸王龙", "miku | hatsune miku → 初音未来 | 初音"],
    },
    {
      label: "ambiguous names, left alone",
      fact: "2",
      items: [
        'dog → 狗: "狗" stands for two English names; 1 row(s)',
        'hound → 狗: "狗" stands for two English names; 0 row(s)',
      ],
    },
  ]);
  const touches = augmenter.chances?.[0]?.touches;
  t.same(
    [touches?.(row, [plainCaption("dog", "c")]), touches?.(row, [plainCaption("cat", "c")])],
    [false, true],
  );
});

function folderWith(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "hyfw-names-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

t.test("tables are read from CSV and JSON, spellings of one name counting once", async (t) => {
  const folder = folderWith({
    "n.csv": "\ufeffzh,en\n黑猫,black cat\n黑猫,Black_Cat\n初音未来|初音,miku | hatsune miku\n",
    "n.json": '{"dog": ["狗", "犬"], "fox": "狐"}',
  });
  const { names, sources } = loadTable({
    tables: [join(folder, "n.csv"), join(folder, "n.json")],
    packages: [],
    onAmbiguous: "error",
  });
  t.same(
    names.map(({ en, zh, place }) => [en, zh, place]),
    [
      [["black cat"], ["黑猫"], "line 2"],
      [["miku", "hatsune miku"], ["初音未来", "初音"], "line 4"],
      [["dog"], ["狗", "犬"], "entry 1"],
      [["fox"], ["狐"], "entry 2"],
    ],
  );
  t.same(sources, ["n.csv: 3 name(s)", "n.json: 2 name(s)"]);
});

t.test("files that are no table are refused with the reason", async (t) => {
  const folder = folderWith({
    "a.csv": "a,b\ncat,猫\n",
    "b.csv": 'en,zh\n"cat,猫\n',
    "c.json": "[1]",
    "d.json": "{",
    "e.csv": "en,zh\ncat| ,猫\n",
  });
  writeFileSync(join(folder, "f.csv"), Buffer.from("en,zh\ncat,\xc3\x28\n", "latin1"));
  const load = (name: string) => () =>
    loadTable({ tables: [join(folder, name)], packages: [], onAmbiguous: "error" });
  t.throws(load("a.csv"), { code: "HYFW_NAME_TABLE", message: /en and zh, found a,b/ });
  t.throws(load("b.csv"), { code: "HYFW_NAME_TABLE", message: /Quote/i });
  t.throws(load("c.json"), { code: "HYFW_NAME_TABLE", message: /one JSON object/ });
  t.throws(load("d.json"), { code: "HYFW_NAME_TABLE", message: /no JSON/ });
  t.throws(load("e.csv"), { code: "HYFW_NAME_TABLE", message: /line 2 has an empty name/ });
  t.throws(load("f.csv"), { code: "HYFW_NAME_TABLE", message: /not UTF-8/ });
  t.throws(() => readNames(join(folder, "nowhere.csv")), {
    code: "HYFW_NAME_TABLE",
    message: /cannot be opened/,
  });
});

t.test("a package gives its table, when its version lies in the range", async (t) => {
  const cwd = folderWith({
    "node_modules/names-a/package.json": '{"version": "1.2.0", "hyfw": {"names": "data/all.csv"}}',
    "node_modules/names-a/data/all.csv": "en,zh\ncat,猫\n",
    "node_modules/@s/names-b/package.json": '{"version": "2.0.0"}',
    "node_modules/@s/names-b/names.json": '{"dog": "狗"}',
    "node_modules/names-c/package.json": '{"version": "1.0.0", "hyfw": {"names": "../names-a/data/all.csv"}}',
  });
  t.equal(findNamePackage("names-a@^1.0.0", cwd).label, "names-a 1.2.0");
  t.same(
    readNames(findNamePackage("@s/names-b@2", cwd).file).map(({ en }) => en),
    [["dog"]],
  );
  const refused = (spec: string, message: RegExp): void =>
    void t.throws(() => findNamePackage(spec, cwd), { code: "HYFW_NAME_PACKAGE", message });
  refused("names-a@^2.0.0", /version 1\.2\.0 is installed/);
  refused("names-a", /no range of versions/);
  refused("names-z@^1.0.0", /not installed[\s\S]*npm install names-z/);
  refused("names-c@^1.0.0", /no table/);
});

t.test("settings need a table, and 0.2 is the usual chance", async (t) => {
  const options = NameSubstitutionOptions.parse({});
  t.throws(() => loadTable(options), { code: "HYFW_NAME_TABLE_SETTING" });
  t.equal(options.probability, 0.2);
});
