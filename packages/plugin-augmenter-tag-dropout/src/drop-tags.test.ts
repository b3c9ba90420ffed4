import {
  diceFor,
  diceKey,
  firstSample,
  originalText,
  plainCaption,
  type Row,
  rngFromKey,
  type Sample,
} from "@hyfw/core";
import t from "tap";
import { dropTags } from "./drop-tags.js";
import { TagDropoutOptions } from "./options.js";
import { findYears } from "./year-forms.js";

const size = { height: 32, width: 32 };
const geometry = { resized: size, crop: { top: 0, left: 0 }, resolution: size, flip: false };
const TAGS: Row["tags"] = {
  character: ["hatsune_miku_(vocaloid)", "初音未来", "kaito"],
  copyright: ["vocaloid"],
  artist: ["wlop"],
  general: ["long hair", "hair", "flower"],
  year: ["2015", "2015年"],
  meta: ["highres", "3D"],
  group: ["animal face"],
};

function sampleOf(text: string, tags: Row["tags"] = TAGS, textT5 = text): Sample {
  const row: Row = {
    position: 0,
    id: "a-0",
    arrowFile: "a.arrow",
    rowInFile: 0,
    texts: {},
    tags,
    size,
    imageBytes: 1,
  };
  const caption = plainCaption(text, "c");
  return {
    ...firstSample(row, 0, geometry),
    caption,
    captionT5: textT5 === text ? caption : plainCaption(textT5, "c"),
  };
}

const NONE = { copyright: 0, year: 0, meta: 0 };

function dropped(text: string, categories: Record<string, number>, more: object = {}, tags = TAGS): string {
  const augmenter = dropTags(TagDropoutOptions.parse({ categories: { ...NONE, ...categories }, ...more }));
  const { caption } = augmenter.augment(sampleOf(text, tags), diceFor(1, 0, "s"));
  if (originalText(caption) !== text) throw new Error(`marks lead to ${originalText(caption)}`);
  return caption.text;
}

t.test("a tag of a list leaves with one separator, in either script", async (t) => {
  t.equal(dropped("cat, 2015, 3D", { year: 1 }), "cat, 3D");
  t.equal(dropped("2015, cat, 3D", { year: 1 }), "cat, 3D");
  t.equal(dropped("2015, 3D, cat", { year: 1, meta: 1 }), "cat");
  t.equal(dropped("猫，2015年，立体。", { year: 1 }), "猫，立体。");
  t.equal(dropped("猫、立体、2015年。", { year: 1 }), "猫、立体。");
  t.equal(dropped("cat, Animal_Face", {}, { otherCategories: { group: 1 } }), "cat");
  t.equal(dropped("cat | highres | dog", { meta: 1 }), "cat | dog");
  t.equal(
    dropped("1girl, hatsune miku \\(vocaloid\\), (flower:1.2), hat", { character: 1, general: 1 }),
    "1girl, hat",
  );
});

t.test("all copies leave, in every form, in lists and in sentences", async (t) => {
  t.equal(dropped("year 2015, cat, 2015, dog, 2015年", { year: 1 }), "cat, dog");
  t.equal(
    dropped("A 3D picture of a cat from Vocaloid, drawn in 2015, highres", {
      copyright: 1,
      year: 1,
      meta: 1,
    }),
    "A picture of a cat, drawn",
  );
  t.equal(dropped("来自《Vocaloid》的初音未来，2015年的画", { copyright: 1, year: 1 }), "初音未来，的画");
  t.equal(
    dropped("hatsune_miku_(vocaloid) and Hatsune Miku (Vocaloid) by wlop", { artist: 1 }),
    "hatsune_miku_(vocaloid) and Hatsune Miku (Vocaloid)",
  );
  t.equal(dropped("cat, art by wlop, dog", { artist: 1 }), "cat, dog");
  t.equal(dropped("cat (highres) on a mat", { meta: 1 }), "cat on a mat");
});

t.test("a tag is found as a whole word only, and the longest tag owns its words", async (t) => {
  t.equal(dropped("vocaloids, vocaloid_fan, cat", { copyright: 1 }), "vocaloids, vocaloid_fan, cat");
  t.equal(dropped("long hair, hair, flowers", { general: 1 }), "flowers");
  t.equal(dropped("hatsune_miku_(vocaloid), cat", { copyright: 1 }), "hatsune_miku_(vocaloid), cat");
  t.equal(dropped("熊猫，猫", { general: 1 }, {}, { general: ["猫"] }), "熊猫");
});

