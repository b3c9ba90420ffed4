// Writes a small picture set with Chinese and English captions from npm packages that are installed already; needs no network.
//   node examples/emoji/make-data.mjs --out DIR [--kinds smileys,cats,...] [--limit N] [--flags N] [--size 96]
// Gives DIR/images/, DIR/train.csv (paths relative to it) and DIR/names.csv. The columns and licences are in README.md.

import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { flagRows } from "./flags.mjs";
import { enSentence, KINDS, unique, YEARS, zhSentence } from "./wording.mjs";

const require = createRequire(import.meta.url);
const sharp = require(require.resolve("sharp", { paths: [import.meta.dirname, process.cwd()] }));

const DEFAULT_KINDS = "smileys,cats,hearts,animals,fruit,flags";

const { values } = parseArgs({
  options: {
    out: { type: "string" },
    kinds: { type: "string", default: DEFAULT_KINDS },
    limit: { type: "string", default: "0" },
    flags: { type: "string", default: "0" },
    size: { type: "string", default: "96" },
  },
});
const out = values.out;
const kinds = values.kinds.split(",").map((kind) => kind.trim());
const limit = Number(values.limit);
const mostFlags = Number(values.flags);
const size = Number(values.size);
const unknown = kinds.filter((kind) => !(kind in KINDS));
if (!out || unknown.length > 0 || !(limit >= 0) || !(mostFlags >= 0) || !(size >= 8)) {
  const known = Object.keys(KINDS).join(",");
  console.error(
    `usage: node examples/emoji/make-data.mjs --out DIR [--kinds ${known}] [--limit N per kind] [--flags N at most] [--size PIXELS]${unknown.length > 0 ? `\nunknown kinds: ${unknown.join(", ")}` : ""}`,
  );
  process.exit(2);
}

const started = performance.now();
const emojis = emojiRows();
const rows = kinds.flatMap((kind) => {
  const own =
    kind === "flags" ? spread(flagRows(require), mostFlags) : emojis.filter((row) => row.kind === kind);
  return limit > 0 ? own.slice(0, limit) : own;
});
rmSync(join(out, "images"), { recursive: true, force: true });
for (const kind of kinds) mkdirSync(join(out, "images", kind), { recursive: true });
await Promise.all([draw(rows.filter((_, i) => i % 2 === 0)), draw(rows.filter((_, i) => i % 2 === 1))]);
writeFileSync(join(out, "train.csv"), csv(rows.map(csvRow)));
const names = nameTable(rows);
writeFileSync(join(out, "names.csv"), csv([["en", "zh"], ...names].map(([en, zh]) => ({ en, zh })).slice(1)));
const counts = kinds.map((kind) => `${rows.filter((row) => row.kind === kind).length} ${kind}`).join(", ");
console.log(
  `${out}: ${rows.length} pictures (${counts}), ${names.length} names, ${((performance.now() - started) / 1000).toFixed(1)} s`,
);

/** At most so many rows, evenly over the list; all of them for 0. */
function spread(list, most) {
  if (most === 0 || list.length <= most) return list;
  return Array.from({ length: most }, (_, index) => list[Math.floor((index * list.length) / most)]);
}

/** One row per emoji that has a 3D picture and a kind. */
function emojiRows() {
  const assets = join(dirname(require.resolve("@lobehub/fluent-emoji-3d/package.json")), "assets");
  const en = require("emojibase-data/en/data.json");
  const zh = new Map(require("emojibase-data/zh/data.json").map((emoji) => [emoji.hexcode, emoji]));
  const subgroups = new Map(
    require("emojibase-data/en/messages.json").subgroups.map(({ order, key }) => [order, key]),
  );
  const found = [];
  for (const emoji of en) {
    const subgroup = subgroups.get(emoji.subgroup);
    const kind = Object.keys(KINDS).find((name) => KINDS[name].subgroups.test(subgroup ?? ""));
    const chinese = zh.get(emoji.hexcode);
    const hex = emoji.hexcode.toLowerCase();
    const picture = [hex, `${hex}-fe0f`].map((name) => join(assets, `${name}.webp`)).find(existsSync);
    if (kind === undefined || chinese === undefined || picture === undefined) continue;
    found.push({
      kind,
      file: `images/${kind}/${hex}.png`,
      source: picture,
      en: emoji.label,
      zh: chinese.label,
      enTags: emoji.tags ?? [],
      zhTags: chinese.tags ?? [],
      subgroup,
      year: YEARS[emoji.version],
    });
  }
  return found;
}

async function draw(list) {
  for (const { source, file } of list) {
    const picture = source.endsWith(".svg") ? await vector(source) : sharp(source);
    await picture.resize(size, size, { fit: "inside", kernel: "lanczos3" }).png().toFile(join(out, file));
  }
}

/** A vector picture drawn four times as large as needed, so that shrinking smooths its edges. */
async function vector(file) {
  const { width, height } = await sharp(file, { limitInputPixels: false }).metadata();
  return sharp(file, { density: Math.max(1, (72 * 4 * size) / Math.max(width, height)) });
}

function csvRow(row) {
  const noun = KINDS[row.kind];
  const tags = {
    group: [noun.en, noun.zh],
    ...(row.subgroup ? { subgroup: [row.subgroup.replaceAll("-", " ")] } : {}),
    ...(row.year ? { year: [String(row.year), `${row.year}年`] } : {}),
    meta: noun.flat ? ["flat", "平面"] : ["3D", "立体"],
  };
  const [metaEn, metaZh] = tags.meta;
  return {
    img_path: row.file,
    text_zh: zhSentence(row),
    text_en: enSentence(row),
    tags_zh: unique([row.zh, ...row.zhTags, noun.zh, tags.year?.[1], metaZh]).join("，"),
    tags_en: unique([row.en, ...row.enTags, noun.en, tags.year?.[0], metaEn]).join(", "),
    mixed: unique([noun.en, row.zh, row.en, noun.zh, tags.subgroup?.[0], tags.year?.[0], metaEn]).join(", "),
    tags: JSON.stringify(tags),
    kind: row.kind,
  };
}

/** English and Chinese names, one to one; a name that would stand for two things is left out. */
function nameTable(list) {
  const pairs = [...new Map(list.map((row) => [`${row.en}|${row.zh}`, [row.en, row.zh]])).values()];
  const count = (at, name) => pairs.filter((pair) => pair[at].toLowerCase() === name.toLowerCase()).length;
  return pairs.filter(([en, zh]) => count(0, en) === 1 && count(1, zh) === 1);
}

function csv(list) {
  const columns = Object.keys(list[0] ?? { en: "", zh: "" });
  const quote = (cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  const lines = [columns, ...list.map((row) => columns.map((column) => row[column]))];
  return `${lines.map((cells) => cells.map(quote).join(",")).join("\n")}\n`;
}
