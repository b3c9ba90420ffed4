import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Float64, Int64, Utf8 } from "apache-arrow";
import t from "tap";
import { writeArrow } from "../arrow/arrow-table.fixture.js";
import { type BuiltIndex, buildBaseIndex } from "./build-base.js";
import { findSources } from "./index-sources.js";
import { readBaseYaml } from "./read-base-yaml.js";
import { statsText } from "./stats-file.js";

const md5 = (n: number): string => n.toString(16).padStart(32, "a");

/** Two shards: five rows in two batches, three rows with one picture that the first shard has too. */
function shards(folder: string): string {
  mkdirSync(join(folder, "a"), { recursive: true });
  writeArrow(join(folder, "a", "0.arrow"), {
    text_zh: { type: new Utf8(), batches: [["猫", null, "三只猫"], ["", "a dog"]] },
    md5: { type: new Utf8(), batches: [[md5(1), md5(2), md5(3)], [md5(4), md5(5)]] },
    width: { type: new Int64(), batches: [[100n, 200n, 300n], [400n, 500n]] },
    score: { type: new Float64(), batches: [[1, null, 3], [Number.NaN, 5]] },
    kind: { type: new Utf8(), batches: [["web", "book", "eb"], ["web", "book"]] },
  });
  writeArrow(join(folder, "a", "1_more.arrow"), {
    text_zh: { type: new Utf8(), batches: [["x", "y", "z"]] },
    md5: { type: new Utf8(), batches: [[md5(6), md5(1), md5(7)]] },
    width: { type: new Int64(), batches: [[100n, 200n, 300n]] },
  });
  writeFileSync(join(folder, "list.txt"), `${md5(1)}\r\n${md5(3).toUpperCase()}\n${md5(4)}\n`);
  writeFileSync(join(folder, "map.json"), JSON.stringify({ [md5(1)]: 3, [md5(2)]: 1, [md5(7)]: 5 }));
  return folder;
}

async function build(folder: string, yaml: string, asOfficial = false): Promise<BuiltIndex> {
  const { recipe } = readBaseYaml(yaml, "base.yaml", asOfficial);
  const { sources } = findSources(recipe, "base.yaml", { folder, asOfficial });
  return buildBaseIndex(recipe, sources, { folder, asOfficial });
}

const rowsOf = ({ index }: BuiltIndex): number[] => Array.from(index.rows.get("") ?? []);
const all = 'source: ["a/*.arrow"]\n';
const first = "source: [a/0.arrow]\n";
const filter = (text: string): string => `filter: {column: [${text}]}\n`;

t.test("filters keep the rows that a plain loop over the cells keeps", async (t) => {
  const folder = shards(t.testdir());
  const keeps = async (yaml: string, rows: number[]) => t.same(rowsOf(await build(folder, yaml)), rows, yaml);
  await keeps(all, [0, 1, 2, 3, 4, 5, 6, 7]);
  await keeps(all + filter("{name: width, type: int, action: ge, target: 300, default: 0}"), [2, 3, 4, 7]);
  await keeps(all + filter("{name: width, type: float, action: lt, target: 200.5, default: 0.0}"), [0, 1, 5, 6]);
  await keeps(all + filter("{name: width, type: int, action: ne, target: 0400, default: 0}"), [0, 1, 2, 3, 4, 5, 6, 7]);
  await keeps(first + filter("{name: text_zh, type: str, action: eq, target: 猫, default: ''}"), [0]);
  await keeps(first + filter("{name: text_zh, type: str, action: ne, target: 猫, default: ''}"), [1, 2, 3, 4]);
  await keeps(first + filter("{name: text_zh, type: str, action: len_le, target: 1, default: 0}"), [0, 3]);
  await keeps(first + filter("{name: text_zh, type: str, action: len_ne, target: 1, default: 0}"), [2, 3, 4]);
  await keeps(first + filter("{name: text_zh, type: str, action: contains, target: '猫$', default: '', nulls: drop}"), [0, 2]);
  await keeps(first + filter("{name: text_zh, type: str, action: not_contains, target: 猫, default: '', nulls: keep}"), [1, 3, 4]);
  await keeps(first + filter("{name: text_zh, type: str, action: lower_last_in, target: gG, default: g, nulls: default}"), [1, 3, 4]);
  await keeps(first + filter("{name: kind, type: str, action: one_of, target: [web, book], default: ''}"), [0, 1, 3, 4]);
  await keeps(first + filter("{name: score, type: float, action: ge, target: 2.0, default: 9.0, nulls: default}"), [1, 2, 3, 4]);
  await keeps(first + filter("{name: score, type: float, action: ge, target: 2.0, default: 9.0, nulls: official}"), [2, 4]);
  await keeps(all + filter("{name: score, type: float, action: le, target: 3.0, default: 0.0, nulls: drop, missing_column: drop}"), [0, 2]);
  await keeps(
    all + filter("{logical_or: [{name: width, type: int, action: eq, target: 500, default: 0}, {name: text_zh, type: str, action: eq, target: z, default: ''}]}"),
    [4, 7],
  );
  await keeps(all + filter("{name: width, type: int, action: gt, target: 400, default: 0, arrow_file_keyword: more}"), [0, 1, 2, 3, 4]);
});

