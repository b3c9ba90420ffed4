import t from "tap";
import { editCaption, plainCaption } from "../text/caption.js";
import { captionRuns } from "./caption-runs.js";
import { fit } from "./see-text.js";
import { thumbnailPng } from "./thumbnail.js";

const caption = editCaption(plainCaption("a black cat, 2021, big", "c"), [
  { start: 2, end: 11, to: "黑猫", why: "names" },
  { start: 11, end: 17, to: "", why: "year" },
]);

t.test("runs tell what stayed, what was changed and by whom", async (t) => {
  t.same(captionRuns(caption), [
    { text: "a ", isCut: false },
    { text: "黑猫", was: "black cat", why: "names", isCut: false },
    { text: "", was: ", 2021", why: "year", isCut: false },
    { text: ", big", isCut: false },
  ]);
});

t.test("what lies behind the end is cut, also in the middle of a change", async (t) => {
  t.same(captionRuns(caption, 3), [
    { text: "a ", isCut: false },
    { text: "黑", was: "black cat", why: "names", isCut: false },
    { text: "猫", was: "", why: "names", isCut: true },
    { text: "", was: ", 2021", why: "year", isCut: true },
    { text: ", big", isCut: true },
  ]);
  for (let end = 0; end <= caption.text.length; end++) {
    const kept = captionRuns(caption, end).filter(({ isCut }) => !isCut);
    t.equal(kept.map(({ text }) => text).join(""), caption.text.slice(0, end));
  }
});

t.test("a line is cut to a width in columns, Chinese signs counting two", async (t) => {
  t.equal(fit("abcd", 4), "abcd");
  t.equal(fit("abcde", 4), "abc…");
  t.equal(fit("猫猫", 4), "猫猫");
  t.equal(fit("猫猫猫", 4), "猫…");
});

t.test("a large picture is shrunk by means over squares, a small one stays as it is", async (t) => {
  const pixels = Uint8Array.from({ length: 4 * 6 * 3 }, (_, n) =>
    n % 3 === 0 ? 200 : n % 2 === 0 ? 100 : 50,
  );
  const png = thumbnailPng({ height: 4, width: 6, pixels }, 3);
  t.same([png.readUInt32BE(16), png.readUInt32BE(20)], [3, 2], "width and height");
  const same = thumbnailPng({ height: 4, width: 6, pixels }, 6);
  t.same([same.readUInt32BE(16), same.readUInt32BE(20)], [6, 4]);
});
