import t from "tap";
import type { Augmenter } from "../hooks/augmenter.js";
import type { Row } from "../hooks/dataset.js";
import { plainCaption } from "../text/caption.js";
import { openAugmenters } from "./open-augmenters.js";
import { lookedAt, surveyLines } from "./plan-augmenters.js";
import { surveyRows } from "./survey-rows.js";

const size = { height: 8, width: 8 };
const rowAt = (position: number): Row => ({
  position,
  id: `${position}`,
  arrowFile: "a.arrow",
  rowInFile: position,
  texts: { text_zh: position % 4 === 0 ? "年" : "猫" },
  tags: {},
  size,
  imageBytes: 1,
});

function dataset(length: number) {
  const read: number[] = [];
  const row = async (position: number): Promise<Row> => {
    read.push(position);
    return rowAt(position);
  };
  return { length, row, read };
}

function augmenter(more: Partial<Augmenter> = {}): Augmenter {
  return {
    name: "years",
    purposes: ["years/draw"],
    captions: "edits",
    chances: [
      {
        setting: "probability",
        probability: 0.1,
        what: "the year leaves",
        touches: (_row, captions) => captions.some(({ text }) => text === "年"),
      },
    ],
    augment: (sample) => sample,
    ...more,
  };
}

t.test("of a small data set every row is looked at, and chances count those that they touch", async (t) => {
  const data = dataset(150);
  const survey = await surveyRows(data, [augmenter()], { seed: 1 });
  t.same(
    [...data.read].sort((a, b) => a - b),
    Array.from({ length: 150 }, (_, n) => n),
  );
  t.equal(survey.chances[0]?.rows, 38);
  t.equal(lookedAt(survey), "all 150 row(s)");
  t.same(surveyLines(survey), [["years probability", "0.1: the year leaves; can touch 38 row(s) (25.3 %)"]]);
});

t.test("of a large one as many as allowed, spread evenly, the same each time, and said so", async (t) => {
  const data = dataset(2_530_000);
  const survey = await surveyRows(data, [augmenter()], { seed: 1 });
  t.equal(data.read.length, 1000);
  t.equal(new Set(data.read).size, 1000);
  t.ok(
    data.read.every((position, n) => Math.floor(position / 2530) === n),
    "one of each stretch",
  );
  const again = dataset(2_530_000);
  await surveyRows(again, [augmenter()], { seed: 1 });
  t.same(again.read, data.read);
  t.equal(lookedAt(survey), "1,000 rows looked at of 2,530,000");
  const share = (survey.chances[0]?.rows ?? 0) / 1000;
  t.ok(Math.abs(share - 0.25) < 2.58 * Math.sqrt((0.25 * 0.75) / 1000), `${share}`);
});

t.test(
  "captions that may be chosen are those of the augmenter that chooses, else the row's first",
  async (t) => {
    const chooser = augmenter({
      name: "chooser",
      captions: "chooses",
      chances: [],
      choices: () => [plainCaption("猫", "a"), plainCaption("年", "b")],
    });
    const chosen = await surveyRows(dataset(8), [chooser, augmenter()], { seed: 1 });
    t.equal(chosen.chances[0]?.rows, 8);
    t.equal((await surveyRows(dataset(8), [augmenter()], { seed: 1 })).chances[0]?.rows, 2);
  },
);

t.test("a row that cannot be read stops the survey with its own error", async (t) => {
  const data = { length: 3, row: async () => Promise.reject(new RangeError("row 2 is broken")) };
  await t.rejects(surveyRows(data, [augmenter()], { seed: 1 }), /row 2 is broken/);
});

const provided = (...values: Augmenter[]) => ({
  providers: <T>() => values.map((value) => ({ plugin: `augmenter-${value.name}`, value: value as T })),
});

t.test(
  "two augmenters may not draw for one purpose, nor choose captions after they were changed",
  async (t) => {
    const other = augmenter({ name: "other", purposes: ["other/draw"] });
    t.equal(openAugmenters(provided(augmenter(), other)).length, 2);
    t.throws(() => openAugmenters(provided(augmenter(), augmenter({ name: "twin" }))), {
      code: "HYFW_AUGMENTER_PURPOSE",
      message: /augmenter-years and augmenter-twin.*years\/draw/,
    });
    const chooser = augmenter({ name: "caption", purposes: [], captions: "chooses" });
    t.equal(openAugmenters(provided(chooser, other)).length, 2);
    t.throws(() => openAugmenters(provided(other, chooser)), {
      code: "HYFW_AUGMENTER_ORDER",
      message: /put augmenter-caption before augmenter-other/,
    });
  },
);
