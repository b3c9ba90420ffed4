import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { hollowPlugin } from "../packages/core/src/cli/hollow-plugin.fixture.js";

const BIN = fileURLToPath(new URL("../bin/hyfw.js", import.meta.url));

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs bin/hyfw.js as a person would; `onOut` sees the output as it comes and may send signals. */
function hyfw(
  args: string[],
  cwd: string,
  onOut?: (out: string, kill: () => void) => void,
): Promise<Outcome> {
  const child = spawn(process.execPath, [BIN, ...args], { cwd });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    onOut?.(out, () => child.kill("SIGINT"));
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, out, err })));
}

const PLUGIN = hollowPlugin({
  options: 'z.strictObject({ hang: z.boolean().default(false).describe("Waits for an interruption.") })',
  setup: `
    onClose("file", () => console.log("closed"));
    if (!options.hang) return;
    console.log("waiting");
    await new Promise((resolve) => {
      const stayAlive = setInterval(() => undefined, 1000);
      process.once("SIGINT", () => resolve(clearInterval(stayAlive)));
    });`,
});

t.test("exit codes tell done, usage and interruption apart", async (t) => {
  const cwd = t.testdir({ "all.ts": PLUGIN, presets: { "p.yaml": "plugins: { ../all.ts: }" } });
  const version = await hyfw(["--version"], cwd);
  t.match(version, { code: 0, out: /^\d+\.\d+\.\d+\n$/, err: "" });
  const done = await hyfw(["--preset", "p", "--dry-run"], cwd);
  t.match(done, { code: 0, out: /Plugins, in set-up order[\s\S]*closed\n$/, err: "" });
  const usage = await hyfw(["--preset", "p", "--lr", "fast"], cwd);
  t.match(usage, { code: 2, out: "", err: /train\.lr must be number, above 0, found "fast"/ });
  const hang = 'plugins."./all.ts".hang=true';
  const interrupted = await hyfw(["--preset", "p", "--set", hang, "--dry-run"], cwd, (out, kill) => {
    if (out.endsWith("waiting\n")) kill();
  });
  t.match(interrupted, { code: 130, out: /^waiting\nclosed\n$/, err: /stopping at the next safe place/ });
});

t.test("a config file of TypeScript works in a subfolder of its project", async (t) => {
  const cwd = t.testdir({
    "package.json": "{}",
    "hyfw.config.ts":
      'import type { UserPreset } from "@hyfw/core";\nexport default { train: { lr: 0.125 } } satisfies UserPreset;\n',
    sub: {},
  });
  const why = await hyfw(["config", "why", "train.lr"], join(cwd, "sub"));
  t.match(why, { code: 0, out: /train\.lr = 0\.125\n {2}set by .*hyfw\.config\.ts/ });
});

t.test("presets that come with hyfw are listed and shown anywhere", async (t) => {
  const cwd = t.testdir({});
  const list = await hyfw(["preset", "list"], cwd);
  t.equal(list.code, 0);
  for (const name of ["base", "demo", "a800-zero1", "hunyuan-dit-1.1", "hunyuan-dit-1.2"])
    t.match(list.out, new RegExp(`^${name.replaceAll(".", "\\.")} `, "m"));
});

t.test("the full-size preset stops at once without CUDA and offers the demo", async (t) => {
  const started = performance.now();
  const result = await hyfw(["--preset", "a800-zero1"], t.testdir({}));
  t.match(result, { code: 1, out: "", err: /CUDA GPU[\s\S]*a800-zero1\.yaml:\d+[\s\S]*--preset demo/ });
  t.notMatch(result.err, /\n +at /, "no stack");
  t.comment(`stopped after ${Math.round(performance.now() - started)} ms`);
});