t.test("years are recognised in all their forms and nothing else is", async (t) => {
  const texts = ["2021", "year 2021", "Year_2021", "2021年", "newest", "最新"];
  for (const form of texts) t.equal(dropped(`cat, ${form}`, { year: 1 }, {}, {}), "cat", form);
  for (const other of ["20210", "1234", "2021 cats", "v2021", "in 2021", "2021.5", "earlybird", "3021"])
    t.equal(dropped(`cat, ${other}`, { year: 1 }, {}, {}), `cat, ${other}`, other);
  t.equal(
    dropped("painted in 2021, and 2020 cats", { year: 1 }, {}, { year: ["year_2021"] }),
    "painted, and 2020 cats",
  );
  t.equal(
    dropped("cat, early", { year: 1 }, {}, { general: ["early"] }),
    "cat, early",
    "another category owns the word",
  );
  t.same(
    findYears("2021年 and year 1999").map(({ start, end, year }) => [start, end, year]),
    [
      [0, 5, "2021"],
      [10, 19, "1999"],
    ],
  );
});

t.test("a caption never becomes empty: its last item stays", async (t) => {
  t.equal(dropped("2015, 3D", { year: 1, meta: 1 }), "3D");
  t.equal(dropped("2015", { year: 1 }), "2015");
  t.equal(dropped("", { year: 1 }), "");
});

t.test("kept tags never leave", async (t) => {
  t.equal(dropped("highres, 3d, cat", { meta: 1 }, { keep: ["３Ｄ"] }), "3d, cat");
});

t.test("tags of a category leave together, or one by one where set", async (t) => {
  const results = (perTag: string[]): Set<string> => {
    const options = TagDropoutOptions.parse({ categories: { ...NONE, meta: 0.5 }, perTag });
    const augmenter = dropTags(options);
    const of = (i: number) =>
      augmenter.augment(sampleOf("cat, highres, 3D"), diceFor(1, 0, `s${i}`)).caption.text;
    return new Set(Array.from({ length: 200 }, (_, i) => of(i)));
  };
  t.same(results([]), new Set(["cat, highres, 3D", "cat"]));
  t.same(results(["meta"]), new Set(["cat, highres, 3D", "cat, highres", "cat, 3D", "cat"]));
});

t.test(
  "characters leave with their copyright when set, in part where only some copyrights leave",
  async (t) => {
    const text = "hatsune miku (vocaloid), kaito, vocaloid, cat";
    t.equal(dropped(text, { copyright: 1 }), "hatsune miku (vocaloid), kaito, cat");
    t.equal(dropped(text, { copyright: 1 }, { copyrightTakesCharacters: true }), "cat");
    const two = { character: ["saber (fate)", "miku (vocaloid)"], copyright: ["fate", "vocaloid"] };
    const options = { copyrightTakesCharacters: true, keep: ["vocaloid"] };
    t.equal(
      dropped("saber (fate), miku (vocaloid), fate, vocaloid", { copyright: 1 }, options, two),
      "miku (vocaloid), vocaloid",
    );
  },
);

t.test("patterns drop whole items by their spelling", async (t) => {
  const patterns = [{ pattern: "^score_\\d+$", probability: 1 }];
  t.equal(dropped("cat, score_9, dog", {}, { patterns }), "cat, dog");
  t.throws(() => dropped("cat", {}, { patterns: [{ pattern: "(" }] }), { code: "HYFW_TAG_PATTERN" });
});

t.test("defaults are 5 % of copyrights, 0.5 % of years and of meta tags, each on its own", async (t) => {
  const augmenter = dropTags(TagDropoutOptions.parse({}));
  const text = "cat, vocaloid, 2015, highres, wlop, hair, kaito";
  const gone = { vocaloid: 0, 2015: 0, highres: 0, wlop: 0, hair: 0, kaito: 0 };
  const total = 40_000;
  for (let i = 0; i < total; i++) {
    const items = new Set(augmenter.augment(sampleOf(text), diceFor(1, 0, `s${i}`)).caption.text.split(", "));
    for (const tag of Object.keys(gone)) if (!items.has(tag)) gone[tag as keyof typeof gone] += 1;
  }
  const deviations = (tag: keyof typeof gone, p: number): number =>
    Math.abs(gone[tag] - total * p) / Math.sqrt(total * p * (1 - p));
  // 2.58 standard deviations: one draw in a hundred lies beyond; the seed makes it the same draw each time.
  t.ok(deviations("vocaloid", 0.05) < 2.58, `${gone.vocaloid}`);
  t.ok(deviations(2015, 0.005) < 2.58, `${gone[2015]}`);
  t.ok(deviations("highres", 0.005) < 2.58, `${gone.highres}`);
  t.same([gone.wlop, gone.hair, gone.kaito], [0, 0, 0]);
});

t.test("encoders lose the same tags, or each draws its own", async (t) => {
  const lost = (draw: string): number[] => {
    const augmenter = dropTags(TagDropoutOptions.parse({ categories: { ...NONE, year: 0.5 }, draw }));
    const kinds = [0, 0, 0, 0];
    for (let i = 0; i < 2000; i++) {
      const sample = augmenter.augment(sampleOf("cat, 2015", TAGS, "dog, 2015"), diceFor(1, 0, `s${i}`));
      const kind = (sample.caption.text === "cat" ? 1 : 0) + (sample.captionT5.text === "dog" ? 2 : 0);
      kinds[kind] = (kinds[kind] ?? 0) + 1;
    }
    return kinds;
  };
  const shared = lost("sample");
  t.same([shared[1], shared[2]], [0, 0]);
  t.ok(
    lost("encoder").every((count) => count > 430 && count < 570),
    lost("encoder").join(", "),
  );
});

