import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import t from "tap";
import { pack } from "./pack.js";
import type { PackInput } from "./pack-options.js";
import type { LedgerLine } from "./slice-part.js";

/** A picture of a size: stripes, or one colour. */
async function picture(path: string, width: number, height: number, isBlank = false): Promise<void> {
  const pixels = Buffer.from(
    Array.from({ length: width * height * 3 }, (_, k) => (isBlank ? 200 : (k * 31) % 256)),
  );
  await sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toFile(path);
}

const ROWS = [
  "a.png,一只橘猫趴在窗台上看着外面的雨,,7.5,landscape",
  "b.png,,,6.5,landscape",
  "c.png,短,,6.0,landscape",
  "a.png,å›¾ç‰‡é‡Œæœ‰ä¸€å�ªçŒ«ååœ¨çª—å�°ä¸Š,,6.0,landscape",
  "a.png,a cat on a window sill looks at the rain,a cat,6.0,landscape",
  "a.png,一只橘猫趴在窗台上看着外面的雨,,4.0,landscape",
  "a.png,一只橘猫趴在窗台上看着外面的雨,,n/a,landscape",
  "a.png,一只橘猫趴在窗台上看着外面的雨,,6.0,watermark",
  "small.png,一只橘猫趴在窗台上看着外面的雨,,6.0,landscape",
  "wide.png,一只橘猫趴在窗台上看着外面的雨,,6.0,landscape",
  "blank.png,一只橘猫趴在窗台上看着外面的雨,,6.0,landscape",
  "bomb.png,一只橘猫趴在窗台上看着外面的雨,,6.0,landscape",
];

/** Reasons by source row that these settings give. */
async function reasons(folder: string, settings: Partial<PackInput>): Promise<Record<number, string>> {
  const out = join(folder, `out-${JSON.stringify(settings).length}-${Object.keys(settings).join("-")}`);
  await pack({ source: join(folder, "a.csv"), out, settings, cwd: folder });
  const lines = readFileSync(join(out, "ledger.jsonl"), "utf8").trimEnd().split("\n");
  const refused = lines
    .map((line) => JSON.parse(line) as LedgerLine)
    .filter((line) => line.status === "refused");
  return Object.fromEntries(refused.map(({ row, reason }) => [row, String(reason)]));
}

t.test("each cleaning rule refuses the rows it names and no others", async (t) => {
  const folder = t.testdir({
    "a.csv": `img_path,text_zh,text_en,aesthetic,general\n${ROWS.join("\n")}\n`,
    "even.mjs":
      "export default { name: 'odd width', check: ({ width }) => (width % 2 === 1 ? String(width) + ' is odd' : null) };",
  });
  mkdirSync(join(folder, "p"));
  for (const name of ["a", "b", "c"]) await picture(join(folder, `${name}.png`), 64, 48);
  await picture(join(folder, "small.png"), 15, 40);
  await picture(join(folder, "wide.png"), 200, 30);
  await picture(join(folder, "blank.png"), 64, 64, true);
  // Ten thousand pixels square in a few kilobytes.
  await sharp({ create: { width: 10_000, height: 10_000, channels: 3, background: "#fff" } })
    .png({ compressionLevel: 9 })
    .toFile(join(folder, "bomb.png"));
  const cases: readonly (readonly [Partial<PackInput>, Record<number, string>])[] = [
    [{ maxPixels: 1_000_000 }, { 12: "too many pixels" }],
    [
      { maxPixels: 1_000_000, refuseEmptyCaption: true, minCaptionChars: 3 },
      { 2: "caption empty", 3: "caption too short", 12: "too many pixels" },
    ],
    [
      { maxPixels: 1_000_000, maxCaptionChars: 30 },
      { 4: "caption too long", 5: "caption too long", 12: "too many pixels" },
    ],
    [
      { maxPixels: 1_000_000, captionLanguage: "zh", refuseMojibake: true },
      { 4: "caption mojibake", 5: "caption language", 12: "too many pixels" },
    ],
    [
      { maxPixels: 1_000_000, score: ["aesthetic >= 5"] },
      { 6: "score", 7: "score", 12: "too many pixels" },
    ],
    [
      { maxPixels: 1_000_000, tagBlock: ["watermark"] },
      { 8: "tag blocked", 12: "too many pixels" },
    ],
    [
      { maxPixels: 1_000_000, tagAllow: ["watermark"] },
      Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12].map((row) => [row, "tag not allowed"])),
    ],
    [
      { maxPixels: 1_000_000, minSide: 16 },
      { 9: "side too small", 12: "too many pixels" },
    ],
    [
      { maxPixels: 1_000_000, minArea: 1000 },
      { 9: "area too small", 12: "too many pixels" },
    ],
    [
      { maxPixels: 1_000_000, aspect: [0.3, 3] },
      { 10: "aspect", 12: "too many pixels" },
    ],
    [
      { maxPixels: 1_000_000, blankRange: 4 },
      { 11: "blank", 12: "too many pixels" },
    ],
    [
      { maxPixels: 1_000_000, rules: ["even.mjs"] },
      { 9: "odd width", 12: "too many pixels" },
    ],
  ];
  for (const [settings, expected] of cases)
    t.same(await reasons(folder, settings), expected, JSON.stringify(settings));
});

t.test("conditions, columns and rules that do not exist are refused before anything is read", async (t) => {
  const folder = t.testdir({ "a.csv": "img_path,text_zh\nx.png,猫\n", "bad.mjs": "export default 3;" });
  writeFileSync(join(folder, "x.png"), "");
  const attempt = (settings: Partial<PackInput>) =>
    pack({ source: join(folder, "a.csv"), out: join(folder, "out"), settings, cwd: folder });
  await t.rejects(attempt({ score: ["beauty > 3"] }), { message: /"beauty", which is not there/ });
  await t.rejects(attempt({ rules: ["bad.mjs"] }), { code: "HYFW_PACK_RULE" });
  await t.rejects(attempt({ rules: ["none.mjs"] }), { code: "HYFW_PACK_RULE" });
});
