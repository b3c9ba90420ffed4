import { diceFor, firstSample, type Row, type Sample } from "@hyfw/core";
import t from "tap";
import { cropFlip } from "./crop-flip.js";
import { speaksOfSides } from "./directions.js";
import { CropFlipOptions } from "./options.js";

const resolution = { height: 32, width: 32 };
const source = { height: 64, width: 80 };
const geometry = {
  resized: { height: 32, width: 40 },
  crop: { top: 0, left: 4 },
  resolution,
  flip: false,
};

function sampleOf(texts: Record<string, string> = {}, tags: Row["tags"] = {}): Sample {
  const row: Row = {
    position: 0,
    id: "a-0",
    arrowFile: "a.arrow",
    rowInFile: 0,
    texts,
    tags,
    size: source,
    imageBytes: 1,
  };
  return firstSample(row, 0, geometry);
}

function draws(options: object, sample = sampleOf(), count = 1000): Sample[] {
  const augmenter = cropFlip(CropFlipOptions.parse(options));
  return Array.from({ length: count }, (_, i) => augmenter.augment(sample, diceFor(1, 0, `s${i}`)));
}

t.test("a random window reaches every offset equally often, both ends included", async (t) => {
  const samples = draws({}, sampleOf(), 9000);
  const counts = Array.from(
    { length: 9 },
    (_, left) => samples.filter(({ geometry: g }) => g.crop.left === left).length,
  );
  t.ok(samples.every(({ geometry: g }) => g.crop.top === 0));
  const chi = counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  // 20.1: one draw in a hundred lies above with eight degrees of freedom; the seed makes it the same draw each time.
  t.ok(chi < 20.1, counts.join(", "));
});

t.test("cropReach keeps windows near the centre", async (t) => {
  const lefts = new Set(draws({ cropReach: 0.5 }).map(({ geometry: g }) => g.crop.left));
  t.same([...lefts].sort(), [2, 3, 4, 5, 6]);
  t.ok(draws({ cropReach: 0 }).every(({ geometry: g }) => g.crop.left === 4));
});

t.test("centre keeps the window, top moves it up; none ever leaves the picture", async (t) => {
  t.ok(draws({ crop: "centre" }).every(({ geometry: g }) => g.crop.left === 4 && g.crop.top === 0));
  const tall: Sample = {
    ...sampleOf(),
    geometry: { ...geometry, resized: { height: 47, width: 32 }, crop: { top: 8, left: 0 } },
  };
  t.ok(draws({ crop: "top" }, tall).every(({ geometry: g }) => g.crop.top === 0 && g.crop.left === 0));
  for (const cropReach of [0, 0.1, 0.33, 0.9, 1])
    for (const { geometry: g } of draws({ cropReach }, tall))
      if (g.crop.top < 0 || g.crop.top + 32 > 47 || g.crop.left !== 0) return void t.fail(`${g.crop.top}`);
});

t.test(
  "pictures are mirrored only when asked for, as often as set, and the crop does not depend on it",
  async (t) => {
    const plain = draws({});
    const flipped = draws({ randomFlip: true, flipProbability: 0.25 });
    t.ok(plain.every(({ geometry: g }) => !g.flip));
    const count = flipped.filter(({ geometry: g }) => g.flip).length;
    // 2.58 standard deviations around 250 of 1000
    t.ok(Math.abs(count - 250) < 2.58 * Math.sqrt(1000 * 0.25 * 0.75), `${count}`);
    t.same(
      flipped.map(({ geometry: g }) => g.crop),
      plain.map(({ geometry: g }) => g.crop),
    );
  },
);

t.test("rows that speak of left or right are not mirrored, in any caption, tag or spelling", async (t) => {
  const always = { randomFlip: true, flipProbability: 1 };
  const flips = (sample: Sample, options: object = {}): boolean =>
    draws({ ...always, ...options }, sample, 1)[0]?.geometry.flip === true;
  t.notOk(flips(sampleOf({ text_zh: "左手拿剑的少女" })));
  t.notOk(flips(sampleOf({ text_zh: "少女", text_en: "a sword in her left hand" })));
  t.notOk(flips(sampleOf({ text_zh: "少女" }, { general: ["looking_to_the_right"] })));
  t.ok(flips(sampleOf({ text_en: "a bright girl, copyright" })));
  t.ok(flips(sampleOf({ text_zh: "左手" }), { flipDirections: true }));
  t.notOk(flips(sampleOf({ text_en: "a sign with English_Text" }), { flipNever: ["english text"] }));
  t.match(draws(always, sampleOf({ text_zh: "左" }), 1)[0]?.notes, [/not mirrored/]);
});

t.test("sides are told from what only looks like them", async (t) => {
  const sides = [
    "左",
    "右侧",
    "站在左边",
    "20岁左右，右手",
    "turn LEFT",
    "right-hand side",
    "leftmost",
    "left_side",
    "rightward",
    "counter-clockwise",
  ];
  const none = [
    "20岁左右的女孩",
    "约３米左右",
    "bright light",
    "copyright",
    "upright",
    "all right!",
    "right now",
    "leftovers",
    "clefts",
  ];
  t.same(
    sides.filter((text) => !speaksOfSides(text)),
    [],
  );
  t.same(none.filter(speaksOfSides), []);
});

t.test("the told source shrinks as often as set, never below what the picture is resized to", async (t) => {
  t.ok(draws({}).every(({ sourceSize }) => sourceSize === source));
  const told = draws({ shrinkSizeCond: 0.3 }, sampleOf(), 4000).map(({ sourceSize }) => sourceSize);
  const shrunk = told.filter((one) => one !== source);
  t.ok(Math.abs(shrunk.length - 1200) < 2.58 * Math.sqrt(4000 * 0.3 * 0.7), `${shrunk.length}`);
  t.ok(shrunk.every(({ height, width }) => height >= 32 && height <= 64 && width >= 40 && width <= 80));
  t.ok(shrunk.every(({ height, width }) => Math.abs(width - 1.25 * height) <= 1.2));
  const mean = shrunk.reduce((sum, { height }) => sum + height, 0) / shrunk.length;
  t.ok(Math.abs(mean - 48) < 1, `${mean}`);
  const enlarged: Sample = { ...sampleOf(), sourceSize: { height: 16, width: 20 } };
  t.ok(draws({ shrinkSizeCond: 1 }, enlarged).every(({ sourceSize }) => sourceSize.height === 16));
});

t.test("the plan counts rows that may be mirrored", async (t) => {
  const { chances = [] } = cropFlip(CropFlipOptions.parse({ randomFlip: true, shrinkSizeCond: 0.1 }));
  const touched = (sample: Sample) =>
    chances.filter(({ touches }) => touches(sample.row, [])).map(({ setting }) => setting);
  t.same(touched(sampleOf({ a: "cat" })), ["flipProbability", "shrinkSizeCond"]);
  t.same(touched(sampleOf({ a: "left" })), ["shrinkSizeCond"]);
});

t.test("the sample handed in is not changed", async (t) => {
  const sample = sampleOf();
  const before = structuredClone(sample);
  draws({ randomFlip: true, shrinkSizeCond: 1 }, sample);
  t.same(sample, before);
});
