import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkSettings, loadSettings } from "@hyfw/core";
import { noProcessGroups } from "@hyfw/native";
import t from "tap";
import { root } from "../scripts/setup/paths.mjs";
import { emojiData, hyfw } from "./emoji-data.js";

const FOLDER = join(root, "presets");
const names = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".yaml"))
  .map((file) => file.slice(0, -".yaml".length))
  .sort();
/** Those that a run starts from; the others are for others to extend, or go on top. */
const PARTS = new Set(["base", "captions-legacy", "lora", "tiny", "hunyuan-dit-1.1", "hunyuan-dit-1.2"]);
const whole = names.filter((name) => !PARTS.has(name));

/** Plugins that presets name and this clone does not have. */
const ABSENT = ["latents-vae", "text-bert-mt5", "accelerator-zero"].filter(
  (name) => !existsSync(join(root, "packages", `plugin-${name}`, "dist", "index.js")),
);

const dropped = (plugins: readonly string[]): string[] =>
  plugins.flatMap((name) => ["--set", `plugins.${name}=$delete`]);

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
  const data = emojiData(cwd);
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
