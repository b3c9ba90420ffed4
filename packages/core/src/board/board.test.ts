import { execFile, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import { request } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import t, { type Test } from "tap";
import { boardCommand } from "../cli/board-command.js";
import { quietIo, trainTiny } from "../run/tiny-run.fixture.js";
import { boardServer } from "./board-server.js";

const run = promisify(execFile);

/** What the server says, as far as the tests look at it. */
interface SeenRun {
  readonly pictures: readonly {
    readonly step: number;
    readonly pictures: readonly { prompt: string; address: string }[];
  }[];
}

async function askFor<Answer>(address: string): Promise<Answer> {
  return (await (await fetch(address)).json()) as Answer;
}

/** Two short runs that differ in their learning rate. */
async function twoRuns(cwd: string): Promise<string[]> {
  const common = [
    "train.batchSize=2",
    "train.maxSteps=6",
    "log.every=2",
    "samples.every=3",
    "samples.prompts=[一只小猫, <b>dog</b>]",
  ];
  const size = "samples.resolution={height: 4, width: 8}";
  await trainTiny(cwd, [...common, size, "run.name=first", "train.lr=0.01"]);
  await trainTiny(cwd, [...common, size, "run.name=second", "train.lr=0.02"]);
  return [join(cwd, "runs/001-first"), join(cwd, "runs/002-second")];
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  return `http://127.0.0.1:${address.port}`;
}

/** A board over two runs, in a folder of the test's own. */
async function openBoard(t: Test): Promise<{ readonly cwd: string; readonly base: string }> {
  const cwd = t.testdir();
  const folders = await twoRuns(cwd);
  const server = boardServer(async () => folders);
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { cwd, base: await listen(server) };
}

t.test("the server gives runs, new lines only, and pictures, and nothing else", async (t) => {
  const { base } = await openBoard(t);
  const runs = await askFor<SeenRun[]>(`${base}/api/runs`);
  const steps = async (path: string) =>
    (await askFor<{ step: number }[]>(base + path)).map(({ step }) => step);
  t.match(runs, [
    { id: 0, folder: "001-first", record: { status: "done", step: 6 } },
    { id: 1, folder: "002-second" },
  ]);
  t.same(
    runs[0]?.pictures.map(({ step }) => step),
    [3, 6],
  );
  const drawn = runs[0]?.pictures[0]?.pictures[0];
  t.equal(drawn?.prompt, "一只小猫");
  t.same(await steps("/api/runs/0/metrics?from=0"), [2, 4, 6]);
  t.same(await steps("/api/runs/1/metrics?from=2"), [6]);
  const picture = await fetch(`${base}/${drawn?.address}`);
  t.equal(picture.headers.get("content-type"), "image/png");
  for (const path of [
    "/api/runs/7/metrics",
    "/runs/0/samples/step-000003/..%2F..%2Frun.json",
    "/runs/0/samples/..%2F..%2F/x.png",
    "/runs/0/checkpoints",
    "/board.ts",
  ])
    t.equal((await fetch(base + path)).status, 404, path);
  t.equal((await fetch(`${base}/`, { method: "POST" })).status, 405);
  t.match((await fetch(`${base}/`)).headers.get("content-security-policy"), /default-src 'self'/);
  const status = await new Promise((done) => {
    request(`${base}/api/runs`, { headers: { host: "elsewhere.example" } }, ({ statusCode }) =>
      done(statusCode),
    ).end();
  });
  t.equal(status, 403, "another site's name for this machine");
});

t.test("a run that is being written or has been cut off mid-line does not break the page", async (t) => {
  const cwd = t.testdir();
  const [first = "", second = ""] = await twoRuns(cwd);
  writeFileSync(join(first, "run.json"), "{");
  writeFileSync(
    join(second, "metrics.jsonl"),
    `${readFileSync(join(second, "metrics.jsonl"), "utf8")}{"step": 8, "lo`,
  );
  const server = boardServer(async () => [first, second]);
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const base = await listen(server);
  t.match(await (await fetch(`${base}/api/runs`)).json(), [{ id: 1 }]);
  t.equal((await askFor<unknown[]>(`${base}/api/runs/1/metrics`)).length, 3);
});

t.test("the command says where the page is, and ends when it is told to", async (t) => {
  const cwd = t.testdir();
  await twoRuns(cwd);
  const stop = new AbortController();
  const { io, written } = quietIo(cwd, stop.signal);
  const ended = boardCommand().run(["--port", "0"], io);
  while (!written.out.includes("\n")) await new Promise((resolve) => setTimeout(resolve, 10));
  const address = /http:\S+/.exec(written.out)?.[0] ?? "";
  t.equal((await askFor<unknown[]>(`${address}api/runs`)).length, 2, "all runs of the results folder");
  stop.abort();
  await ended;
  await t.rejects(fetch(address));
  await t.rejects(async () => boardCommand().run(["nothing"], io), { code: "HYFW_USAGE_RUN" });
});

const chromium = ["chromium", "chromium-browser", "google-chrome"].find(
  (name) => spawnSync(name, ["--version"], { timeout: 20_000 }).status === 0,
);
const skip = chromium === undefined ? "no Chromium on PATH (sudo apt-get install -y chromium)" : false;

t.test("a browser without a network draws every tab", { skip, timeout: 240_000 }, async (t) => {
  const { cwd, base } = await openBoard(t);
  const flags = [
    ...["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1300,1800"],
    ...[
      `--user-data-dir=${join(cwd, "profile")}`,
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ],
    "--virtual-time-budget=3000",
  ];
  const dom = async (tab: string): Promise<string> =>
    (await run(chromium ?? "", [...flags, "--dump-dom", `${base}/#${tab}`], { timeout: 60_000 })).stdout;
  const curves = await dom("curves");
  t.match(curves, /2 run\(s\), 0 running/);
  for (const title of ["loss", "gradient norm", "loss by bucket", "time per step, ms", "memory, MiB"])
    t.match(curves, new RegExp(`<figcaption>${title}</figcaption>`), title);
  t.equal(
    curves.match(/<canvas/g)?.length,
    curves.match(/<figcaption>/g)?.length,
    "a drawing for each chart",
  );
  const pictures = await dom("pictures");
  t.match(pictures, /step 3<\/th><th>step 6<[\s\S]*一只小猫/);
  t.match(pictures, /&lt;b&gt;dog&lt;\/b&gt;/, "a prompt is text, not a part of the page");
  t.equal(pictures.match(/<img /g)?.length, 8);
  const compare = await dom("compare");
  t.match(compare, /train\.lr<\/th><td>0\.01<\/td><td>0\.02</);
  t.notMatch(compare, /train\.batchSize/, "only what differs");
  t.match(await dom("data"), /generated rows[\s\S]*Loss by bucket at step 6/);
  t.match(await dom("plan"), /settings hash[\s\S]*settings and who set them/);
  const shot = join(cwd, "board.png");
  await run(chromium ?? "", [...flags, `--screenshot=${shot}`, `${base}/`], { timeout: 60_000 });
  t.ok(existsSync(shot) && readFileSync(shot).length > 20_000, "a screenshot with something on it");
});
