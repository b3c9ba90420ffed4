import t from "tap";
import { diceKey, rngFromKey } from "../run/dice.js";
import { type CaptionEdit, editCaption, givenText, originalText, plainCaption } from "./caption.js";

t.test("a change is made and marked where it stands", async (t) => {
  const caption = editCaption(plainCaption("a black cat, 2021", "text_en"), [
    { start: 2, end: 11, to: "黑猫", why: "names" },
    { start: 11, end: 17, to: "", why: "tags: year" },
  ]);
  t.equal(caption.text, "a 黑猫");
  t.same(caption.marks, [
    { at: 2, length: 2, was: "black cat", why: "names" },
    { at: 4, length: 0, was: ", 2021", why: "tags: year" },
  ]);
  t.equal(caption.construction, "text_en");
});

t.test(
  "a change over earlier ones takes them in, with their reasons and what stood there first",
  async (t) => {
    const once = editCaption(plainCaption("x miku y", "c"), [
      { start: 2, end: 6, to: "初音未来", why: "names" },
    ]);
    const twice = editCaption(once, [{ start: 1, end: 4, to: "", why: "tags" }]);
    t.equal(twice.text, "x未来 y");
    t.same(twice.marks, [{ at: 1, length: 2, was: " miku", why: "names; tags" }]);
  },
);

t.test("whatever is changed and how often, marks lead back to the original", async (t) => {
  const rng = rngFromKey(diceKey(1, 0, "caption", "test"));
  for (let round = 0; round < 2000; round++) {
    const original = Array.from({ length: 1 + rng.int(20) }, () => "ab，c猫𠮷"[rng.int(5)] ?? "").join("");
    let caption = plainCaption(original, "c");
    let plain = original;
    for (let pass = 0; pass < 4; pass++) {
      const edits: CaptionEdit[] = [];
      for (let at = 0; at < plain.length; ) {
        const start = at + rng.int(4);
        const end = start + 1 + rng.int(3);
        if (end > plain.length) break;
        edits.push({ start, end, to: "xyz".slice(0, rng.int(4)), why: `p${pass}` });
        at = end;
      }
      caption = editCaption(caption, edits);
      for (const { start, end, to } of edits.reverse()) plain = plain.slice(0, start) + to + plain.slice(end);
      if (caption.text !== plain || originalText(caption) !== original)
        return void t.same([caption.text, originalText(caption)], [plain, original]);
      const places = caption.marks.map(({ at, length }) => [at, at + length] as const);
      if (places.some(([at], n) => at < (places[n - 1]?.[1] ?? 0))) return void t.fail("marks overlap");
    }
  }
  t.pass("2,000 captions, four passes each");
});

t.test("a dropped caption gives the encoder nothing and keeps its text", async (t) => {
  const caption = { ...plainCaption("cat", "c"), isDropped: true };
  t.equal(givenText(caption), "");
  t.equal(caption.text, "cat");
});
