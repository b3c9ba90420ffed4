import { diceFor, firstSample, givenText, type Row, type Sample } from "@hyfw/core";
import t from "tap";
import { caption } from "./caption.js";
import { CaptionOptions, DEFAULT_CAPTION } from "./options.js";
import { PURPOSES } from "./purposes.js";
import { strip } from "./strip.js";

const size = { height: 32, width: 32 };
const geometry = { resized: size, crop: { top: 0, left: 0 }, resolution: size, flip: false };

function rowOf(texts: Record<string, string>, tags: Row["tags"] = {}): Row {
  return {
    position: 0,
    id: "a-0",
    arrowFile: "shard.arrow",
    rowInFile: 12,
    texts,
    tags,
    size,
    imageBytes: 1,
  };
}

const FULL = { uncondP: 0, uncondPT5: 0 };

function chosen(row: Row, options: object, count = 1000): Sample[] {
  const augmenter = caption(CaptionOptions.parse({ ...FULL, ...options }));
  const sample = firstSample(row, 0, geometry);
  return Array.from({ length: count }, (_, i) => augmenter.augment(sample, diceFor(1, 0, `s${i}`)));
}

/** How often each construction was drawn. */
function counts(samples: readonly Sample[]): Record<string, number> {
  const count: Record<string, number> = {};
  for (const { caption: one } of samples) count[one.construction] = (count[one.construction] ?? 0) + 1;
  return count;
}

/** χ² of counts against shares; with k − 1 degrees of freedom. */
function chiSquare(observed: readonly number[], shares: readonly number[]): number {
  const total = observed.reduce((sum, one) => sum + one, 0);
  return observed.reduce(
    (sum, one, i) => sum + (one - total * (shares[i] ?? 0)) ** 2 / (total * (shares[i] ?? 1)),
    0,
  );
}

t.test("every text_ column is drawn equally often by default, and no other", async (t) => {
  const drawn = chosen(rowOf({ text_zh: " 猫 ", text_en: "cat", kind: "cats" }), {}, 10_000);
  const { text_zh = 0, text_en = 0 } = counts(drawn);
  t.equal(text_zh + text_en, 10_000);
  // 6.63: one draw in a hundred lies above with one degree of freedom; the seed makes it the same draw each time.
  t.ok(chiSquare([text_zh, text_en], [0.5, 0.5]) < 6.63, `${text_zh}`);
  t.ok(drawn.every(({ caption: one }) => one.text === (one.construction === "text_zh" ? "猫" : "cat")));
});

t.test("five constructions are drawn by their weights; weight zero is never drawn", async (t) => {
  const weights = [5, 1, 2, 0, 2];
  const constructions = weights.map((weight, n) => ({ column: `c${n}`, weight }));
  const texts = Object.fromEntries(weights.map((_, n) => [`c${n}`, `text ${n}`]));
  const drawn = counts(chosen(rowOf(texts), { constructions }, 20_000));
  t.notOk("c3" in drawn);
  const observed = ["c0", "c1", "c2", "c4"].map((name) => drawn[name] ?? 0);
  t.ok(chiSquare(observed, [0.5, 0.1, 0.2, 0.2]) < 11.3, observed.join(", "));
});

t.test("an empty construction is skipped, and the others keep their proportions", async (t) => {
  const constructions = [
    { column: "a", weight: 2 },
    { column: "b", weight: 5 },
    { column: "c" },
    { column: "d" },
  ];
  const {
    a = 0,
    c = 0,
    b,
    d,
  } = counts(chosen(rowOf({ a: "A", b: " \u3000", c: "C" }), { constructions }, 9000));
  t.same([b, d], [undefined, undefined]);
  t.ok(chiSquare([a, c], [2 / 3, 1 / 3]) < 6.63, `${a} ${c}`);
});

t.test("first takes the first that holds text, fixed always the one that is named", async (t) => {
  const constructions = [{ column: "a" }, { column: "b" }, { column: "c", weight: 0 }];
  const row = rowOf({ a: " ", b: "B", c: "C" });
  t.same(counts(chosen(row, { constructions, choose: "first" }, 50)), { b: 50 });
  t.same(counts(chosen(row, { constructions, choose: "fixed", fixed: "c" }, 50)), { c: 50 });
  t.throws(() => chosen(row, { constructions, choose: "fixed", fixed: "a" }), {
    code: "HYFW_CAPTION_MISSING",
  });
});

