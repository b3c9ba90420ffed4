import { fromTypedArray, live, Scope } from "@hyfw/native";
import t from "tap";
import { pixelLatents } from "./pixel-latents.js";

/** [1, 3, 4, 6], each value its own: colour · 100 + row · 10 + column. */
function countedImage() {
  const values = Float32Array.from({ length: 72 }, (_, index) => {
    const row = Math.floor((index % 24) / 6);
    return Math.floor(index / 24) * 100 + row * 10 + (index % 6);
  });
  return fromTypedArray(values, [1, 3, 4, 6]);
}

t.test("a cell keeps the values of its pixels, colour by colour and row by row", async (t) => {
  using scope = new Scope();
  const latents = scope.run(() => pixelLatents(2).encode(countedImage(), []));
  t.same(latents.shape, [1, 12, 2, 3]);
  // Channels of the cell in the second row and third column.
  const values = latents.toArray();
  const cell = Array.from({ length: 12 }, (_, channel) => values[channel * 6 + 5]);
  t.same(cell, [24, 25, 34, 35, 124, 125, 134, 135, 224, 225, 234, 235]);
});

t.test("decoding gives the picture back, for every size of cell that divides it", async (t) => {
  const before = live();
  for (const cellSize of [1, 2]) {
    using scope = new Scope();
    scope.run(() => {
      const codec = pixelLatents(cellSize);
      const image = countedImage();
      const back = codec.decode(codec.encode(image, []));
      t.same(back.shape, image.shape);
      t.same(back.toArray(), image.toArray(), `${cellSize}`);
      t.equal(codec.channels, 3 * cellSize ** 2);
    });
  }
  t.equal(live(), before);
});
