import t from "tap";
import { captionIds, captionReach, type Units } from "./characters.js";

t.test("a caption that fits is read to its end, one too many is cut behind the last that fits", async (t) => {
  t.same(captionReach("", 4, "characters"), { tokens: 1, limit: 4, end: 0 });
  t.same(captionReach("abc", 4, "characters"), { tokens: 4, limit: 4, end: 3 });
  t.same(captionReach("abcd", 4, "characters"), { tokens: 5, limit: 4, end: 3 });
  t.same(captionReach("黑猫和狗", 3, "characters"), { tokens: 5, limit: 3, end: 2 });
});

t.test("words of letters are one unit each, Chinese signs and punctuation one per sign", async (t) => {
  const ids = (caption: string, units: Units) =>
    captionIds(caption, { length: Number.POSITIVE_INFINITY, buckets: 1e6, units });
  t.equal(ids("A red heart, 2015年。", "words").length, 1 + 7);
  t.same(ids("Red  HEART", "words"), ids("red heart", "words"), "folded alike");
  t.same(ids("一只 red 猫", "words"), ids("一只red猫", "words"), "with or without blanks");
  t.same(ids("cafe\u0301 नमस्ते", "words").length, 3, "marks belong to their word");
  t.not(ids("heart", "words")[1], ids("earth", "words")[1], "order of letters counts");
  t.same(ids("黑猫", "words"), ids("黑猫", "characters"), "a sign has one row in both");
  t.same(captionReach("a red heart", 3, "words"), { tokens: 4, limit: 3, end: "a red".length + 1 });
});

t.test("what lies before the end gives the very ids that the encoder gets", async (t) => {
  const captions = ["a  b   c", "ＡＢ㍿ﬁx", "𠮷𠮷𠮷猫", "e\u0301e\u0301e\u0301", "  x y  ", "猫，dog！①②"];
  const buckets = 4096;
  for (const units of ["characters", "words"] as const)
    for (const caption of captions)
      for (let length = 1; length < 9; length++) {
        const { end, tokens } = captionReach(caption, length, units);
        const ids = captionIds(caption, { length, buckets, units });
        const all = (text: string) => captionIds(text, { length: Number.POSITIVE_INFINITY, buckets, units });
        const kept = all(caption.slice(0, end));
        // A sign that folds to several may be cut in its middle; then it counts as cut off.
        t.same(kept, ids.slice(0, kept.length), `${units}: ${caption} at ${length}`);
        t.equal(tokens, all(caption).length);
        t.notMatch(caption.slice(0, end), /[\uD800-\uDBFF]$/);
      }
});