t.test("encoders share one draw, or each has its own", async (t) => {
  const row = rowOf({ text_a: "A", text_b: "B" });
  t.ok(chosen(row, {}).every((one) => one.caption === one.captionT5));
  const own = chosen(row, { draw: "encoder" }, 4000);
  const differ = own.filter((one) => one.caption.text !== one.captionT5.text).length;
  t.ok(chiSquare([differ, 4000 - differ], [0.5, 0.5]) < 6.63, `${differ}`);
  const shared = chosen(row, {}, 4000);
  t.same(
    own.map((one) => one.caption.text),
    shared.map((one) => one.caption.text),
    "the first draws as before",
  );
});

t.test("each encoder's caption is dropped by a draw of its own, as often as set", async (t) => {
  const drawn = chosen(rowOf({ text_zh: "猫" }), { uncondP: 0.2, uncondPT5: 0.44 }, 20_000);
  const kinds = [0, 0, 0, 0];
  for (const { caption: one, captionT5 } of drawn) {
    const kind = (one.isDropped ? 1 : 0) + (captionT5.isDropped ? 2 : 0);
    kinds[kind] = (kinds[kind] ?? 0) + 1;
    if (one.isDropped && givenText(one) !== "") t.fail("a dropped caption was given");
  }
  t.ok(chiSquare(kinds, [0.8 * 0.56, 0.2 * 0.56, 0.8 * 0.44, 0.2 * 0.44]) < 11.3, kinds.join(", "));
  const [first, second] = chosen(rowOf({ text_zh: "猫" }), { uncondP: 1, uncondPT5: 0 }, 2);
  t.same([first?.caption.isDropped, second?.captionT5.isDropped], [true, false]);
});

t.test("a null caption never becomes a word, nor does an unset one", async (t) => {
  const without: Record<string, string>[] = [{}, { text_en: "" }, { text_zh: " \u3000\u00a0" }];
  for (const texts of without) {
    t.throws(() => chosen(rowOf(texts), {}), {
      code: "HYFW_CAPTION_MISSING",
      message: /shard\.arrow, row 12[\s\S]*onEmpty/,
    });
    const [sample] = chosen(rowOf(texts), { onEmpty: "default" });
    t.equal(sample?.caption.text, DEFAULT_CAPTION);
    t.match(sample?.notes, [/default/]);
  }
});

const tags = {
  character: ["hatsune_miku", "初音未来"],
  copyright: ["vocaloid"],
  general: ["long hair", "twintails", "长发"],
  year: ["2021", "2021年"],
};
const template = (more: object): object => ({
  constructions: [{ tags: { order: ["character", "general", "year"], ...more } }],
});
const texts = (more: object, count = 1): string[] =>
  chosen(rowOf({}, tags), template(more), count).map(({ caption: one }) => one.text);

t.test("a template writes categories in its order, in a language, with its separator", async (t) => {
  t.same(texts({}), ["hatsune_miku, 初音未来, long hair, twintails, 长发, 2021, 2021年"]);
  t.same(texts({ language: "zh" }), ["初音未来，长发，2021年"]);
  t.same(texts({ language: "en", underscores: "blanks" }), ["hatsune miku, long hair, twintails, 2021"]);
  t.same(
    texts({ language: "zh", order: ["copyright", "general"] }),
    ["vocaloid，长发"],
    "all where none is Chinese",
  );
  t.same(texts({ order: ["year", "year", "character"], separator: " | " }), [
    "2021 | 2021年 | hatsune_miku | 初音未来",
  ]);
});

