import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { bertText, bertWords } from "./bert-text.js";
import { openBertTokenizer } from "./bert-tokenizer.js";
import { captionReach, cutBeforeLast } from "./caption-tokenizer.js";
import { CharsMap } from "./charsmap.js";
import { openMt5Tokenizer } from "./mt5-tokenizer.js";
import { readSentencePieceModel } from "./sentencepiece-model.js";

const golden = new URL("../../../../test/golden/model/", import.meta.url).pathname;
const bert = join(golden, "tokenizer_bert");
const mt5 = join(golden, "tokenizer_mt5");
const rules = { lowerCase: true, stripAccents: null, splitChinese: true };

t.test("text is cleaned, Chinese stands alone, accents and case go where the rules say", async (t) => {
  t.equal(bertText("Café\u0000 \u200bÀ\t猫dog", rules), "cafe a 猫 dog");
  t.equal(bertText("Café", { ...rules, lowerCase: false }), "Café");
  t.equal(bertText("Café", { ...rules, lowerCase: false, stripAccents: true }), "Cafe");
  t.equal(bertText("猫dog", { ...rules, splitChinese: false }), "猫dog");
  t.equal(bertText("a\u{20000}b", rules), "a \u{20000} b", "also outside the first plane");
  t.same(bertWords("it's 50%! 好。"), ["it", "'", "s", "50", "%", "!", "好", "。"]);
});

t.test("a vocabulary without a special token is refused by name", async (t) => {
  const folder = t.testdir({ "vocab.txt": "[PAD]\n[UNK]\n[CLS]\na\n" });
  t.throws(() => openBertTokenizer(folder), { code: "HYFW_TOKENIZER_FILE", message: /has no line \[SEP\]/ });
  t.throws(() => openBertTokenizer(t.testdir({ "vocab.txt": Buffer.from([0xff, 0xfe]) })), /UTF-8/);
});

t.test("what is cut keeps the closing token, and the reach ends where reading ends", async (t) => {
  t.same(cutBeforeLast([1, 2, 3, 4, 9], 3), [1, 2, 9]);
  t.same(cutBeforeLast([1, 9], 2), [1, 9]);
  for (const tokenizer of [openBertTokenizer(bert), openMt5Tokenizer(mt5)]) {
    const caption = "一只小猫坐在窗台上, a small cat 𠀀 sitting";
    const whole = tokenizer.encode(caption).length;
    t.same(captionReach(tokenizer, caption, whole), { tokens: whole, limit: whole, end: caption.length });
    for (let limit = 3; limit < whole; limit++) {
      const { tokens, end } = captionReach(tokenizer, caption, limit);
      t.equal(tokens, whole);
      t.ok(tokenizer.encode(caption.slice(0, end)).length <= limit, `${limit} tokens`);
      t.notMatch(caption.slice(0, end), /[\uD800-\uDBFF]$/, "never in the middle of a character");
    }
  }
});

t.test("extra ids come from the settings beside the model, 100 when nothing is said", async (t) => {
  const folder = t.testdir({});
  copyFileSync(join(mt5, "spiece.model"), join(folder, "spiece.model"));
  t.equal(openMt5Tokenizer(folder).size, 740);
  t.equal(openMt5Tokenizer(mt5).size, 640);
  const last = openMt5Tokenizer(folder).encode("<extra_id_0>");
  t.same(last, [739, 1], "the highest id, as one token");
});

t.test("a normalisation table must fit its bytes", async (t) => {
  t.throws(() => new CharsMap(new Uint8Array(3)), RangeError);
  t.throws(() => new CharsMap(Uint8Array.from([255, 255, 255, 127, 0, 0, 0, 0])), RangeError);
  const { charsMap } = readSentencePieceModel(readFileSync(join(mt5, "spiece.model")));
  const table = new CharsMap(charsMap);
  t.equal(table.normalize("ＡＢ　㎏ ①e\u0301"), "AB kg 1é");
});

/** A fixed sequence of numbers below 2^32. */
function* numbers(seed: number): Generator<number> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state;
  }
}

t.test("a broken model file is refused or read, and nothing else", async (t) => {
  const bytes = readFileSync(join(mt5, "spiece.model"));
  const next = numbers(7);
  const draw = (bound: number): number => Number(next.next().value) % bound;
  const folder = t.testdir({});
  let refused = 0;
  for (let n = 0; n < 2000; n++) {
    const broken = Buffer.from(bytes.subarray(0, n % 3 === 0 ? draw(bytes.length) : bytes.length));
    for (let changes = draw(4) + 1; changes > 0 && broken.length > 0; changes--)
      broken[draw(Math.min(broken.length, n % 2 === 0 ? 2000 : broken.length))] = draw(256);
    try {
      readSentencePieceModel(broken);
    } catch (fault) {
      if (!(fault instanceof RangeError)) throw fault;
      refused++;
    }
  }
  t.ok(refused > 500, `${refused} of 2000 refused`);
  writeFileSync(join(folder, "spiece.model"), bytes.subarray(0, 50_000));
  t.throws(() => openMt5Tokenizer(folder), { code: "HYFW_TOKENIZER_FILE" });
  writeFileSync(join(folder, "tokenizer.json"), '{"model": {"type": "BPE"}}');
  t.throws(() => openMt5Tokenizer(folder), { code: "HYFW_TOKENIZER_FILE" });
});
