import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { Binary, Int32, Utf8 } from "apache-arrow";
import sharp from "sharp";
import t from "tap";
import { writeArrow } from "./arrow/arrow-table.fixture.js";
import { buildMultireso } from "./index-build/build-multireso.js";
import { readIndex, writeIndex } from "./index-build/index-file.js";
import { openDataset } from "./open-dataset.js";
import { DatasetOptions, phaseOptions } from "./options.js";
import { pack } from "./pack/pack.js";

async function picture(width: number, height: number, colour: string): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: colour } })
    .png()
    .toBuffer();
}

/** Five rows: a square, a wide and a tall picture, the square again, one turned by EXIF; and three that cannot be packed. */
async function packed(folder: string) {
  mkdirSync(join(folder, "pictures"), { recursive: true });
  const put = (name: string, bytes: Uint8Array) => writeFileSync(join(folder, "pictures", name), bytes);
  const square = await picture(40, 40, "#ff0000");
  put("square.png", square);
  put("wide.png", await picture(80, 40, "#00ff00"));
  put("tall.png", await picture(40, 80, "#0000ff"));
  put(
    "turned.jpg",
    await sharp(await picture(80, 40, "#808080"))
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer(),
  );
  put(
    "cut.png",
    (
      await sharp({
        create: {
          width: 64,
          height: 64,
          channels: 3,
          noise: { type: "gaussian", mean: 128, sigma: 50 },
          background: "#000",
        },
      })
        .png()
        .toBuffer()
    ).subarray(0, 3000),
  );
  put("drawing.svg", Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'));
  const csv = join(folder, "train.csv");
  const rows = [
    ["square.png", "红", "", '{"year": ["2015"]}'],
    ["wide.png", "绿", "NA", ""],
    ["cut.png", "坏", "", ""],
    ["tall.png", "", "blue", ""],
    ["square.png", "红", "again", ""],
    ["gone.png", "无", "", ""],
    ["turned.jpg", "灰", "", ""],
    ["drawing.svg", "画", "", ""],
  ];
  const quote = (cell: string | undefined) => `"${(cell ?? "").replaceAll('"', '""')}"`;
  const lines = rows.map(([name, ...cells]) => [`pictures/${name}`, ...cells].map(quote).join(","));
  writeFileSync(csv, `img_path,text_zh,text_en,tags\n${lines.join("\n")}\n`);
  const out = join(folder, "arrow");
  return { out, report: await pack({ source: csv, out, settings: { rowsPerShard: 3 }, replace: true }) };
}

const optionsOf = (options: object) => DatasetOptions.parse({ imageSize: [32], align: 4, ...options });

t.test(
  "packing keeps good rows, lists the others with their reason, and leaves no partial file",
  async (t) => {
    const { out, report } = await packed(t.testdir());
    t.equal(report.rows, 8);
    t.same([report.kept, report.repaired], [4, 1], "one is turned by its EXIF orientation");
    t.same(report.refusedByReason, { "picture damaged": 1, "file missing": 1, "vector picture": 1 });
    const listed = readFileSync(join(out, "refused.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    t.match(listed, [{ row: 3, line: 4, image: "pictures/cut.png" }, { row: 6 }, { row: 8 }]);
    t.same(
      report.shards.map((shard) => relative(out, shard)),
      ["00000.arrow", "00001.arrow", "00002.arrow"],
    );
  },
);

t.test("a folder with shards is not packed into unless they may be replaced", async (t) => {
  const folder = t.testdir();
  const { out } = await packed(folder);
  await t.rejects(pack({ source: join(folder, "train.csv"), out }), { code: "HYFW_PACK_TARGET_IN_USE" });
});

t.test("rows come back with texts, tags, sizes and identities", async (t) => {
  const { out } = await packed(t.testdir());
  const dataset = await openDataset(
    { name: "main", options: {} },
    optionsOf({ arrowFiles: [join(out, "*.arrow")] }),
  );
  t.teardown(() => dataset.close());
  t.equal(dataset.length, 5);
  const rows = await Promise.all([0, 1, 2, 3, 4].map((position) => dataset.row(position)));
  t.same(
    rows.map((row) => row.texts),
    [
      { text_zh: "红" },
      { text_zh: "绿", text_en: "NA" },
      { text_en: "blue" },
      { text_zh: "红", text_en: "again" },
      { text_zh: "灰" },
    ],
  );
  t.same(rows[0]?.tags, { year: ["2015"] });
  t.same(rows[4]?.size, { height: 80, width: 40 }, "EXIF orientation is followed");
  t.match(rows[0]?.id, /^[0-9a-f]{32}-0$/);
  t.equal(rows[3]?.id, rows[0]?.id.replace(/-0$/, "-1"), "the second of two equal pictures");
  t.equal(rows[2]?.rowInFile, 0);
});

t.test("pixels are decoded, resized and cut into the place given; a wrong size never passes", async (t) => {
  const { out } = await packed(t.testdir());
  const dataset = await openDataset(
    { name: "main", options: {} },
    optionsOf({ arrowFiles: [join(out, "*.arrow")], multireso: true, resoStep: 8 }),
  );
  t.teardown(() => dataset.close());
  for (const { resolution, positions } of dataset.buckets)
    for (const position of positions) {
      const row = await dataset.row(position);
      const pixels = new Uint8Array(resolution.height * resolution.width * 3);
      await dataset.readPixels(row, dataset.geometry(row, resolution), pixels);
      const raw = { width: resolution.width, height: resolution.height, channels: 3 } as const;
      const { channels } = await sharp(pixels, { raw }).stats();
      const data = channels.map(({ mean }) => Math.round(mean));
      const expected = { 红: [255, 0, 0], 绿: [0, 255, 0], 灰: [128, 128, 128] }[row.texts.text_zh ?? ""] ?? [
        0, 0, 255,
      ];
      t.same(data, expected, `${resolution.height}x${resolution.width}`);
    }
  const row = await dataset.row(0);
  const wrong = { ...row, size: { height: 7, width: 7 } };
  const geometry = dataset.geometry(wrong, { height: 32, width: 32 });
  await t.rejects(dataset.readPixels(wrong, geometry, new Uint8Array(32 * 32 * 3)), {
    code: "HYFW_ARROW_ROW",
    message: /recorded size is 7 x 7/,
  });
});

t.test("an index built in memory, written and read gives the same rows and fingerprint", async (t) => {
  const folder = t.testdir();
  const { out, report } = await packed(folder);
  const base = join(folder, "base.json");
  const rows = Uint32Array.of(0, 1, 2, 3, 4);
  const cumLength = [2, 4, 5];
  await writeIndex(base, {
    dataType: [],
    configFile: "",
    arrowFiles: report.shards,
    cumLength,
    rows: new Map([["", rows]]),
  });
  const bucketed = await buildMultireso({
    src: [base],
    baseSize: 32,
    resoStep: 8,
    targetRatios: null,
    align: 4,
    minSize: 0,
  });
  const written = join(folder, "buckets.json");
  await writeIndex(written, bucketed.index);
  t.same([...(await readIndex(written)).rows.keys()], [...bucketed.index.rows.keys()]);
  const memory = await openDataset(
    { name: "a", options: {} },
    optionsOf({ arrowFiles: [join(out, "*.arrow")], multireso: true, resoStep: 8 }),
  );
  const disk = await openDataset(
    { name: "b", options: {} },
    optionsOf({ indexFile: [written], multireso: true }),
  );
  t.teardown(() => Promise.all([memory.close(), disk.close()]));
  t.equal(disk.fingerprint, memory.fingerprint);
  t.same(disk.buckets, memory.buckets);
  t.equal(
    memory.buckets.reduce((sum, { positions }) => sum + positions.length, 0),
    5,
  );
});

t.test("an index that does not fit its shards is refused by name", async (t) => {
  const folder = t.testdir();
  const { report } = await packed(folder);
  const file = join(folder, "base.json");
  const index = {
    dataType: [],
    configFile: "",
    arrowFiles: report.shards,
    cumLength: [3, 4, 5],
    rows: new Map([["", [0, 1]]]),
  };
  await writeIndex(file, index);
  await t.rejects(openDataset({ name: "a", options: {} }, optionsOf({ indexFile: [file] })), {
    code: "HYFW_INDEX_FILE",
    message: /records 3 rows .*00000\.arrow, which has 2/,
  });
  writeFileSync(file, readFileSync(file, "utf8").replace('"cum_length": [', '"cum_length": [\n1,'));
  await t.rejects(readIndex(file), { code: "HYFW_INDEX_FILE", message: /cum_length has 4/ });
});

t.test("settings that contradict each other are refused before anything is opened", async (t) => {
  const open = (options: object) => openDataset({ name: "a", options: {} }, optionsOf(options));
  await t.rejects(open({}), { code: "HYFW_DATASET_SETTING", message: /hyfw pack/ });
  await t.rejects(open({ arrowFiles: ["a"], indexFile: ["b"] }), { code: "HYFW_DATASET_SETTING" });
  await t.rejects(open({ arrowFiles: ["/nowhere/*.arrow"] }), {
    code: "HYFW_DATASET_SETTING",
    message: /no file fits/,
  });
});

t.test("a phase lays its options over the plugin's, and an unknown one is named", async (t) => {
  const options = optionsOf({ arrowFiles: ["a.arrow"] });
  t.same(phaseOptions(options, { name: "fine", options: { imageSize: [64] } }), {
    ...options,
    imageSize: [64],
  });
  t.throws(() => phaseOptions(options, { name: "fine", options: { imageSise: [64] } }), {
    code: "HYFW_DATASET_SETTING",
    message: /phase "fine"[\s\S]*imageSise/,
  });
});

t.test("an index told in the settings chooses rows as the same YAML does", async (t) => {
  const { out } = await packed(t.testdir());
  const source = [{ path: join(out, "*.arrow") }];
  const index = {
    source,
    columnFilters: [{ name: "width", type: "int", action: "ge", target: 80, default: 0 }],
  };
  const dataset = await openDataset({ name: "main", options: {} }, optionsOf({ index }));
  t.teardown(() => dataset.close());
  t.equal(dataset.length, 1);
  t.same((await dataset.row(0)).texts.text_zh, "绿");
  t.match(dataset.describe().join("\n"), /5 row\(s\), 1 passed its filters\n {2}width: 4/);
  const open = (more: object) => openDataset({ name: "a", options: {} }, optionsOf({ index, ...more }));
  await t.rejects(open({ arrowFiles: ["a"] }), {
    code: "HYFW_DATASET_SETTING",
    message: /arrowFiles and index/,
  });
  const wrong = { ...index, columnFilters: [{ ...index.columnFilters[0], action: "contains" }] };
  await t.rejects(open({ index: wrong }), {
    code: "HYFW_DATASET_SETTING",
    message: /index.columnFilters.0.action/,
  });
  t.throws(() => optionsOf({ index: { ...index, filters: [] } }), /filters/, "unknown keys are refused");
});

t.test(
  "what opening a large set found out is kept by content, and never trusted when anything changed",
  async (t) => {
    const folder = t.testdir();
    const arrow = join(folder, "large.arrow");
    const cache = join(folder, "cache");
    const rows = 100_000;
    const md5 = (row: number) => (row % 99_999).toString(16).padStart(32, "a");
    const write = (width: number) =>
      writeArrow(arrow, {
        text_zh: { type: new Utf8(), batches: [new Array(rows).fill("猫")] },
        md5: { type: new Utf8(), batches: [Array.from({ length: rows }, (_, row) => md5(row))] },
        width: {
          type: new Int32(),
          batches: [Array.from({ length: rows }, (_, row) => (row % 2 ? width : 64))],
        },
        height: { type: new Int32(), batches: [new Array(rows).fill(64)] },
        image: { type: new Binary(), batches: [new Array(rows).fill(null)] },
      });
    write(128);
    const options = optionsOf({
      arrowFiles: [arrow],
      indexCache: cache,
      multireso: true,
      imageSize: [64],
      resoStep: 32,
    });
    const open = async (settings = options) => {
      const { fingerprint, buckets, length, describe, close, row } = await openDataset(
        { name: "a", options: {} },
        settings,
      ).then((dataset) => ({
        fingerprint: dataset.fingerprint,
        buckets: dataset.buckets.map(({ resolution, positions }) => [
          resolution,
          positions.length,
          positions.at(-1),
        ]),
        length: dataset.length,
        describe: dataset.describe(),
        row: dataset.row(dataset.length - 1),
        close: () => dataset.close(),
      }));
      const { id } = await row;
      await close();
      return { fingerprint, buckets, length, id, notes: describe.join("\n") };
    };
    const uncached = await open({ ...options, indexCache: null });
    const first = await open();
    t.match(first.notes, /kept for the next opening/);
    const [kept] = readdirSync(cache);
    const again = await open();
    const { notes: _, ...facts } = uncached;
    t.match(first, facts);
    t.match(again, facts);
    t.notMatch(again.notes, /kept for the next opening/, "taken from what was kept");
    t.equal(readdirSync(cache).length, 1);
    const file = join(cache, kept ?? "");
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    t.match(await open(), facts, "a damaged file is built again");
    await open({ ...options, minSize: 3 });
    t.equal(readdirSync(cache).length, 2, "other settings are another entry");
    write(32);
    const changed = await open();
    t.equal(readdirSync(cache).length, 3, "a changed shard is another entry");
    t.not(changed.fingerprint, first.fingerprint);
    t.notSame(changed.buckets, first.buckets);
  },
);

t.test("captions are the columns that are named so, not every column of text", async (t) => {
  const folder = t.testdir({});
  const text = (name: string) => ({ type: new Utf8(), batches: [[name, name]] });
  const write = (name: string, columns: readonly string[]) =>
    writeArrow(join(folder, name), {
      ...Object.fromEntries(columns.map((column) => [column, text(column)])),
      md5: { type: new Utf8(), batches: [["a".repeat(32), "b".repeat(32)]] },
      width: { type: new Int32(), batches: [[8, 8]] },
      height: { type: new Int32(), batches: [[8, 8]] },
      image: { type: new Binary(), batches: [[Buffer.from("x"), Buffer.from("y")]] },
    });
  write("named.arrow", ["artist", "text_en", "copyright", "text_zh", "text_zh2", "tags"]);
  write("lone.arrow", ["caption"]);
  write("doubtful.arrow", ["artist", "caption"]);
  const captions = async (name: string, textColumns: string[] | null = null) => {
    const options = optionsOf({ arrowFiles: [join(folder, name)], textColumns });
    const dataset = await openDataset({ name: "main", options: {} }, options);
    try {
      return dataset.describe().find((line) => line.startsWith("captions"));
    } finally {
      await dataset.close();
    }
  };
  t.equal(await captions("named.arrow"), "captions: text_en, text_zh, text_zh2");
  t.equal(await captions("lone.arrow"), "captions: caption");
  await t.rejects(captions("doubtful.arrow"), {
    code: "HYFW_ARROW_COLUMN",
    message: /which of artist, caption hold captions cannot be told[\s\S]*dataset\.textColumns/,
  });
  t.equal(await captions("doubtful.arrow", ["caption"]), "captions: caption");
});

t.test("onBadSample says which errors are of one row, and how many may be replaced", async (t) => {
  const { out } = await packed(t.testdir());
  const open = (options: object) =>
    openDataset({ name: "main", options: {} }, optionsOf({ arrowFiles: [join(out, "*.arrow")], ...options }));
  const [stop, skip] = [await open({}), await open({ onBadSample: "skip", maxBadSamples: 3 })];
  t.teardown(() => Promise.all([stop.close(), skip.close()]));
  t.equal(stop.onBadSample, undefined);
  t.equal(skip.onBadSample?.limit, 3);
  const row = await skip.row(0);
  const resolution = { height: 16, width: 16 };
  const wrong = { ...row, size: { height: 39, width: 40 } };
  const fault = await skip
    .readPixels(wrong, skip.geometry(wrong, resolution), new Uint8Array(16 * 16 * 3))
    .catch((error: unknown) => error);
  t.match(fault, { code: "HYFW_ARROW_ROW", message: /row 0/ });
  t.equal(skip.onBadSample?.isBadRow(fault), true);
  t.equal(skip.onBadSample?.isBadRow(new Error("the disk is gone")), false);
});
