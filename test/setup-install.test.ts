import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { runCommand } from "../scripts/setup/command.mjs";
import { installDebianTorch } from "../scripts/setup/debian-torch.mjs";
import { attempts, installTorch, pinnedTorch } from "../scripts/setup/install-torch.mjs";
import { writeFakeProgram, writeFakeTorch } from "./fake-torch.js";

const systemPath = "/usr/bin:/bin";

/** PATH with a python3 of this body first; "$@" are its arguments, $TARGET the folder after --target. */
function withPython(folder: string, body: string): NodeJS.ProcessEnv {
  const target = 'while [ $# -gt 0 ]; do [ "$1" = --target ] && TARGET="$2"; shift; done';
  const bin = writeFakeProgram(
    join(folder, "bin"),
    "python3",
    `ALL="$*"; echo "$ALL" >> "${join(folder, "calls")}"\n[ "$3" = --version ] && exit 0\n${target}\n${body}`,
  );
  return { PATH: `${bin}:${systemPath}` };
}

t.test(
  "the second index is asked when the first fails, and a copy appears only when it is whole",
  async (t) => {
    const folder = t.testdir();
    const wheel = writeFakeTorch(join(folder, "wheel"), "2.13.0+cpu");
    const env = withPython(
      folder,
      `case "$ALL" in *--index-url*) mkdir -p "$TARGET" && cp -r "${wheel}" "$TARGET/torch";; *) echo "ERROR: No matching distribution"; exit 1;; esac`,
    );
    const said: string[] = [];
    const target = join(folder, "own copy", "torch");
    t.same(await installTorch(target, { cuda: false, env, say: (text) => said.push(text) }), {
      installed: true,
    });
    t.ok(existsSync(join(target, "torch", "lib", "libtorch_cpu.so")));
    t.notOk(existsSync(`${target}.partial`));
    t.equal(said.length, 2, "each attempt is announced");
    t.match(readFileSync(join(folder, "calls"), "utf8"), /--timeout=10 --retries=1/);
  },
);

t.test("an index that never answers costs the limit, not more, and leaves nothing behind", async (t) => {
  const folder = t.testdir();
  const env = withPython(folder, `mkdir -p "$TARGET"; sleep 60`);
  const start = Date.now();
  const result = await installTorch(join(folder, "torch"), { cuda: false, env, limitMs: 300 });
  t.ok(Date.now() - start < 10_000, "both attempts were ended");
  t.match(result, { installed: false, problem: /not done after/ });
  t.notOk(existsSync(join(folder, "torch")) || existsSync(join(folder, "torch.partial")));
});

t.test("what pip says is handed on when it fails", async (t) => {
  const folder = t.testdir();
  const env = withPython(
    folder,
    'echo "WARNING: something"; echo "ERROR: No matching distribution found for torch"; exit 1',
  );
  const result = await installTorch(join(folder, "torch"), { cuda: false, env });
  t.match(result.problem, /as pip is configured: No matching distribution found for torch; from https:/);
});

t.test("an index that cannot be reached is told from one without the package", async (t) => {
  const folder = t.testdir();
  const env = withPython(
    folder,
    'echo "WARNING: [Errno 111] Connection refused"; echo "ERROR: No matching distribution"; exit 1',
  );
  const result = await installTorch(join(folder, "torch"), { cuda: false, env });
  t.match(result.problem, /cannot be reached \(connection refused\)/);
});

t.test("the index can be replaced and the CUDA build comes with what it needs", async (t) => {
  t.match(attempts(false, { HYFW_TORCH_INDEX: "https://example.org/simple" })[0]?.args, [
    "--no-deps",
    "--index-url",
    "https://example.org/simple",
  ]);
  t.same(attempts(true, {})[0]?.args, [`torch==${pinnedTorch}`]);
});

t.test("a command that runs too long is ended together with what it started", async (t) => {
  const start = Date.now();
  // The inner sleep holds the output open: the result comes only when that one is gone too.
  const { timedOut, code } = await runCommand("sh", ["-c", "sleep 60 & wait"], { limitMs: 200 });
  t.same({ timedOut, code }, { timedOut: true, code: null });
  t.ok(Date.now() - start < 30_000);
});

t.test("a program that is not there gives its name instead of throwing", async (t) => {
  t.match(await runCommand("hyfw-no-such-program", []), { code: null, output: /hyfw-no-such-program/ });
});

t.test("libtorch-dev is installed by root only", async (t) => {
  const folder = t.testdir();
  const bin = writeFakeProgram(join(folder, "bin"), "apt-get", `echo "$@" >> "${join(folder, "calls")}"`);
  const env = { PATH: `${bin}:${systemPath}` };
  t.match(await installDebianTorch({ env, isRoot: false }), { installed: false, problem: /only root/ });
  t.notOk(existsSync(join(folder, "calls")));
  t.same(await installDebianTorch({ env, isRoot: true }), { installed: true });
  t.match(readFileSync(join(folder, "calls"), "utf8"), /install -y --no-install-recommends libtorch-dev/);
  t.match(await installDebianTorch({ env: { PATH: "" }, isRoot: true }), { problem: /apt-get is not/ });
});
