// @ts-check
// The main job on an embedded default: pictures with captions, packed, indexed, trained on, drawn. Everything runs
// through hyfw's own commands, printed as they are run. `npm run demo -- --set train.maxSteps=50` passes settings on.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { trainingEnv } from "./setup/addon.mjs";
import { hyfwFolder, root } from "./setup/paths.mjs";

const data = relative(root, join(hyfwFolder(root), "demo"));
const made = join(root, data, "made.json");
const maker = "examples/emoji/make-data.mjs";

/**
 * @param {string} title
 * @param {readonly string[]} args of node
 * @returns {Promise<void>}
 */
async function step(title, args) {
  process.stdout.write(`\n${title}\n  $ ${args.map(shown).join(" ").replace("bin/hyfw.js", "hyfw")}\n`);
  const child = spawn(process.execPath, args, { cwd: root, env: trainingEnv(root), stdio: "inherit" });
  // The child sees Ctrl-C too and ends in order; this waits for it.
  const ignore = () => {};
  process.on("SIGINT", ignore);
  const [code, signal] = await new Promise((done) => child.on("close", (...how) => done(how)));
  process.off("SIGINT", ignore);
  if (code === 0) return;
  process.stderr.write(`demo stopped: "${title}" ended with ${signal ?? code}\n`);
  process.exit(code ?? 1);
}

/** @param {string} word */
const shown = (word) => (/^[\w./:=,*-]+$/.test(word) ? word : `'${word}'`);

/** The newest run folder that the demo wrote. */
function newestRun() {
  const runs = readdirSync(join(root, "runs")).filter((name) => /^\d+-demo$/.test(name));
  return runs.sort((one, other) => Number.parseInt(one, 10) - Number.parseInt(other, 10)).at(-1);
}

const start = performance.now();
const hyfw = "bin/hyfw.js";
const stamp = JSON.stringify({
  maker: readFileSync(join(root, maker), "utf8").length,
  demo: readFileSync(join(root, "scripts/demo.mjs"), "utf8").length,
});
if (existsSync(made) && readFileSync(made, "utf8") === stamp) {
  process.stdout.write(`\nPictures, shards and index are in ${data} from before\n`);
} else {
  await step("Pictures and captions from npm packages, as a CSV", [
    maker,
    ...["--out", data, "--kinds", "smileys,cats,hearts,fruit,flags", "--flags", "48"],
  ]);
  await step("Pack the CSV into Arrow shards", [
    hyfw,
    "pack",
    `${data}/train.csv`,
    "--out",
    `${data}/shards`,
    "--replace",
  ]);
  await step("Index the shards", [
    hyfw,
    "index",
    "base",
    "--arrow",
    `${data}/shards/*.arrow`,
    "--out",
    `${data}/base.json`,
  ]);
  await step("Group the rows into buckets of one resolution each", [
    ...[hyfw, "index", "multireso", "--src", `${data}/base.json`],
    ...["--base-size", "32", "--reso-step", "8", "--align", "4", "--out", `${data}/index.json`],
  ]);
  writeFileSync(made, stamp);
}
await step("Train", [hyfw, "--preset", "demo", ...process.argv.slice(2)]);
const run = newestRun();
const name = run ?? "latest";
process.stdout.write(`
Done in ${((performance.now() - start) / 1000 / 60).toFixed(1)} minutes. Open ${run === undefined ? "report.html of the run" : `runs/${run}/report.html`} in a browser.
Try next:
  npx hyfw --preset demo --resume ${name} --set train.maxSteps=1000     train on from the last checkpoint
  npx hyfw sample --run ${name} --prompt '一个立体的圆脸表情：生气，白色背景。'     draw a prompt
  npx hyfw --preset demo --lr 2e-3 --set samples.every=100     change a setting
`);
