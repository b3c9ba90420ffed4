import { Writable } from "node:stream";
import t from "tap";
import { z } from "zod";
import { defineCommand } from "./command.js";
import { hollowPlugin } from "./hollow-plugin.fixture.js";
import { type MainOptions, main } from "./main.js";

const PLUGIN = hollowPlugin({
  options: `z.strictObject({
    imageSize: z.array(z.number().int()).default([64]).describe("Training size in pixels.").meta({ flag: "--image-size" }),
  })`,
  setup: `onClose("file", () => { globalThis.closedByTest = (globalThis.closedByTest ?? 0) + 1; });`,
});
const FILES = {
  "hyfw.config.yaml": "extends: mine\n",
  presets: { "mine.yaml": "# A preset for tests\ntrain:\n  lr: 0.5\nplugins:\n  ../all.ts:\n" },
  "all.ts": PLUGIN,
};

async function run(argv: string[], cwd: string, options: MainOptions = {}, env: Record<string, string> = {}) {
  let out = "";
  let err = "";
  const sink = (add: (text: string) => void) =>
    new Writable({
      write: (chunk, _encoding, done) => {
        add(String(chunk));
        done();
      },
    });
  const code = await main(argv, options, {
    stdout: sink((text) => {
      out += text;
    }),
    stderr: sink((text) => {
      err += text;
    }),
    cwd,
    env,
    isTerminal: false,
    bold: (text) => text,
  });
  return { code, out, err };
}

t.test("--dry-run prints settings with origins and plugins in order, and stops with 0", async (t) => {
  const cwd = t.testdir(FILES);
  const result = await run(["--dry-run", "--image-size", "32", "48", "--use-ema"], cwd);
  t.match(result, { code: 0, err: "" });
  t.match(result.out, /train\.lr +0\.5 {2}\(presets\/mine\.yaml:3\)/);
  t.match(result.out, /imageSize +\[32,48\] {2}\(--image-size\)/);
  t.match(result.out, /train\.ema\.enabled +true {2}\(--use-ema\)/);
  t.match(result.out, /\.\/all\.ts +1\.0\.0, dataset, sampler, model, optimizer/);
  t.ok(Reflect.get(globalThis, "closedByTest"), "what the plugin opened is closed");
});

t.test("wrong settings, flags and commands exit with 2 and print no stack", async (t) => {
  const cwd = t.testdir(FILES);
  for (const argv of [
    ["--lr", "-1"],
    ["--nonsense"],
    ["trian"],
    ["train", "stray"],
    ["--set", "x"],
    ["--preset", "no"],
  ]) {
    const { code, err } = await run(argv, cwd);
    t.equal(code, 2, argv.join(" "));
    t.match(err, /^HYFW_/);
    t.notMatch(err, /\n +at /);
  }
  t.match((await run(["trian"], cwd)).err, /did you mean train\?/);
  const debug = await run(["trian"], cwd, {}, { HYFW_DEBUG: "1" });
  t.match(debug.err, /\n +at /, "HYFW_DEBUG=1 prints the stack");
});

t.test("all wrong arguments are reported at once", async (t) => {
  const { code, err } = await run(["--batchsize", "2", "--prompt", "cat", "--lr"], t.testdir(FILES));
  t.equal(code, 2);
  t.match(err, /3 arguments are wrong/);
  t.match(err, /did you mean --batch-size\?/);
  t.match(err, /--prompt: inference only/);
  t.match(err, /--lr needs a value: number, above 0/);
});

