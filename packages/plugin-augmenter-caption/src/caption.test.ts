import { diceFor, type Sample } from "@hyfw/core";
import t from "tap";
import { CaptionChoiceOptions, chooseCaption, DEFAULT_CAPTION } from "./choose-caption.js";
import { strip } from "./strip.js";

const size = { height: 32, width: 32 };
function sampleOf(texts: Record<string, string>): Sample {
  return {
    row: {
      position: 0,
      id: "a-0",
      arrowFile: "shard.arrow",
      rowInFile: 12,
      texts,
      tags: {},
      size,
      imageBytes: 1,
    },
    epoch: 0,
    caption: "",
    construction: "",
    geometry: { resized: size, crop: { top: 0, left: 0 }, resolution: size, flip: false },
    notes: [],
  };
}

function chosen(texts: Record<string, string>, options: object): Sample[] {
  const augmenter = chooseCaption(CaptionChoiceOptions.parse(options));
  return Array.from({ length: 1000 }, (_, i) => augmenter.augment(sampleOf(texts), diceFor(1, 0, `s${i}`)));
}

t.test("every text_ column is drawn about equally often by default, and no other", async (t) => {
  const drawn = chosen({ text_zh: " 猫 ", text_en: "cat", kind: "cats" }, {});
  const zh = drawn.filter(({ caption }) => caption === "猫").length;
  t.ok(zh > 430 && zh < 570, `${zh}`);
  t.equal(drawn.filter(({ caption }) => caption === "cat").length, 1000 - zh);
});

t.test("weights decide how often a construction is drawn; zero is never drawn", async (t) => {
  const constructions = [{ column: "a", weight: 3 }, { column: "b" }, { column: "c", weight: 0 }];
  const drawn = chosen({ a: "A", b: "B", c: "C" }, { constructions });
  const a = drawn.filter(({ construction }) => construction === "a").length;
  t.ok(a > 690 && a < 810, `${a}`);
  t.notOk(drawn.some(({ caption }) => caption === "C"));
});

t.test("an empty construction gives way to the next that holds text", async (t) => {
  const drawn = chosen({ text_zh: " \u3000", text_en: "cat" }, {});
  t.ok(drawn.every(({ caption, construction }) => caption === "cat" && construction === "text_en"));
});

t.test(
  "a row without any caption stops with its file and row, or takes the default on request",
  async (t) => {
    t.throws(() => chosen({ text_zh: "  " }, {}), {
      code: "HYFW_CAPTION_MISSING",
      message: /shard\.arrow, row 12[\s\S]*onEmpty/,
    });
    const [sample] = chosen({}, { onEmpty: "default" });
    t.equal(sample?.caption, DEFAULT_CAPTION);
    t.match(sample?.notes, [/default/]);
  },
);

t.test("strip takes Python's blanks and no others", async (t) => {
  t.equal(strip("\u3000\u00a0\x1c\x85 猫 咪\n"), "猫 咪");
  t.equal(strip("\ufeff猫\u200b"), "\ufeff猫\u200b");
  t.equal(strip(" \t "), "");
});
