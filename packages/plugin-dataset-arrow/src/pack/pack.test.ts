import { fork } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import t, { type Test } from "tap";
import { CsvSplitter } from "./csv-split.js";
import { parseShare, slurmShare } from "./machine-share.js";
import { mojibakeIn } from "./mojibake.js";
import { mergePack, type PackRequest, pack } from "./pack.js";
import type { LedgerLine } from "./slice-part.js";

/** Fourteen small pictures; 3 and 9 have the same bytes, 11 is cut short. */
async function pictures(folder: string): Promise<void> {
  mkdirSync(join(folder, "p"), { recursive: true });
  for (let i = 0; i < 14; i++) {
    const seed = i === 9 ? 3 : i;
    const pixels = Buffer.from(Array.from({ length: 24 * 20 * 3 }, (_, k) => (k * (seed + 3) * 7) % 256));
    const bytes = await sharp(pixels, { raw: { width: 24, height: 20, channels: 3 } })
      .jpeg()
      .toBuffer();
    writeFileSync(join(folder, "p", `${i}.jpg`), i === 11 ? bytes.subarray(0, bytes.length - 120) : bytes);
  }
}

const csv = (rows: readonly number[]) =>
  `img_path,text_zh\n${rows.map((i) => `p/${i}.jpg,"第 ${i} 张, 图"`).join("\n")}\n`;
const all = Array.from({ length: 14 }, (_, i) => i);
const settings = { rowsPerShard: 4, duplicates: "content" } as const;

