import { diceFor, type Sample } from "@hyfw/core";
import t from "tap";
import { CropFlipOptions, cropFlip } from "./crop-flip.js";

const resolution = { height: 32, width: 32 };
const sample: Sample = {
  row: {
    position: 0,
    id: "a-0",
    arrowFile: "a.arrow",
    rowInFile: 0,
    texts: {},
    tags: {},
    size: resolution,
    imageBytes: 1,
  },
  epoch: 0,
  caption: "",
  construction: "",
  geometry: { resized: { height: 32, width: 40 }, crop: { top: 0, left: 4 }, resolution, flip: false },
  notes: [],
};

function draws(options: object): Sample["geometry"][] {
  const augmenter = cropFlip(CropFlipOptions.parse(options));
  return Array.from({ length: 400 }, (_, i) => augmenter.augment(sample, diceFor(1, 0, `s${i}`)).geometry);
}

t.test("the window stays inside and reaches every offset, both ends included", async (t) => {
  const geometries = draws({});
  t.ok(geometries.every(({ crop }) => crop.top === 0));
  t.same(new Set(geometries.map(({ crop }) => crop.left)), new Set([0, 1, 2, 3, 4, 5, 6, 7, 8]));
});

t.test("without randomCrop the centre window stays", async (t) => {
  t.ok(draws({ randomCrop: false }).every(({ crop }) => crop.left === 4 && crop.top === 0));
});

t.test(
  "pictures are mirrored only when asked for, about as often as set, and the crop does not depend on it",
  async (t) => {
    const plain = draws({});
    const flipped = draws({ randomFlip: true, flipProbability: 0.25 });
    t.ok(plain.every(({ flip }) => !flip));
    const share = flipped.filter(({ flip }) => flip).length / 400;
    t.ok(share > 0.18 && share < 0.32, `${share}`);
    t.same(
      flipped.map(({ crop }) => crop),
      plain.map(({ crop }) => crop),
    );
  },
);

t.test("the sample handed in is not changed", async (t) => {
  const before = structuredClone(sample);
  draws({ randomFlip: true });
  t.same(sample, before);
});
