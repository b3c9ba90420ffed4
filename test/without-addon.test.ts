import { execFileSync } from "node:child_process";
import { join } from "node:path";
import t from "tap";
import { trainingEnv } from "../scripts/setup/addon.mjs";
import { root } from "../scripts/setup/paths.mjs";

/** Runs hyfw where no addon is built. @returns what it printed */
function hyfw(...args: string[]): string {
  const env = { ...trainingEnv(root), HYFW_NATIVE_JSON: join(root, "no-such-folder", "native.json") };
  return execFileSync(process.execPath, [join(root, "bin", "hyfw.js"), ...args], {
    env,
    encoding: "utf8",
    stdio: "pipe",
  });
}

t.test("settings, help, indexes and packing need no addon", async (t) => {
  t.match(hyfw("--help"), /Trains a model/);
  t.match(hyfw("--preset", "a800-zero1", "--help"), /--use-zero-stage/);
  t.match(hyfw("config", "print", "--preset", "hunyuan-dit-1.2"), /lr/);
  t.match(hyfw("index", "base", "--help"), /--arrow/);
  t.match(hyfw("pack", "--help"), /--out/);
});

t.test("what computes says which command builds the addon", async (t) => {
  t.throws(() => hyfw("--preset", "smoke", "--dry-run"), {
    message: /the native addon is not built[\s\S]*npm run setup/,
  });
  t.throws(() => hyfw("inspect", "x"), { message: /HYFW_NATIVE_ADDON[\s\S]*npm run setup/ });
});
