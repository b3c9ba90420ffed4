import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import { Binary, Int64, Utf8 } from "apache-arrow";
import sharp from "sharp";
import t from "tap";
import { writeArrow } from "../arrow/arrow-table.fixture.js";
import { indexCommands } from "../commands.js";
import { readIndex, writeIndex } from "./index-file.js";

/** Runs a command of this package; gives its exit code and what it printed. */
async function run(...words: string[]): Promise<{ code: number; out: string; notes: string }> {
  const texts = { out: "", notes: "" };
  const stream = (key: keyof typeof texts) =>
    new Writable({
      write: (chunk, _encoding, done) => {
        texts[key] += String(chunk);
        done();
      },
    });
  const command = indexCommands.find(({ name }) => name === words.slice(0, 2).join(" "));
  if (command === undefined) throw new Error(`no command ${words.join(" ")}`);
  const code = await command.run(words.slice(2), { stdout: stream("out"), stderr: stream("notes") });
  return { code, ...texts };
}

const sizes = [
  [512, 512],
  [300, 700],
  [700, 300],
  [90, 600],
];

function shard(path: string, first: number): void {
  writeArrow(path, {
    md5: { type: new Utf8(), batches: [sizes.map((_, i) => `${first + i}`.padStart(32, "b"))] },
    height: { type: new Int64(), batches: [sizes.map(([height]) => BigInt(height))] },
    width: { type: new Int64(), batches: [sizes.map(([, width]) => BigInt(width))] },
  });
}

t.test("base, multireso, show and check work on each other's files", async (t) => {
  const folder = t.testdir();
  shard(join(folder, "0.arrow"), 0);
  shard(join(folder, "1.arrow"), 2);
  const yaml = join(folder, "base.yaml");
  writeFileSync(
    yaml,
    `source: ["${folder}/*.arrow", "${folder}/none*.arrow"]\nfilter:\n  column:\n    - {name: width, type: int, action: ge, target: 0300, default: 0}\n`,
  );
  const base = join(folder, "base.json");
  const built = await run("index", "base", "-c", yaml, "-t", base);
  t.equal(built.code, 0);
  t.match(built.out, /8 rows of 2 Arrow file\(s\)/);
  t.match(built.notes, /0300 is octal in YAML 1.1, 192/);
  t.match(built.notes, /no Arrow file fits/);
  t.equal(readFileSync(join(folder, "base_stats.txt"), "utf8"), `${"width".padStart(50)} 0\n`);
  t.equal((await readIndex(base)).configFile, yaml);

  const settings = join(folder, "multireso.yaml");
  writeFileSync(settings, `src: ${base}\nbase_size: 512\ntarget_ratios: ["1:1", "9:16", "16:9"]\n`);
  const buckets = join(folder, "buckets.json");
  const multireso = await run(
    "index",
    "multireso",
    settings,
    "--base-size",
    "256",
    "--min-size",
    "100",
    "--out",
    buckets,
  );
  t.match(multireso.notes, /baseSize is 512 as the YAML says, not 256/);
  t.match(multireso.out, /6 rows in 3 bucket\(s\)[\s\S]*2 row\(s\) left out/);
  t.same(
    [...(await readIndex(buckets)).rows].map(([key, rows]) => [key, Array.from(rows)]),
    [
      ["288x512", [1, 5]],
      ["512x512", [0, 4]],
      ["512x288", [2, 6]],
    ],
  );
  const shown = await run("index", "show", buckets, "--arrow-files");
  t.match(shown.out, /multi-resolution index, 3 bucket/);
  t.match(shown.out, /288x512 +0\.5625 +2 +33\.3 %/);
  t.match(shown.out, /3 of +4 .*1\.arrow/);
  const checked = await run("index", "check", base, buckets);
  t.equal(checked.code, 0);
  t.match(checked.out, /2 row\(s\) hold a picture that an earlier row holds/);
});

