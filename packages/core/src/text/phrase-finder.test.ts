import t from "tap";
import { diceKey, rngFromKey } from "../run/dice.js";
import { foldPhrase } from "./fold-text.js";
import { PhraseFinder } from "./phrase-finder.js";

/** The text with every found phrase in angle brackets. */
function marked(phrases: readonly string[], text: string): string {
  let done = 0;
  let out = "";
  for (const { start, end } of new PhraseFinder(phrases).find(text)) {
    out += `${text.slice(done, start)}<${text.slice(start, end)}>`;
    done = end;
  }
  return out + text.slice(done);
}

t.test(
  "spellings of one phrase are alike: case, width, underscores, parentheses, escapes, apostrophes",
  async (t) => {
    const phrases = ["Saber (Fate)", "hatsune miku", "D'Artagnan", "k/da"];
    const texts = [
      "saber (fate), saber_(fate), SABER(FATE), saber \\(fate\\), ｓａｂｅｒ（ｆａｔｅ）",
      "Hatsune Miku; hatsune_miku; hatsune  miku; ＨＡＴＳＵＮＥ　ＭＩＫＵ",
      "d'artagnan, D’Artagnan",
      "K/DA!",
    ];
    t.same(
      texts.map((text) => marked(phrases, text)),
      [
        "<saber (fate)>, <saber_(fate)>, <SABER(FATE)>, <saber \\(fate\\)>, <ｓａｂｅｒ（ｆａｔｅ）>",
        "<Hatsune Miku>; <hatsune_miku>; <hatsune  miku>; <ＨＡＴＳＵＮＥ　ＭＩＫＵ>",
        "<d'artagnan>, <D’Artagnan>",
        "<K/DA>!",
      ],
    );
  },
);

t.test("the longest phrase is taken, and a shorter one where the longer is none", async (t) => {
  const phrases = ["cat", "black cat", "black cat burglar"];
  t.equal(marked(phrases, "a black cat burglar"), "a <black cat burglar>");
  t.equal(marked(phrases, "a black cat burglary"), "a <black cat> burglary");
  t.equal(marked(phrases, "a black catfish, a cat"), "a black catfish, a <cat>");
});

t.test("nothing is found inside another word", async (t) => {
  const texts = [
    "concatenate, cats, Cat2, 3cat, cat_ears, white_cat, cat_(cosplay), top-cat, cat-like, o'cat",
    "café cat́ ñcat Äcat catß",
    "bobcat🐈cat",
  ];
  t.same(
    texts.map((text) => marked(["cat"], text)),
    [texts[0], texts[1], "bobcat🐈<cat>"],
  );
  t.equal(
    marked(["cat"], "the cat's tail, cat’s, cat-, -cat, cats'"),
    "the <cat>'s tail, <cat>’s, <cat>-, -<cat>, cats'",
  );
  t.equal(marked(["cat"], "猫cat画，cat。「cat」"), "猫<cat>画，<cat>。「<cat>」");
});

t.test("two Chinese signs inside a longer run are a part of a word, three are not", async (t) => {
  t.equal(
    marked(["东方", "东方红"], "东方，东方红，《东方》，东方人"),
    "<东方>，<东方红>，《<东方>》，东方人",
  );
  t.equal(marked(["初音未来"], "来自初音未来的歌"), "来自<初音未来>的歌");
});

t.test("phrases that fold to nothing are never found, and an empty list finds nothing", async (t) => {
  t.equal(marked([" _ ", ""], "a _ b"), "a _ b");
  t.equal(marked([], "cat"), "cat");
  t.equal(marked(["cat"], ""), "");
});