t.test("config print gives YAML that means the same again", async (t) => {
  const cwd = t.testdir(FILES);
  const plain = await run(["config", "print", "--batch-size", "3"], cwd);
  t.equal(plain.code, 0);
  t.match(plain.out, /^train:\n {2}batchSize: 3$/m);
  const again = t.testdir({ ...FILES, "hyfw.config.yaml": plain.out });
  t.equal((await run(["config", "print"], again)).out, plain.out);
  const origins = await run(["config", "print", "--origin"], t.testdir(FILES));
  t.match(origins.out, /lr: 0\.5 +# presets\/mine\.yaml:3\n/);
  t.match(origins.out, /seed: 1234 +# default of core\n/);
});

t.test("config why tells the whole chain, and helps with slips", async (t) => {
  const cwd = t.testdir(FILES);
  const { out } = await run(["config", "why", "train.lr", "--lr", "0.25"], cwd);
  t.match(
    out,
    /train\.lr = 0\.25\n {2}set by {2}--lr = 0\.25\n {2}over {4}presets\/mine\.yaml:3 = 0\.5\n {2}over {4}default of core = 0\.0001\n/,
  );
  t.match(out, /Learning rate per optimizer step.*Flag: --lr/);
  t.match(await run(["config", "why", "run.name"], cwd), {
    code: 0,
    out: /run\.name is not set, and has no default/,
  });
  t.match(await run(["config", "why", "train.lrr"], cwd), { code: 2, err: /did you mean train\.lr\?/ });
  t.match(await run(["config", "why"], cwd), { code: 2, err: /KEY is missing/ });
  const section = await run(["config", "why", "train.ema"], cwd);
  t.match(section.out, /train\.ema\.enabled = false[\s\S]*train\.ema\.warmup = false/);
});

t.test("presets are listed with their first line, and shown with origins", async (t) => {
  const cwd = t.testdir(FILES);
  t.match(await run(["preset", "list"], cwd), {
    code: 0,
    out: /mine {2}A preset for tests {2}\(presets\/mine\.yaml\)/,
  });
  t.match(await run(["preset", "show", "mine"], cwd), { code: 0, out: /lr: 0\.5 +# presets\/mine\.yaml:3/ });
  t.match(await run(["preset", "show"], cwd), { code: 2, err: /NAME is missing/ });
});

t.test("help lists commands, and flags of core and loaded plugins with settings and defaults", async (t) => {
  const cwd = t.testdir(FILES);
  const { code, out } = await run(["--help"], cwd);
  t.equal(code, 0);
  t.match(out, /Commands:\n {2}train +Trains/);
  t.match(out, /--lr <number, above 0>, train\.lr\n +Learning rate.*Default: 0\.0001\./);
  t.match(
    out,
    /plugin \.\/all\.ts\n +--image-size <list of whole number>.*\n +Training size in pixels\. Default: \[64\]\./,
  );
  const broken = await run(["--help", "--preset", "nowhere"], cwd);
  t.match(broken, { code: 0, out: /Flags of plugins are not shown[\s\S]*HYFW_PRESET_NOT_FOUND/ });
  t.match(await run(["--version"], cwd), { code: 0, out: /^\d+\.\d+\.\d+/ });
});

t.test("commands of other packages get checked options and words", async (t) => {
  const seen: unknown[] = [];
  const pack = defineCommand({
    name: "pack",
    summary: "Packs.",
    usage: "hyfw pack FILE... --out DIR",
    options: z.strictObject({
      out: z.string().describe("Folder.").meta({ flag: "--out" }),
      rows: z.number().int().min(1).default(5).describe("Rows per shard.").meta({ flag: "--rows" }),
    }),
    positionals: [{ name: "FILE", description: "CSV files.", isRequired: true, isMany: true }],
    run: (args) => void seen.push(args),
  });
  const options = { commands: async () => [pack] };
  const cwd = t.testdir({});
  t.equal((await run(["pack", "a.csv", "--out", "o", "b.csv"], cwd, options)).code, 0);
  t.same(seen, [{ options: { out: "o", rows: 5 }, positionals: ["a.csv", "b.csv"] }]);
  t.match(await run(["pack", "--rows", "0", "--out", "o"], cwd, options), {
    code: 2,
    err: /FILE is missing/,
  });
  t.match(await run(["pack", "a", "--rows", "0", "--out", "o"], cwd, options), {
    code: 2,
    err: /rows must be whole number, 1 or more, found 0/,
  });
  t.match(await run(["pack", "a"], cwd, options), { code: 2, err: /out is missing/ });
  t.match(await run(["pack", "--help"], cwd, options), {
    code: 0,
    out: /usage: hyfw pack[\s\S]*--rows <whole number, 1 or more>/,
  });
  t.equal(seen.length, 1);
});

t.test("a command may have a name of two words and an exit code of its own", async (t) => {
  const command = (name: string, code: number) => ({
    name,
    summary: "S.",
    usage: `hyfw ${name}`,
    run: () => code,
  });
  const options = { commands: async () => [command("index", 3), command("index base", 4)] };
  const cwd = t.testdir({});
  t.equal((await run(["index", "base", "x"], cwd, options)).code, 4);
  t.equal((await run(["index", "x"], cwd, options)).code, 3);
  t.match(await run(["index", "base", "--help"], cwd, options), {
    code: 0,
    out: "usage: hyfw index base\n\nS.\n",
  });
  const pair = { commands: async () => [command("index base", 4)] };
  t.match(await run(["index", "bsae"], cwd, pair), {
    code: 2,
    err: /no command "index bsae"; did you mean index base\?/,
  });
});

t.test("a preset that needs CUDA stops at once where there is none", async (t) => {
  const cwd = t.testdir({ presets: { "gpu.yaml": "requires: { cuda: true }" } });
  t.match(await run(["--preset", "gpu"], cwd), { code: 1, err: /CUDA GPU[\s\S]*--preset demo/ });
  t.match(
    await run(["config", "print", "--preset", "gpu"], cwd),
    { code: 0 },
    "its settings can still be read",
  );
});

t.test("an interrupted command ends with 130", async (t) => {
  const wait = defineCommand({
    name: "wait",
    summary: "Waits.",
    usage: "hyfw wait",
    options: z.strictObject({}),
    run: (_args, { signal }) =>
      new Promise((_resolve, reject) => {
        const stayAlive = setInterval(() => undefined, 1000);
        signal.addEventListener("abort", () => {
          clearInterval(stayAlive);
          reject(signal.reason);
        });
        process.kill(process.pid, "SIGINT");
      }),
  });
  const result = await run(["wait"], t.testdir({}), { commands: async () => [wait] });
  t.match(result, { code: 130, err: /stopping at the next safe place/ });
});

t.test("a bug is reported with its stack and exits with 1", async (t) => {
  const bug = defineCommand({
    name: "bug",
    summary: "Fails.",
    usage: "hyfw bug",
    options: z.strictObject({}),
    run: () => {
      throw new TypeError("not expected");
    },
  });
  const result = await run(["bug"], t.testdir({}), { commands: async () => [bug] });
  t.match(result, { code: 1, err: /TypeError: not expected\n +at / });
});
