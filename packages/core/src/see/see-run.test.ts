import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { readRows } from "../cli/see-command.js";
import type { Augmenter, Sample } from "../hooks/augmenter.js";
import type { Batch } from "../hooks/model.js";
import { openRun } from "../run/container.js";
import { tinyModel } from "../run/tiny-model.fixture.js";
import { quietIo, type TinyParts, tinySettings, trainTiny } from "../run/tiny-run.fixture.js";
import { editCaption } from "../text/caption.js";
import { changeCaptions } from "../text/change-captions.js";
import { type SeeRequest, seeRun } from "./see-run.js";

const HOSTILE = `<img src=x onerror="document.title='bad'"> & "quoted" 'single' \u001b[2J`;

/** Puts hostile text at the end of every other caption, and drops the second encoder's at random. */
const hostile: Augmenter = {
  name: "hostile",
  purposes: ["hostile/draw", "hostile/drop"],
  captions: "edits",
  chances: [{ setting: "drop", probability: 0.5, what: "<b>it goes</b>", touches: () => true }],
  survey: () => ({
    add: () => undefined,
    facts: () => [{ label: "listed", fact: "2", items: ["<i>one</i>", "two"] }],
  }),
  augment: (sample, dice) => {
    const isHostile = dice.stream("hostile/draw").uniform() < 0.5;
    const isDropped = dice.stream("hostile/drop").uniform() < 0.5;
    const changed = changeCaptions(sample, "sample", (caption) =>
      isHostile
        ? editCaption(caption, [
            { start: caption.text.length - 1, end: caption.text.length, to: HOSTILE, why: '"x"' },
          ])
        : caption,
    );
    return { ...changed, captionT5: { ...changed.captionT5, isDropped } };
  },
};

const SETS = ["train.batchSize=3", "train.maxSteps=4", "run.seed=5"];
const REQUEST: SeeRequest = {
  rows: undefined,
  epoch: 0,
  skip: 0,
  batches: 1,
  out: undefined,
  pictureSize: 320,
  allRows: false,
};

async function see(cwd: string, request: Partial<SeeRequest>, parts: TinyParts = {}): Promise<string> {
  const { io, written } = quietIo(cwd);
  const run = await openRun(await tinySettings(cwd, SETS, { augmenters: [hostile], ...parts }));
  try {
    await seeRun(run, { ...REQUEST, ...request }, io);
  } finally {
    await run.close();
  }
  return written.out;
}

t.test("what it shows is what training gets: the same rows, captions and pictures", async (t) => {
  const trained: Sample[][] = [];
  const recording: typeof tinyModel = (facts) => {
    const model = tinyModel(facts);
    const prepare = (batch: Batch) => {
      trained.push([...batch.samples]);
      return model.prepare(batch);
    };
    return { ...model, prepare };
  };
  await trainTiny(t.testdir({}), SETS, { augmenters: [hostile], model: recording });
  const out = await see(t.testdir({ cwd: {} }), { batches: 4 });
  const shown = [...out.matchAll(/position (\d+) /g)].map(([, position]) => Number(position));
  t.same(
    shown,
    trained.flat().map(({ row }) => row.position),
  );
  const dropped = [...out.matchAll(/^ {4}mT5 .*dropped/gm)].length;
  t.equal(dropped, trained.flat().filter(({ captionT5 }) => captionT5.isDropped).length);
  t.ok(dropped > 0 && dropped < shown.length);
});

t.test("epochs, batches to skip and chosen rows", async (t) => {
  const cwd = t.testdir({});
  const positions = (out: string): string =>
    [...out.matchAll(/position (\d+) /g)].map(([, one]) => one).join();
  const first = positions(await see(cwd, { batches: 3 }));
  t.ok(first.endsWith(positions(await see(cwd, { batches: 1, skip: 2 }))));
  const second = await see(cwd, { epoch: 1 });
  t.match(second, /epoch 1/);
  t.not(positions(second), first.split(",").slice(0, 3).join());
  const chosen = await see(cwd, { rows: [12, 3, 5] });
  t.equal(positions(chosen), "3,5,12");
  t.match(chosen, /4x8[\s\S]*8x4/);
  await t.rejects(see(cwd, { rows: [3, 99] }), {
    code: "HYFW_USAGE_ROW",
    message: /position 99.*20 position/,
  });
  await t.rejects(see(cwd, { epoch: 100 }), { code: "HYFW_USAGE_EPOCH" });
});

t.test("control signs of a caption do not reach the terminal", async (t) => {
  const out = await see(t.testdir({}), { batches: 4 });
  t.match(out, /␛\[2J/);
  t.notMatch(out, /\p{Cc}(?<!\n)/u);
});

t.test("rows are named by numbers and ranges", async (t) => {
  t.same(readRows("3, 10-12,3"), [3, 10, 11, 12]);
  for (const wrong of ["", "a", "3-", "5-3", "-1", "1,,2", "0-20000", "1.5"])
    t.throws(() => readRows(wrong), { code: "HYFW_USAGE_ROWS" }, wrong);
});

const chromium = ["chromium", "chromium-browser", "google-chrome"].find(
  (name) => spawnSync(name, ["--version"], { timeout: 20_000 }).status === 0,
);
const skip = chromium === undefined ? "no Chromium on PATH (sudo apt-get install -y chromium)" : false;

t.test("the page stands alone and shows everything in a browser without a network", { skip }, async (t) => {
  const cwd = t.testdir({});
  await see(cwd, { batches: 4, out: "pages/see.html" });
  const page = readFileSync(join(cwd, "pages/see.html"), "utf8");
  t.notMatch(page, /https?:|<script|<link|url\(/);
  t.notMatch(page, /<img src=x/);
  // A copy that reports what the browser made of the page.
  const probe = `<script>addEventListener("load", () => {
    const count = (css) => document.querySelectorAll(css).length;
    document.body.dataset.seen = JSON.stringify({
      title: document.title, samples: count("article"), pictures: [...document.images].filter((one) => one.naturalWidth > 0).length,
      changed: count("ins"), dropped: count(".dropped"), listed: count("details li"), bold: count("td b"),
      wide: document.documentElement.scrollWidth <= innerWidth,
    });
  });</script>`;
  writeFileSync(join(cwd, "probe.html"), page.replace("</html>", `${probe}</html>`));
  const flags = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--window-size=900,1600",
  ];
  const browse = (...more: string[]) =>
    spawnSync(
      chromium ?? "",
      [...flags, `--user-data-dir=${join(cwd, "profile")}`, "--host-resolver-rules=MAP * ~NOTFOUND", ...more],
      { encoding: "utf8", timeout: 60_000 },
    );
  const { stdout } = browse("--dump-dom", `file://${join(cwd, "probe.html")}`);
  const seen = JSON.parse((/data-seen="([^"]*)"/.exec(stdout)?.[1] ?? "{}").replaceAll("&quot;", '"'));
  t.match(seen, { title: /^What the model gets/, samples: 12, pictures: 12, listed: 2, bold: 0, wide: true });
  t.ok(seen.changed > 0 && seen.dropped > 0, JSON.stringify(seen));
  const shot = join(cwd, "see.png");
  browse(`--screenshot=${shot}`, `file://${join(cwd, "pages/see.html")}`);
  t.ok(existsSync(shot) && readFileSync(shot).length > 10_000, "a screenshot with something on it");
});
