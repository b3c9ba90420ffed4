import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkSettings, loadSettings } from "@hyfw/core";
import { noProcessGroups } from "@hyfw/native";
import t from "tap";
import { trainingEnv } from "../scripts/setup/addon.mjs";
import { root } from "../scripts/setup/paths.mjs";

const HYFW = join(root, "bin", "hyfw.js");
const FOLDER = join(root, "presets");
const names = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".yaml"))
  .map((file) => file.slice(0, -".yaml".length))
  .sort();
/** Those that a run starts from; the others are for others to extend, or go on top. */
const PARTS = new Set(["base", "captions-legacy", "tiny", "hunyuan-dit-1.1", "hunyuan-dit-1.2"]);
const whole = names.filter((name) => !PARTS.has(name));

/** Plugins that presets name and this clone does not have. */
const ABSENT = ["latents-vae", "text-bert-mt5", "accelerator-zero"].filter(
  (name) => !existsSync(join(root, "packages", `plugin-${name}`, "dist", "index.js")),
);

const dropped = (plugins: readonly string[]): string[] =>
  plugins.flatMap((name) => ["--set", `plugins.${name}=$delete`]);

function hyfw(cwd: string, ...args: string[]): string {
  return execFileSync(process.execPath, [HYFW, ...args], { cwd, env: trainingEnv(root), encoding: "utf8" });
}

for (const name of names)
  t.test(`preset ${name} is valid and says what it is for`, async (t) => {
    const [first = ""] = readFileSync(join(FOLDER, `${name}.yaml`), "utf8").split("\n");
    t.match(first, /^# \S.{20,}/, "its first line");
    const sets = ABSENT.map((plugin) => `plugins.${plugin}=$delete`);
    const loaded = await loadSettings({
      cwd: root,
      presets: [name],
      presetFolders: [FOLDER],
      config: false,
      sets,
    });
    checkSettings(loaded, []);
    if (ABSENT.length > 0) t.comment(`without ${ABSENT.join(", ")}, which are not in this clone`);
  });

t.test("every whole preset, in small, trains three steps on the CPU", async (t) => {
  const cwd = t.testdir({});
  hyfw(cwd, "--version");
  execFileSync(
    process.execPath,
    [join(root, "examples", "emoji", "make-data.mjs"), "--out", "data", "--limit", "9"],
    { cwd },
  );
  hyfw(cwd, "pack", "data/train.csv", "--out", "data/shards");
  hyfw(cwd, "index", "base", "--arrow", "data/shards/*.arrow", "--out", "data/base.json");
  const buckets = ["--base-size", "32", "--reso-step", "8", "--align", "4"];
  hyfw(cwd, "index", "multireso", "--src", "data/base.json", ...buckets, "--out", "data/index.json");
  const data = [
    ...["--set", "plugins.dataset-arrow.indexFile=[data/index.json]", "--threads", "1"],
    ...["--set", "plugins.augmenter-name-substitution=$delete"],
  ];
  const absent = dropped(ABSENT.filter((name) => name === "accelerator-zero"));
  for (const name of whole) {
    const small = ["--preset", name, "--preset", "tiny", ...data, ...absent];
    const plan = hyfw(cwd, ...small, "--dry-run");
    t.match(plan, /steps +3\n/, `${name}: the dry run`);
    const out = hyfw(cwd, ...small, "--task-flag", name);
    t.match(out, /step 3\/3 +loss \d/, `${name}: three steps`);
  }
  const skip = noProcessGroups();
  if (skip !== "") t.comment(`not on two processes: ${skip}`);
  const spread = skip === "" ? ["a800-zero1", "a800-zero2", "a800-zero3-offload", "multi-node-zero1"] : [];
  for (const name of spread) {
    const two = ["--preset", name, "--preset", "tiny", ...data, "--nproc", "2", "--batch-size", "1"];
    const out = hyfw(cwd, ...two, "--task-flag", `${name}-on-two`);
    t.match(out, /step 3\/3 +loss \d/, `${name}: three steps on two processes`);
  }
  const used = hyfw(cwd, "--preset", "a800-zero1", "--preset", "tiny", ...data, ...absent, "--dry-run");
  t.match(used, /accelerator gradient-checkpointing +runs norms, activations and sums/);
  t.match(used, /accelerator precision +.*bfloat16/);
  const offloaded = hyfw(
    cwd,
    ...["--preset", "single-24g-full-offload", "--preset", "tiny", ...data, ...absent, "--dry-run"],
  );
  t.match(offloaded, /accelerator cpu-offload +optimizer states .* in host memory, gradients too/);
});