t.test("finds what a plain search over all stretches finds", async (t) => {
  const rng = rngFromKey(diceKey(7, 0, "finder", "test"));
  const signs = [..."aabbc  __,.()()-'’s12é猫东ＡＢ（）　", "\\", "e\u0301", "𠮷"];
  const draw = (most: number): string =>
    Array.from({ length: 1 + rng.int(most) }, () => signs[rng.int(signs.length)]).join("");
  let found = 0;
  for (let round = 0; round < 4000; round++) {
    const phrases = Array.from({ length: 1 + rng.int(8) }, () => draw(5));
    const texts = [draw(24), `${draw(6)}${phrases[0]}${draw(6)}`, phrases.join(" ")];
    for (const text of texts) {
      const fast = new PhraseFinder(phrases).find(text).map(({ start, end }) => [start, end]);
      const plain = plainSearch(phrases, text);
      found += fast.length;
      if (JSON.stringify(fast) !== JSON.stringify(plain))
        return void t.fail(JSON.stringify({ phrases, text, fast, plain }));
    }
  }
  t.ok(found > 4000, `${found} phrases found in 12,000 texts`);
});

/** The same by trying every stretch of the text, spellings made alike by whole-string rules, edges by expressions. */
function plainSearch(phrases: readonly string[], text: string): number[][] {
  const alike = new Set(phrases.map(spelled).filter((one) => one !== ""));
  const found: number[][] = [];
  for (let start = 0; start < text.length; start++) {
    if (/^[\s_\p{M}]/u.test(text.slice(start)) || isInPair(text, start)) continue;
    if (isEscape(text, start)) continue;
    for (let end = text.length; end > start; end--) {
      if (/[\s_]$/u.test(text.slice(0, end)) || /^\p{M}/u.test(text.slice(end)) || isInPair(text, end))
        continue;
      if (isEscape(text, end)) continue;
      if (!alike.has(spelled(text.slice(start, end))) || isPart(text, start, end)) continue;
      found.push([start, end]);
      start = end - 1;
      break;
    }
  }
  return found;
}

function spelled(text: string): string {
  const plain = text.replace(/[‘’ʼ＇]/g, "'").replace(/\\(?=[()（）])/g, "");
  return plain
    .replace(/(?:[\uD800-\uDBFF][\uDC00-\uDFFF]|[\s\S])\p{M}*/gu, (letter) =>
      letter.normalize("NFKC").toLowerCase(),
    )
    .replace(/[\s_]+/gu, " ")
    .replace(/ ?([()]) ?/g, "$1")
    .trim();
}

const W = "(?:(?![\\p{sc=Han}\\p{sc=Hira}\\p{sc=Kana}\\p{sc=Hang}ー])[\\p{L}\\p{N}\\p{M}])";
const C = "[\\p{sc=Han}\\p{sc=Hira}\\p{sc=Kana}ー]";

function isPart(text: string, start: number, end: number): boolean {
  const [left, inside, right] = [text.slice(0, start), text.slice(start, end), text.slice(end)];
  const fits = (pattern: string, part: string): boolean => new RegExp(pattern, "iu").test(part);
  const isShort = [...inside].length < 3;
  return (
    left.endsWith("_") ||
    right.startsWith("_") ||
    (fits(`^${W}`, inside) && fits(`${W}[-‐‑'’ʼ＇]?$`, left)) ||
    (fits(`${W}$`, inside) &&
      fits(`^[-‐‑'’ʼ＇]?${W}`, right) &&
      !fits("^['’ʼ＇]s(?![\\p{L}\\p{N}_])", right)) ||
    (isShort && fits(`^${C}`, inside) && fits(`${C}$`, left)) ||
    (isShort && fits(`${C}$`, inside) && fits(`^${C}`, right))
  );
}

/** Between a parenthesis and the backslash before it. */
function isEscape(text: string, at: number): boolean {
  return text.charAt(at - 1) === "\\" && /[()（）]/.test(text.charAt(at));
}

function isInPair(text: string, at: number): boolean {
  return /[\uDC00-\uDFFF]/.test(text.charAt(at)) && /[\uD800-\uDBFF]/.test(text.charAt(at - 1));
}

t.test("folding a folded phrase changes nothing", async (t) => {
  for (const phrase of ["Saber_(Fate)", "ＭＩＫＵ　初音", "d’Arc", "a \\(b\\) c"])
    t.equal(foldPhrase(foldPhrase(phrase)), foldPhrase(phrase));
});
