import { diceFor, type Sample } from "@hyfw/core";
import t from "tap";
import { dropTags, TagDropoutOptions } from "./drop-tags.js";

const size = { height: 32, width: 32 };
const tags = { year: ["2015", "2015年"], meta: ["3D"], group: ["animal face"] };
function sampleOf(caption: string): Sample {
  return {
    row: { position: 0, id: "a-0", arrowFile: "a.arrow", rowInFile: 0, texts: {}, tags, size, imageBytes: 1 },
    epoch: 0,
    caption,
    construction: "mixed",
    geometry: { resized: size, crop: { top: 0, left: 0 }, resolution: size, flip: false },
    notes: [],
  };
}
const dropped = (caption: string, options: object) =>
  dropTags(TagDropoutOptions.parse(options)).augment(sampleOf(caption), diceFor(1, 0, "s"));

t.test("a category's tags leave with the separator before them, in either script", async (t) => {
  const categories = { year: 1 };
  t.equal(dropped("cat, 2015, 3D", { categories }).caption, "cat, 3D");
  t.equal(dropped("2015, cat, 3D", { categories }).caption, "cat, 3D");
  t.equal(dropped("猫，2015年，立体。", { categories }).caption, "猫，立体。");
  t.equal(dropped("猫、立体、2015年。", { categories }).caption, "猫、立体。");
  t.equal(dropped("cat, Animal_Face", { categories: { group: 1 } }).caption, "cat");
});

t.test("a caption never becomes empty", async (t) => {
  t.equal(dropped("2015, 3D", { categories: { year: 1, meta: 1 } }).caption, "3D");
  t.equal(dropped("2015", { categories: { year: 1 } }).caption, "2015");
});

t.test("patterns drop tags by their spelling", async (t) => {
  const patterns = [{ pattern: "^score_\\d+$", probability: 1 }];
  t.equal(dropped("cat, score_9, dog", { categories: {}, patterns }).caption, "cat, dog");
  t.throws(() => dropped("cat", { patterns: [{ pattern: "(" }] }), { code: "HYFW_TAG_PATTERN" });
});

t.test("years go about one time in ten by default, and what went is noted", async (t) => {
  const augmenter = dropTags(TagDropoutOptions.parse({}));
  const results = Array.from({ length: 1000 }, (_, i) =>
    augmenter.augment(sampleOf("cat, 2015"), diceFor(1, 0, `s${i}`)),
  );
  const without = results.filter(({ caption }) => caption === "cat");
  t.ok(without.length > 65 && without.length < 140, `${without.length}`);
  t.ok(without.every(({ notes }) => notes[0] === "tag-dropout: year"));
});
