import t from "tap";
import { characterIds, characterReach } from "./characters.js";

t.test("a caption that fits is read to its end, one too many is cut behind the last that fits", async (t) => {
  t.same(characterReach("", 4), { tokens: 1, limit: 4, end: 0 });
  t.same(characterReach("abc", 4), { tokens: 4, limit: 4, end: 3 });
  t.same(characterReach("abcd", 4), { tokens: 5, limit: 4, end: 3 });
  t.same(characterReach("黑猫和狗", 3), { tokens: 5, limit: 3, end: 2 });
});

t.test("what lies before the end gives the very ids that the encoder gets", async (t) => {
  const captions = ["a  b   c", "ＡＢ㍿ﬁx", "𠮷𠮷𠮷猫", "e\u0301e\u0301e\u0301", "  x y  ", "猫，dog！①②"];
  for (const caption of captions)
    for (let length = 1; length < 9; length++) {
      const { end, tokens } = characterReach(caption, length);
      const ids = characterIds(caption, length, 4096);
      const kept = characterIds(caption.slice(0, end), Number.POSITIVE_INFINITY, 4096);
      // A sign that folds to several may be cut in its middle; then it counts as cut off.
      t.same(kept, ids.slice(0, kept.length), `${caption} at ${length}`);
      t.equal(tokens, characterIds(caption, Number.POSITIVE_INFINITY, 4096).length);
      t.notMatch(caption.slice(0, end), /[\uD800-\uDBFF]$/);
    }
});
