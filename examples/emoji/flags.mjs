// Country flags as rows: vector pictures of many shapes, named from the flag emojis' labels.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** One row per country flag that has a picture, an English and a Chinese name. */
export function flagRows(require) {
  const folder = join(dirname(require.resolve("svg-country-flags/package.json")), "svg");
  const zh = new Map(require("emojibase-data/zh/data.json").map((emoji) => [emoji.hexcode, emoji.label]));
  const rows = [];
  for (const { hexcode, label, version } of require("emojibase-data/en/data.json")) {
    const code = countryCode(hexcode);
    const source = code && join(folder, `${code}.svg`);
    const chinese = zh.get(hexcode)?.replace(/^旗[:：]\s*/, "");
    if (!source || !existsSync(source) || !chinese || version === undefined) continue;
    rows.push({
      kind: "flags",
      file: `images/flags/${code}.png`,
      source,
      en: label.replace(/^flag:\s*/, "").replaceAll(" & ", " and "),
      zh: chinese,
      enTags: [],
      zhTags: [],
      // Flags are no emoji here, so the year of the emoji version would say nothing about them.
      year: undefined,
    });
  }
  return rows;
}

/** `1F1E6-1F1E9` stands for the letters A and D. */
function countryCode(hexcode) {
  const letters = hexcode.split("-").map((part) => Number.parseInt(part, 16) - 0x1f1e6);
  if (letters.length !== 2 || letters.some((letter) => letter < 0 || letter > 25)) return undefined;
  return letters.map((letter) => String.fromCharCode(97 + letter)).join("");
}
