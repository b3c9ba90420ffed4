import t from "tap";
import {
  pythonFloat,
  pythonInt,
  pythonList,
  pythonNumber,
  pythonPattern,
  pythonStrip,
} from "./python-text.js";

t.test("floats and lists are written as Python writes them", (t) => {
  const cases: [number, string][] = [
    [5, "5.0"],
    [0.1, "0.1"],
    [1e16, "1e+16"],
    [123456789012345680, "1.2345678901234568e+17"],
    [0.0001, "0.0001"],
    [0.00001, "1e-05"],
    [1.5e-7, "1.5e-07"],
    [-0, "-0.0"],
    [9007199254740991, "9007199254740991.0"],
    [Number.POSITIVE_INFINITY, "inf"],
    [Number.NaN, "nan"],
  ];
  for (const [value, text] of cases) t.equal(pythonFloat(value), text);
  t.equal(
    pythonList(["a", "it's", 'say "it\'s"', "国\n\\", "\u200b"]),
    `['a', "it's", 'say "it\\'s"', '国\\n\\\\', '\\u200b']`,
  );
  t.end();
});

t.test("text becomes a number where Python's float and int take it, and only there", (t) => {
  const floats: [string, number | undefined][] = [
    [" 1e3 ", 1000],
    ["1_000.5", 1000.5],
    ["１２", 12],
    ["٣", 3],
    ["𝟘𝟙", 1],
    ["-inf", Number.NEGATIVE_INFINITY],
    ["Infinity", Number.POSITIVE_INFINITY],
    ["nan", Number.NaN],
    ["1.", 1],
    [".5", 0.5],
    ["", undefined],
    ["1__0", undefined],
    ["_1", undefined],
    ["0x10", undefined],
    ["1,5", undefined],
    ["1 2", undefined],
    ["\u0085 7\u3000", 7],
    ["\ufeff7", undefined],
  ];
  for (const [text, value] of floats) t.same(pythonNumber(text), value, JSON.stringify(text));
  t.equal(pythonInt(" 0012 "), 12);
  t.equal(pythonInt("12.0"), undefined);
  t.equal(pythonStrip("\x1c a\ufeff \x85"), "a\ufeff");
  t.end();
});

t.test("simple patterns find what Python's do; others are refused with the reason", (t) => {
  const finds = (pattern: string, text: string): boolean => {
    const found = pythonPattern(pattern);
    if (typeof found === "string") throw new Error(found);
    return found.test(text);
  };
  t.ok(finds("风格|描述", "水墨风格"));
  t.ok(finds("^(we|hu)|op$", "shop"));
  t.ok(finds("a$", "a\n"), "$ stands before a final line break too");
  t.notOk(finds("a$", "a\nb"));
  t.notOk(finds("a.b", "a\nb"));
  t.ok(finds("a.b", "a\rb"), "only \\n is a line break");
  t.ok(finds("\\d{2}", "٣٤"), "digits of any script");
  t.ok(finds("\\bé", "un é"), "words of any script");
  t.ok(finds("x{,2}y", "y"));
  t.ok(finds("a{b", "a{b"));
  t.ok(finds("[]a]", "]"));
  t.ok(finds("(?P<n>a)(?P=n)", "aa"));
  t.ok(finds("\\-\\#\\ ", "-# "));
  for (const refused of ["(?i)a", "a\\Z", "a*+", "(?>a)", "(a", "\\N{DIGIT ONE}"])
    t.type(pythonPattern(refused), "string", refused);
  t.end();
});