function ledger(out: string): LedgerLine[] {
  return readFileSync(join(out, "ledger.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as LedgerLine);
}

/** Name and content of everything in a finished folder. */
function contents(out: string): Record<string, string> {
  const names = readdirSync(out).sort();
  return Object.fromEntries(
    names.map((name) => [
      name,
      createHash("md5")
        .update(readFileSync(join(out, name)))
        .digest("hex"),
    ]),
  );
}

async function refused(t: Test, text: string | Buffer, code: string, words: RegExp): Promise<void> {
  const folder = t.testdir({ "a.csv": text });
  const run = pack({ source: join(folder, "a.csv"), out: join(folder, "out") });
  await t.rejects(run, { code, message: words });
  t.same(readdirSync(folder), ["a.csv"], "nothing is written");
}

t.test("malformed CSVs are refused with line and column, and nothing is written", async (t) => {
  await refused(t, "img_path,text_zh\na.png,x,y\n", "HYFW_CSV_MALFORMED", /line 2, column 9/);
  await refused(t, 'img_path,text_zh\na.png,"x\n', "HYFW_CSV_MALFORMED", /line 2, column 7/);
  await refused(
    t,
    'img_path,text_zh\na.png,"x\nb.png,"y\n',
    "HYFW_CSV_MALFORMED",
    /line 3[\s\S]*closing quote/,
  );
  await refused(t, "img_path,text_zh\na.png,x\0\n", "HYFW_CSV_MALFORMED", /line 2, column 8: it holds a NUL/);
  await refused(
    t,
    Buffer.from([...Buffer.from("img_path,text_zh\na.png,"), 0xd6, 0xd0, 10]),
    "HYFW_CSV_MALFORMED",
    /line 2, column 7[\s\S]*GBK/,
  );
  await refused(t, "foo,bar\n1,2\n", "HYFW_CSV_HEADER", /no column has picture paths/);
});

t.test("records do not depend on where the bytes are cut into pieces", async (t) => {
  const bytes = Buffer.from('a,"b ""c"" \r\n 一",f\r\n"",x y,"z"\rlast,1,二');
  const plain = (records: ReturnType<CsvSplitter["push"]>) =>
    records.map(({ line, byte, fields }) => ({ line, byte, fields }));
  const whole = new CsvSplitter("x.csv");
  const expected = plain([...whole.push(bytes), ...whole.end()]);
  t.same(expected[0]?.fields, ["a", 'b "c" \r\n 一', "f"]);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const splitter = new CsvSplitter("x.csv");
    const pieces = [
      ...plain(splitter.push(bytes.subarray(0, cut))),
      ...plain(splitter.push(bytes.subarray(cut))),
      ...plain(splitter.end()),
    ];
    t.same(pieces, expected, `cut at ${cut}`);
  }
});

t.test(
  "a CSV without header keeps unquoted commas in captions, and refuses a row that can be read in two ways",
  async (t) => {
    const folder = t.testdir({
      "a.csv":
        "青花瓷, 花瓶,/dataset/p/0.jpg,青花瓷风格\n一只猫,/dataset/p/1.jpg,水墨风格\n" +
        `${all
          .slice(2, 11)
          .map((i) => `图 ${i},/dataset/p/${i}.jpg,水墨风格`)
          .join("\n")}\n图,x.png,b,/dataset/p/2.jpg,水墨风格\n`,
    });
    await pictures(folder);
    const facts: string[] = [];
    const out = join(folder, "out");
    const request = {
      source: join(folder, "a.csv"),
      out,
      cwd: folder,
      settings: { pathPrefix: ["/dataset=."] },
    };
    const report = await pack({ ...request, onFact: (fact) => facts.push(fact) });
    t.match(facts.join(), /no header; columns text_zh, picture path, style/);
    t.same(report.columns, ["text_zh", "md5", "width", "height", "image", "style"]);
    t.same(report.refusedByReason, { "ambiguous row": 1 });
    t.match(ledger(out)[0], { status: "repaired", repairs: ["1 unquoted comma(s) kept in the caption"] });
  },
);

t.test("rules refuse by their reason, in order, and every row is in the ledger once", async (t) => {
  const folder = t.testdir({ "a.csv": csv([...all, 99]) });
  await pictures(folder);
  const out = join(folder, "out");
  const report = await pack({
    source: join(folder, "a.csv"),
    out,
    settings: { ...settings, minCaptionChars: 9 },
  });
  t.same(report.refusedByReason, { "caption too short": 10, "picture damaged": 1, "file missing": 1 });
  t.same(
    ledger(out).map(({ row }) => row),
    all.map((i) => i + 1).concat(15),
  );
  t.match(readFileSync(report.reportFile, "utf8"), /15<\/b> rows/);
});

t.test("any number of shares gives the same bytes as one process", async (t) => {
  const folder = t.testdir({ "a.csv": csv(all) });
  await pictures(folder);
  const source = join(folder, "a.csv");
  const one = join(folder, "one");
  const report = await pack({ source, out: one, settings });
  t.same(report.refusedByReason, { "picture damaged": 1, duplicate: 1 });
  for (const count of [2, 3, 5]) {
    const out = join(folder, `n${count}`);
    for (let index = 0; index < count; index++) {
      if (index === 1) await t.rejects(mergePack(out), { code: "HYFW_PACK_INCOMPLETE" });
      await pack({ source, out, settings, share: { index, count } });
    }
    await mergePack(out);
    t.same(contents(out), contents(one), `${count} shares`);
  }
});

t.test(
  "a pack that is killed at every other step and run again gives the same bytes",
  { timeout: 300_000 },
  async (t) => {
    const folder = t.testdir({ "a.csv": csv(all) });
    await pictures(folder);
    const source = join(folder, "a.csv");
    const whole = join(folder, "whole");
    let steps = 0;
    await pack({ source, out: whole, settings, onStep: () => steps++ });
    const expected = contents(whole);
    for (let kill = 2; kill <= steps; kill += 2) {
      const out = join(folder, "killed");
      rmSync(out, { recursive: true, force: true });
      t.equal(await killedAt({ source, out, settings }, kill), "SIGKILL", `killed at step ${kill}`);
      await pack({ source, out, settings });
      t.same(contents(out), expected, `continued after step ${kill} of ${steps}`);
    }
  },
);

t.test("a half-written shard is packed again, and a changed source or setting is refused", async (t) => {
  const folder = t.testdir({ "a.csv": csv(all) });
  await pictures(folder);
  const source = join(folder, "a.csv");
  const out = join(folder, "out");
  await pack({ source, out: join(folder, "whole"), settings });
  await pack({ source, out, settings, share: { index: 0, count: 2 } });
  truncateSync(join(out, "00000.arrow"), 500);
  writeFileSync(join(out, "ledger.jsonl.999.partial"), "half a line");
  await t.rejects(pack({ source, out, settings: { ...settings, minSide: 3 } }), {
    code: "HYFW_PACK_CHANGED",
    message: /minSide was 0 and is now 3/,
  });
  await pack({ source, out, settings });
  t.same(contents(out), contents(join(folder, "whole")));
  writeFileSync(join(out, "report.html.999.partial"), "half a page");
  t.equal((await pack({ source, out, settings })).wasFinished, true);
  t.same(contents(out), contents(join(folder, "whole")), "what a killed process left is removed");
  writeFileSync(source, csv(all.slice(1)));
  await t.rejects(pack({ source, out, settings }), {
    code: "HYFW_PACK_TARGET_IN_USE",
    message: /the source has changed/,
  });
});

t.test("shares come from --shard or from SLURM, and mojibake is told from text", async (t) => {
  t.same(parseShare("2/4"), { index: 1, count: 4 });
  t.throws(() => parseShare("0/4"), { code: "HYFW_PACK_SETTINGS" });
  const slurm = { SLURM_ARRAY_TASK_ID: "5", SLURM_ARRAY_TASK_COUNT: "3", SLURM_ARRAY_TASK_MIN: "3" };
  t.same(slurmShare(slurm), { index: 2, count: 3 });
  t.equal(slurmShare({}), undefined);
  for (const text of ["cafÃ©", "锟斤拷", "a\ufffd"]) t.ok(mojibakeIn(text), text);
  for (const text of ["café", "一只猫在联通营业厅", "“quoted” — é"]) t.notOk(mojibakeIn(text), text);
});

/** Runs a pack in a process of its own that kills itself at a step. @returns the signal */
function killedAt(request: PackRequest, step: number): Promise<string | null> {
  const child = fork(new URL("./kill-pack.fixture.ts", import.meta.url), [
    JSON.stringify(request),
    String(step),
  ]);
  return new Promise((resolve) => child.on("exit", (_code, signal) => resolve(signal)));
}
