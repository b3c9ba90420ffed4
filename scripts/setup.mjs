// @ts-check
// Everything between a fresh clone and a program that trains: packages, libtorch, the addon, the compiled TypeScript.
// Uses Node's own modules only, since nothing is installed yet; repeats nothing that is done.
import { join } from "node:path";
import { buildAddon } from "./setup/addon.mjs";
import { runCommand, tail } from "./setup/command.mjs";
import { chooseCuda, findNvcc } from "./setup/cuda.mjs";
import { SetupFailure } from "./setup/failure.mjs";
import { findTorch } from "./setup/find-torch.mjs";
import { withLock } from "./setup/lock.mjs";
import { installPackages } from "./setup/packages.mjs";
import { hyfwFolder, root } from "./setup/paths.mjs";
import { stepPrinter } from "./setup/steps.mjs";
import { versionNote } from "./setup/torch-folder.mjs";

async function setUp() {
  const start = performance.now();
  const { say, step } = stepPrinter(process.stdout);
  process.stdout.write("hyfw set-up\n");
  await step("node", checkNode);
  await step("packages", () => installPackages(root));
  const torch = await step("libtorch", async () => {
    const found = await findTorch(root, { say });
    return {
      text: `${found.version} in ${found.prefix || "the system's folders"}: ${found.why}`,
      value: found,
    };
  });
  const note = versionNote(torch.version);
  if (note !== undefined) say(note);
  const { cuda, why } = chooseCuda(torch.cuda, findNvcc());
  await step("addon", () => buildAddon(root, torch, { cuda, say }));
  say(cuda ? `CUDA kernels are compiled: ${why}` : `no CUDA kernels: ${why}`);
  await step("typescript", compileTypeScript);
  process.stdout.write(`ready after ${((performance.now() - start) / 1000).toFixed(1)} s\n`);
}

function checkNode() {
  const major = Number(process.versions.node.split(".")[0]);
  if (major < 20)
    throw new SetupFailure(
      `Node ${process.versions.node} is too old`,
      "install Node 20 or later, then run this again",
    );
  return { text: `${process.versions.node}, ABI ${process.versions.modules}`, value: undefined };
}

async function compileTypeScript() {
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const { code, output } = await runCommand(process.execPath, [tsc, "-b"], {
    cwd: root,
    limitMs: 10 * 60_000,
  });
  if (code !== 0)
    throw new SetupFailure(
      "the TypeScript does not compile",
      "mend what tsc names above, then run this again",
      tail(output, 30),
    );
  return { text: "compiled into the dist folders", value: undefined };
}

try {
  await withLock(join(hyfwFolder(), "setup.lock"), setUp, {
    say: (text) => process.stdout.write(`${text}\n`),
  });
} catch (error) {
  if (!(error instanceof SetupFailure)) throw error;
  process.stderr.write(`${error.text()}\n`);
  process.exitCode = 1;
}