t.test("MD5 files, repeats and dedup", async (t) => {
  const folder = shards(t.testdir());
  const keeps = async (yaml: string, rows: number[]) => t.same(rowsOf(await build(folder, yaml)), rows, yaml);
  const md5Filter = (text: string): string => `filter: {md5: [{name: m, ${text}}]}\n`;
  await keeps(all + md5Filter("path: list.txt, type: list, action: in, is_valid: yes"), [0, 3, 6]);
  await keeps(all + md5Filter("path: list.txt, type: list, action: in, is_valid: no"), [1, 2, 4, 5, 7]);
  await keeps(all + md5Filter("path: map.json, type: list, action: not_in, is_valid: true"), [2, 3, 4, 5]);
  await keeps(all + md5Filter("path: map.json, type: dict, action: ge, target: 3, is_valid: true"), [0, 6, 7]);
  await keeps(all + md5Filter("path: [map.json], type: dict, action: gt, target: 3, is_valid: false"), [0, 1, 2, 3, 4, 5, 6]);
  await keeps(`${all}remove_md5_dup: on\n`, [0, 1, 2, 3, 4, 5, 7]);
  await keeps("source: [a/1_more.arrow: {repeat: 2}]\n", [0, 0, 1, 1, 2, 2]);
  await keeps("source: [a/0.arrow: {exclude: ['0.']}, a/1_more.arrow]\n", [0, 1, 2]);
  const repeated = await build(
    folder,
    `${all}repeater:\n  md5: [{name: d, path: map.json, type: dict, plus: 1}]\n  arrow_file_keyword: [{repeat: 2, keyword: [more]}]\n`,
  );
  t.same(rowsOf(repeated), [0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7, 7, 7]);
  t.equal(statsText(repeated.stats), `${" ".repeat(49)}d 12\n${" ".repeat(36)}Repeat 2 times 1\n`);
  t.same(repeated.index.dataType, [
    "[MD5] Repeat multiple times: map.json",
    "[Keyword] Repeat 2 times: ['more']",
    "Keep md5 duplicates.",
  ]);
  const none = await build(folder, "source: [a/0.arrow: {repeat: 0}, a/1_more.arrow]\n");
  t.same(rowsOf(none), [5, 6, 7]);
  t.ok(none.differences.has("repeat-zero"));
});

