import t from "tap";
import { pictureGrid, squareColumns } from "./picture-grid.js";

const plain = (value: number) => ({ height: 2, width: 3, pixels: new Uint8Array(18).fill(value) });

t.test("pictures lie in reading order with white between them", async (t) => {
  const { height, width, pixels } = pictureGrid([plain(1), plain(2), plain(3)], 2);
  t.same([height, width], [2 + 4 + 2, 3 + 4 + 3]);
  const at = (y: number, x: number) => pixels[(y * width + x) * 3 + 2];
  t.same([at(0, 0), at(1, 2), at(0, 3), at(0, 7), at(1, 9)], [1, 1, 255, 2, 2]);
  t.same([at(2, 0), at(6, 0), at(7, 2), at(7, 7)], [255, 3, 3, 255], "the last place stays white");
});

t.test("one row is no wider than its pictures, and columns make a square", async (t) => {
  t.equal(pictureGrid([plain(1)], 5).width, 3);
  t.same([1, 2, 4, 5, 9, 10].map(squareColumns), [1, 2, 2, 3, 3, 4]);
});
