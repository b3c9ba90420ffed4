import t from "tap";
import { describeSizeCondition, sizeNumbers } from "./conditions.js";

const resolution = { height: 512, width: 768 };
const sample = {
  sourceSize: { height: 800, width: 1200 },
  geometry: { resized: { height: 512, width: 768 }, crop: { top: 3, left: 5 }, resolution, flip: true },
};
const plain = { mergeSrcCond: false, randomShrinkSizeCond: false };

t.test(
  "the size condition tells the source that augmenters left, width first, then target and crop",
  async (t) => {
    t.same(sizeNumbers(sample, plain), [1200, 800, 768, 512, 5, 3]);
    t.same(sizeNumbers(sample, { ...plain, randomShrinkSizeCond: true }).slice(0, 2), [1200, 1024]);
    const side = Math.sqrt(1200 * 800);
    t.same(sizeNumbers(sample, { ...plain, mergeSrcCond: true }).slice(0, 2), [side, side]);
  },
);

t.test("it is told in words, or that there is none", async (t) => {
  t.equal(
    describeSizeCondition(sample, { ...plain, sizeCond: [1024, 1024] }),
    "source 1200 wide, 800 high; target 768 wide, 512 high; crop from x 5, y 3",
  );
  t.match(describeSizeCondition(sample, { ...plain, sizeCond: null }), /^none/);
});