t.test("what the official tools get wrong is refused by name, and done as they do when asked to", async (t) => {
  const folder = shards(t.testdir());
  const refuses = async (yaml: string, difference: string, message: RegExp) => {
    const error: unknown = await build(folder, yaml).then(
      () => undefined,
      (fault: unknown) => fault,
    );
    t.match(error, { code: "HYFW_INDEX_DIFFERENCE", message }, yaml);
    t.match(String(error), new RegExp(`docs/index-differences.md, ${difference}`));
  };
  await refuses(`${all}filters: {}\n`, "unknown-key", /line 2.*"filters".*did you mean "filter"/);
  await refuses(all + filter("{name: widht, type: int, action: ge, target: 1, default: 0}"), "missing-column", /did you mean "width"/);
  await refuses(first + filter("{name: score, type: float, action: ge, target: 2.0, default: 9.0}"), "null-cells", /row 1: .*"score" is null/);
  await refuses(first + filter("{name: text_zh, type: str, action: contains, target: 猫, default: ''}"), "null-cells", /row 1/);
  await refuses(first + filter("{name: kind, type: str, action: in, target: 'web,book', default: ''}"), "piece-of-target", /row 2.*"eb"/);
  await refuses(first + filter("{name: kind, type: str, action: contains, target: '(?i)WEB', default: ''}"), "python-pattern", /flags/);
  await refuses("source: [a/0.arrow: {exclude: '1'}]\n", "exclude-string", /must be a list/);
  await refuses('source: ["a/*.arrow", a/0.arrow]\n', "file-twice", /a\/0.arrow is named by two/);
  await refuses(`${all}filter: {md5: [{name: m, path: list.txt, type: list, action: in}]}\n`, "is-valid-missing", /lacks is_valid/);
  await refuses(`${all}filter: {md5: [{name: m, path: x.pkl, type: list, action: in, is_valid: true}]}\n`, "pickle", /x.pkl/);
  await refuses(`${all}filter: {md5: [{name: 12, path: x.txt, type: list, action: in, is_valid: true}]}\n`, "yaml-doubt", /quotes/);
  const asOfficial = async (yaml: string, rows: number[]) => t.same(rowsOf(await build(folder, yaml, true)), rows, yaml);
  await asOfficial(`${all}filters: {}\n`, [0, 1, 2, 3, 4, 5, 6, 7]);
  await asOfficial(all + filter("{name: score, type: float, action: ne, target: 3.0, default: 3.0}"), [0, 1, 3, 4, 5, 6, 7]);
  await asOfficial(first + filter("{name: kind, type: str, action: in, target: 'web,book', default: ''}"), [0, 1, 2, 3, 4]);
  await asOfficial('source: ["a/*.arrow", a/0.arrow]\n', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
});

t.test("wrong settings are refused with line, key and what there is", async (t) => {
  const folder = shards(t.testdir());
  const refuses = (yaml: string, message: RegExp, code = "HYFW_INDEX_SETTING") =>
    t.rejects(build(folder, yaml), { code, message }, yaml);
  await refuses("filter: {}\n", /source is missing/);
  await refuses("source: a.arrow\n", /source must be a list/);
  await refuses("source: []\n", /source is empty/);
  await refuses(`${all}filter: null\n`, /line 2: filter must be a map, found nothing/);
  await refuses(all + filter("{name: width, type: number, action: ge, target: 1, default: 0}"), /type is "number"[\s\S]*int, float, str/);
  await refuses(all + filter("{name: width, type: int, action: ge, target: 1}"), /lacks default/);
  await refuses(all + filter("{name: width, type: int, action: ge, target: 1.5, default: 0}"), /must be a whole number, found 1.5/);
  await refuses(all + filter("{name: width, type: float, action: ge, target: 1, default: 0.0}"), /write 1.0/);
  await refuses(all + filter("{name: kind, type: str, action: in, target: [a], default: ''}"), /one_of/);
  await refuses(all + filter("{name: width, type: str, action: eq, target: a, default: ''}"), /cannot compare/, "HYFW_ARROW_COLUMN");
  await refuses("source: [gone/*.arrow]\n", /no Arrow file fits/, "HYFW_DATASET_EMPTY");
  await refuses(all + filter("{name: width, type: int, action: ge, target: 9999, default: 0}"), /0 passed/, "HYFW_DATASET_EMPTY");
  await refuses(`${all}repeater: {md5: [{name: a, path: list.txt, type: list}]}\n`, /lacks repeat/);
});

t.test("a pattern that tries every way to split a text is stopped, naming row and pattern", async (t) => {
  const folder = t.testdir({ a: {} });
  writeArrow(join(folder, "a", "0.arrow"), {
    text_zh: { type: new Utf8(), batches: [["aaa", `${"a".repeat(60)}!`]] },
    md5: { type: new Utf8(), batches: [[md5(1), md5(2)]] },
  });
  const slow = filter("{name: text_zh, type: str, action: contains, target: '^(a+)+$', default: ''}");
  const started = performance.now();
  await t.rejects(build(folder, all + slow), {
    code: "HYFW_ARROW_COLUMN",
    message: /text_zh" keeps the pattern "\^\(a\+\)\+\$" busy for seconds at row 1/,
  });
  t.ok(performance.now() - started < 30_000);
  const plain = filter("{name: text_zh, type: str, action: contains, target: '^a+$', default: ''}");
  t.same(rowsOf(await build(folder, all + plain)), [0]);
});