t.test("check names every fault of an index and its shards", async (t) => {
  const folder = t.testdir();
  const path = join(folder, "buckets.json");
  const arrow = join(folder, "0.arrow");
  shard(arrow, 0);
  const index = { dataType: [], configFile: "", arrowFiles: [arrow], cumLength: [4] };
  const bucketed = new Map([
    ["288x512", [1, 2]],
    ["512x512", [0, 2]],
  ]);
  await writeIndex(path, { ...index, rows: bucketed });
  const wrong = await run("index", "check", path);
  t.equal(wrong.code, 1);
  t.match(wrong.out, /1 row\(s\) lie in more than one bucket/);
  await writeIndex(path, {
    ...index,
    rows: new Map([
      ["288x512", [1, 2]],
      ["512x288", [3]],
    ]),
  });
  const misplaced = await run("index", "check", path);
  t.match(misplaced.out, /row 2: 700x300 lies in bucket 288x512, though 512x288 is nearer/);
  t.match(misplaced.out, /row 3: 90x600 lies in bucket 512x288/);
  await writeIndex(path, { ...index, cumLength: [5], rows: new Map([["", [0, 4]]]) });
  t.match((await run("index", "check", path)).out, /records 5 rows, the file has 4/);
  await writeIndex(path, { ...index, arrowFiles: [join(folder, "gone.arrow")], rows: new Map([["", [0]]]) });
  t.match((await run("index", "check", path)).out, /gone\.arrow: the file cannot be opened/);
  writeFileSync(path, readFileSync(path, "utf8").replace(/"group_length": \[\s*1/, '"group_length": [2'));
  t.match((await run("index", "check", path)).out, /group_length adds up to 2/);
});

t.test(
  "sizes come from a JSON file where none are recorded; a pickle is refused with what to do",
  async (t) => {
    const folder = t.testdir();
    const arrow = join(folder, "0.arrow");
    const key = "c".repeat(32);
    writeArrow(arrow, { md5: { type: new Utf8(), batches: [[key]] } });
    const base = join(folder, "base.json");
    await writeIndex(base, {
      dataType: [],
      configFile: "",
      arrowFiles: [arrow],
      cumLength: [1],
      rows: new Map([["", [0]]]),
    });
    const json = join(folder, "sizes.json");
    writeFileSync(json, JSON.stringify({ [key]: [100, 300] }));
    const args = [
      "index",
      "multireso",
      "--src",
      base,
      "--base-size",
      "256",
      "--reso-step",
      "64",
      "--out",
      join(folder, "m.json"),
    ];
    t.match((await run(...args, "--md5-file", json)).out, /128x384 +1/);
    await t.rejects(run(...args, "--md5-file", "sizes.pkl"), {
      code: "HYFW_INDEX_DIFFERENCE",
      message: /json\.dumps/,
    });
    await t.rejects(run(...args), {
      code: "HYFW_ARROW_ROW",
      message: /neither a recorded size nor a picture/,
    });
    writeFileSync(json, JSON.stringify({ [key]: [100] }));
    await t.rejects(run(...args, "--md5-file", json), {
      code: "HYFW_INDEX_SETTING",
      message: /\[height, width\]/,
    });
  },
);

t.test("rows inline and in an npz are the same; numbers keep every digit", async (t) => {
  const path = join(t.testdir(), "i.json");
  const rows = [0, 9, 9, 10, 99, 100, 4_999_999, 123_456_789, 2_147_483_648];
  const index = {
    dataType: ["x\n  y"],
    configFile: "国",
    arrowFiles: ["a", "b"],
    cumLength: [100, 2_147_483_649],
    rows: new Map([["", rows]]),
  };
  await writeIndex(path, index);
  const text = readFileSync(path, "utf8");
  t.same(JSON.parse(text).indices, rows);
  t.equal(text, JSON.stringify(JSON.parse(text), null, 4), "indent 4, as the official tool writes it");
  t.same(Array.from((await readIndex(path)).rows.get("") ?? []), rows);
  await writeIndex(path, index, 3);
  t.same(Array.from((await readIndex(path)).rows.get("") ?? []), rows);
  t.equal(JSON.parse(readFileSync(path, "utf8")).indices_file, "i.index.npz");
});

t.test(
  "pictures size rows that record none, turned by EXIF; check --pictures finds sizes that contradict them",
  async (t) => {
    const folder = t.testdir();
    const arrow = join(folder, "0.arrow");
    const flat = sharp({ create: { width: 300, height: 100, channels: 3, background: "#808080" } });
    const turned = await flat.clone().withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const plain = await flat.clone().png().toBuffer();
    const base = join(folder, "base.json");
    const out = join(folder, "m.json");
    const facts = { dataType: [], configFile: "", arrowFiles: [arrow], rows: new Map([["", [0, 1]]]) };
    const args = [
      "index",
      "multireso",
      "--src",
      base,
      "--base-size",
      "256",
      "--reso-step",
      "64",
      "--out",
      out,
    ];
    writeArrow(arrow, { image: { type: new Binary(), batches: [[turned, plain]] } });
    await writeIndex(base, { ...facts, cumLength: [2] });
    const built = await run(...args);
    t.match(built.notes, /index-differences.md, exif-size/);
    t.match(built.out, /128x384 +1\n +384x128 +1/);
    t.match((await run(...args, "--as-official")).out, /128x384 +2/);
    writeArrow(arrow, { image: { type: new Binary(), batches: [[plain, plain.subarray(0, 60)]] } });
    await t.rejects(run(...args), { code: "HYFW_INDEX_DIFFERENCE", message: /row 1[\s\S]*undecodable-size/ });
    t.match((await run(...args, "--as-official")).out, /128x384 +1\n +256x256 +1/);
    const side = (value: bigint) => ({ type: new Int64(), batches: [[value, value]] });
    writeArrow(arrow, {
      height: side(100n),
      width: side(300n),
      image: { type: new Binary(), batches: [[turned, plain]] },
    });
    t.equal((await run("index", "check", base)).code, 0);
    const checked = await run("index", "check", base, "--pictures");
    t.equal(checked.code, 1);
    t.match(checked.out, /row 0: recorded 100x300, its picture: 300x100/);
    t.notMatch(checked.out, /row 1/);
  },
);