t.test("another category's chance does not change what leaves", async (t) => {
  const years = (more: object): string[] => {
    const augmenter = dropTags(TagDropoutOptions.parse({ categories: { ...NONE, year: 0.5, ...more } }));
    return Array.from({ length: 200 }, (_, i) =>
      String(
        augmenter.augment(sampleOf("cat, 2015, kaito"), diceFor(1, 0, `s${i}`)).caption.text.includes("2015"),
      ),
    );
  };
  t.same(years({}), years({ artist: 1, character: 1, general: 0.3 }));
});

t.test(
  "chances count rows where a tag is written in some caption, and categories that stay are named",
  async (t) => {
    const augmenter = dropTags(
      TagDropoutOptions.parse({ keep: ["highres"], patterns: [{ pattern: "^cat$" }] }),
    );
    const { row } = sampleOf("");
    const captions = [plainCaption("cat, highres", "a"), plainCaption("in 2015", "b")];
    const touched = augmenter.chances
      ?.filter(({ touches }) => touches(row, captions))
      .map(({ setting }) => setting);
    t.same(touched, ["categories.year", "patterns ^cat$"]);
    const survey = augmenter.survey?.();
    survey?.add(row, captions);
    t.same(survey?.facts(), [{ label: "categories that stay", fact: "group in 1 row(s)" }]);
  },
);

t.test("a misspelt category is refused", async (t) => {
  t.notOk(TagDropoutOptions.safeParse({ categories: { copyrigth: 0.1 } }).success);
  t.match(TagDropoutOptions.safeParse({ perTag: ["genral"] }).error?.issues[0]?.message, /general.*"genral"/);
  t.ok(TagDropoutOptions.safeParse({ perTag: ["studio"], otherCategories: { studio: 0.1 } }).success);
});

t.test("of random lists exactly the items of dropped categories leave, as a plain filter does", async (t) => {
  const rng = rngFromKey(diceKey(5, 0, "tags", "test"));
  const tags = { meta: ["aa", "b c", "丁丁丁"], general: ["aa x", "bb", "乙"] };
  const words = ["aa", "b_c", "B C", "丁丁丁", "aa x", "bb", "乙", "zz", "aab", "caa"];
  const isMeta = (word: string): boolean =>
    ["aa", "b c", "丁丁丁"].includes(word.toLowerCase().replace("_", " "));
  for (let round = 0; round < 3000; round++) {
    const separator = ["，", ", ", "、", ";"][rng.int(4)] ?? "";
    const list = Array.from({ length: 1 + rng.int(6) }, () => words[rng.int(words.length)] ?? "");
    const stop = ["", "。", "."][rng.int(3)] ?? "";
    const kept = list.filter((word) => !isMeta(word));
    const expected = (kept.length > 0 ? kept : list.slice(-1)).join(separator) + stop;
    const text = list.join(separator) + stop;
    const found = dropped(text, { meta: 1 }, {}, tags);
    if (found !== expected) return void t.equal(found, expected, text);
  }
  t.pass("3,000 lists");
});

t.test(
  "of random sentences only tags and what leads to them leave, and something always stays",
  async (t) => {
    const rng = rngFromKey(diceKey(9, 0, "sentences", "test"));
    const words = [
      "by",
      "from",
      "in",
      "来自",
      "《",
      "》",
      "(",
      ")",
      "wlop",
      "Vocaloid",
      "2015",
      "2015年",
      "year",
      "kaito",
      "的",
      "，",
      ", ",
      ".",
      "\n",
      "_",
      "a",
      "猫",
      "hair",
      "long",
    ];
    const all = { copyright: 1, year: 1, meta: 1, artist: 1, character: 1, general: 1 };
    for (let round = 0; round < 5000; round++) {
      const list = Array.from({ length: 1 + rng.int(10) }, () => words[rng.int(words.length)] ?? "");
      const text = list.join(["", " "][rng.int(2)]);
      const left = dropped(text, all);
      const hasContent = (one: string): boolean => /[\p{L}\p{N}]/u.test(one);
      if (hasContent(text) && !hasContent(left))
        return void t.fail(`${JSON.stringify(text)} became ${JSON.stringify(left)}`);
      // Taking out never puts in: what is left stands in the text in the same order.
      let at = 0;
      for (const sign of left) {
        at = text.indexOf(sign, at) + 1;
        if (at === 0) return void t.fail(`${JSON.stringify(text)} became ${JSON.stringify(left)}`);
      }
    }
    t.pass("5,000 sentences");
  },
);