t.test("shuffling mixes within categories or all tags, and keeps the first ones", async (t) => {
  const split = (text: string): string[] => text.split(", ");
  const within = texts({ shuffle: "within", keepFirst: 1 }, 300).map(split);
  t.ok(within.every((list) => list[0] === "hatsune_miku" && list[1] === "初音未来" && list.length === 7));
  t.equal(new Set(within.map((list) => list.slice(2, 5).join())).size, 6, "all orders of three tags occur");
  const all = texts({ shuffle: "all", keepFirst: 2, maxTags: 5 }, 2000).map(split);
  t.ok(all.every((list) => list.slice(0, 2).join() === "hatsune_miku,初音未来" && list.length === 5));
  const third = ["long hair", "twintails", "长发", "2021", "2021年"].map(
    (tag) => all.filter((list) => list[2] === tag).length,
  );
  t.ok(chiSquare(third, [0.2, 0.2, 0.2, 0.2, 0.2]) < 13.3, third.join(", "));
});

t.test("settings that contradict each other are refused", async (t) => {
  const messages = (options: object): string =>
    CaptionOptions.safeParse(options)
      .error?.issues.map(({ message }) => message)
      .join("\n") ?? "";
  t.match(messages({ constructions: [{ column: "a" }, { column: "a" }] }), /"a" stands twice/);
  t.match(messages({ constructions: [{ weight: 1 }] }), /either column or tags/);
  t.match(messages({ constructions: [{ column: "a", weight: 0 }] }), /weight above 0/);
  t.match(messages({ choose: "fixed" }), /a construction's name/);
  t.match(messages({ choose: "fixed", fixed: "b", constructions: [{ column: "a" }] }), /one of a/);
  t.match(messages({ fixed: "a" }), /choose is "random"/);
  t.match(messages({ constructions: [{ tags: { order: ["a"], shufle: "all" } }] }), /shufle/);
});

t.test("chances count the rows that they can touch, empty constructions are counted", async (t) => {
  const augmenter = caption(
    CaptionOptions.parse({ constructions: [{ column: "a", weight: 3 }, { column: "b" }] }),
  );
  const rows = [rowOf({ a: "A", b: "B" }), rowOf({ a: "A" }), rowOf({})];
  const survey = augmenter.survey?.();
  const touched = new Map<string, number>();
  for (const row of rows) {
    const captions = augmenter.choices?.(row) ?? [];
    survey?.add(row, captions);
    for (const { setting, touches } of augmenter.chances ?? [])
      touched.set(setting, (touched.get(setting) ?? 0) + (touches(row, captions) ? 1 : 0));
  }
  t.same(
    [...touched],
    [
      ["constructions a", 2],
      ["constructions b", 1],
      ["uncondP", 3],
      ["uncondPT5", 3],
    ],
  );
  t.same(
    augmenter.chances?.slice(0, 2).map(({ probability }) => probability),
    [0.75, 0.25],
  );
  t.same(survey?.facts(), [
    { label: "empty, skipped", fact: "a in 1 row(s), b in 2 row(s)" },
    { label: "no caption at all", fact: "1 row(s): the run stops at the first" },
  ]);
});

t.test("it draws for the purposes that it declares, and for no other", async (t) => {
  for (const draw of ["sample", "encoder"]) {
    const augmenter = caption(CaptionOptions.parse({ ...template({ shuffle: "all" }), draw }));
    const asked = new Set<string>();
    const dice = diceFor(1, 0, "s");
    const sample = firstSample(rowOf({}, tags), 0, geometry);
    augmenter.augment(sample, {
      stream: (purpose) => {
        asked.add(purpose.split(":")[0] ?? "");
        return dice.stream(purpose);
      },
    });
    t.same([...asked].sort(), [...augmenter.purposes].sort());
    t.ok(Object.values(PURPOSES).every((purpose) => augmenter.purposes.includes(purpose)));
  }
});

t.test("strip takes Python's blanks and no others", async (t) => {
  t.equal(strip("\u3000\u00a0\x1c\x85 猫 咪\n"), "猫 咪");
  t.equal(strip("\ufeff猫\u200b"), "\ufeff猫\u200b");
  t.equal(strip(" \t "), "");
});

t.test("a category of a template that no row has is named", async (t) => {
  const options = template({ order: ["charcter", "general"] });
  const survey = caption(CaptionOptions.parse(options)).survey?.();
  survey?.add(rowOf({}, tags), []);
  t.match(survey?.facts()[0], {
    label: "categories in no row",
    fact: "charcter: check the names; rows have character, copyright, general, year",
  });
});
