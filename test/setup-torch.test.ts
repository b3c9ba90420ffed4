import { mkdirSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { chooseCuda } from "../scripts/setup/cuda.mjs";
import { type FindOptions, findTorch } from "../scripts/setup/find-torch.mjs";
import { ownTorchFolder, rememberFailure } from "../scripts/setup/install-torch.mjs";
import {
  inspectSystemTorch,
  inspectTorch,
  isSupported,
  versionNote,
} from "../scripts/setup/torch-folder.mjs";
import { writeFakeProgram, writeFakeTorch } from "./fake-torch.js";

t.test("versions 2.4 and later and Debian's 1.13 are taken", async (t) => {
  for (const version of ["2.4.0", "2.13.0+cpu", "2.11.0+cu130", "3.0.0", "1.13.1"])
    t.ok(isSupported(version), version);
  for (const version of ["2.3.1", "1.12.0", "1.14.0", "0.4", "unknown", ""])
    t.notOk(isSupported(version), version);
  t.match(versionNote("1.13.1"), /one process/);
  t.equal(versionNote("2.13.0"), undefined);
});

t.test("a torch package, its parent folder and a libtorch folder are recognised", async (t) => {
  const folder = realpathSync(t.testdir());
  writeFakeTorch(join(folder, "site", "torch"), "2.6.0+cu124", { cuda: true });
  const torch = { prefix: join(folder, "site", "torch"), version: "2.6.0+cu124", cuda: true };
  t.same(inspectTorch(join(folder, "site", "torch")).torch, torch);
  t.same(inspectTorch(join(folder, "site")).torch, torch);
  const libtorch = writeFakeTorch(join(folder, "libtorch"), "2.5.1");
  renameSync(join(libtorch, "version.py"), join(libtorch, "other.py"));
  t.equal(inspectTorch(libtorch).torch?.version, "2.5.1", "from its CMake file");
  writeFileSync(join(libtorch, "build-version"), "2.5.1+cpu\n");
  t.equal(inspectTorch(libtorch).torch?.version, "2.5.1+cpu", "from build-version");
});

t.test("what is no libtorch is refused with the reason", async (t) => {
  const folder = t.testdir({ empty: {} });
  t.match(inspectTorch(join(folder, "absent")).problem, /absent does not exist/);
  t.match(inspectTorch(join(folder, "empty")).problem, /neither a torch package nor a libtorch folder/);
  const old = writeFakeTorch(join(folder, "old"), "2.1.0");
  t.match(inspectTorch(old).problem, /version 2\.1\.0, hyfw needs 2\.4 or later/);
  const bare = writeFakeTorch(join(folder, "bare"), "2.6.0");
  renameSync(join(bare, "include"), join(bare, "moved"));
  t.match(inspectTorch(bare).problem, /no include\/ATen\/ATen\.h/);
});

t.test("Debian's layout is found under its prefix", async (t) => {
  const usr = t.testdir();
  t.match(inspectSystemTorch(usr).problem, /no libtorch-dev under/);
  const lib = join(usr, "lib", process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu");
  mkdirSync(join(lib, "cmake", "Torch"), { recursive: true });
  writeFileSync(join(lib, "libtorch_cpu.so"), "");
  writeFileSync(join(lib, "cmake", "Torch", "TorchConfig.cmake"), "");
  writeFileSync(join(lib, "cmake", "Torch", "TorchConfigVersion.cmake"), 'set(PACKAGE_VERSION "1.13.1")');
  t.same(inspectSystemTorch(usr).torch, { prefix: "", version: "1.13.1", cuda: false });
});

/** A machine with nothing on it: each test adds what it is about. */
function emptyMachine(folder: string): FindOptions & { env: NodeJS.ProcessEnv } {
  return {
    env: { PATH: join(folder, "bin") },
    driver: false,
    python: async () => ({ problem: "the active python3 has no torch" }),
    system: () => ({ problem: "no libtorch-dev" }),
    installSystem: async () => ({ installed: false, problem: "only root can install libtorch-dev" }),
  };
}

t.test("HYFW_TORCH wins, then python3, then the own copy, then the system", async (t) => {
  const root = realpathSync(t.testdir());
  const chosen = writeFakeTorch(join(root, "chosen"), "2.9.0");
  const python = writeFakeTorch(join(root, "python"), "2.8.0");
  writeFakeTorch(ownTorchFolder(root, false), "2.13.0+cpu");
  const machine = emptyMachine(root);
  machine.system = () => ({ torch: { prefix: "", version: "1.13.1", cuda: false } });
  const all = {
    ...machine,
    python: async () => ({ folder: python }),
    env: { ...machine.env, HYFW_TORCH: chosen },
  };
  t.match(await findTorch(root, all), { source: "HYFW_TORCH", prefix: chosen, why: /HYFW_TORCH is/ });
  t.match(await findTorch(root, { ...all, env: machine.env }), { source: "python3", prefix: python });
  t.match(await findTorch(root, machine), {
    source: "own copy",
    version: "2.13.0+cpu",
    why: /python3 has no torch/,
  });
  const bare = join(root, "elsewhere");
  t.match(await findTorch(bare, machine), {
    source: "system",
    prefix: "",
    why: /pip could not install torch: python3 has no pip/,
  });
  for (const HYFW_TORCH of ["system", "/usr"])
    t.match(await findTorch(root, { ...machine, env: { ...machine.env, HYFW_TORCH } }), {
      source: "HYFW_TORCH",
      prefix: "",
    });
});

t.test("a wrong HYFW_TORCH stops and is never passed over", async (t) => {
  const root = t.testdir({ empty: {} });
  writeFakeTorch(ownTorchFolder(root, false), "2.13.0+cpu");
  const machine = emptyMachine(root);
  const HYFW_TORCH = join(root, "empty");
  await t.rejects(findTorch(root, { ...machine, env: { ...machine.env, HYFW_TORCH } }), {
    message: /HYFW_TORCH is ".*empty": .* neither a torch package nor a libtorch folder/,
    todo: /unset it/,
  });
});

t.test(
  "python3's torch is passed over, aloud, when it is too old or cannot be compiled against",
  async (t) => {
    const root = t.testdir();
    writeFakeTorch(ownTorchFolder(root, false), "2.13.0+cpu");
    const machine = emptyMachine(root);
    machine.env.CUDA_HOME = join(root, "no-cuda");
    const old = writeFakeTorch(join(root, "old"), "2.0.1");
    const found = await findTorch(root, { ...machine, python: async () => ({ folder: old }) });
    t.match(found, { source: "own copy", why: /version 2\.0\.1, hyfw needs/ });
  },
);

t.test("a recent pip failure is not repeated while the system's libtorch is there", async (t) => {
  const root = t.testdir();
  const machine = emptyMachine(root);
  machine.system = () => ({ torch: { prefix: "", version: "1.13.1", cuda: false } });
  writeFakeProgram(join(root, "bin"), "python3", `echo called >> "${join(root, "calls")}"; exit 1`);
  rememberFailure(root, "the index did not answer", machine.env);
  const found = await findTorch(root, machine);
  t.match(found, { source: "system", why: /the index did not answer \(asked within the last day/ });
  t.throws(() => realpathSync(join(root, "calls")), "python3 was not started");
  await findTorch(root, { ...machine, env: { ...machine.env, HYFW_TORCH_INDEX: "https://example.org" } });
  t.ok(realpathSync(join(root, "calls")), "another index is asked at once");
});

t.test("with no libtorch at all every place is named and the command is given", async (t) => {
  const root = t.testdir();
  await t.rejects(findTorch(root, emptyMachine(root)), {
    message: /python3 has no torch; pip could not install torch: .*; no libtorch-dev; only root can install/,
    todo: /apt-get install -y --no-install-recommends libtorch-dev`, or set HYFW_TORCH/,
  });
});

t.test("CUDA is compiled only with nvcc and a CUDA torch; HYFW_CUDA may insist or forbid", async (t) => {
  t.equal(chooseCuda(true, "nvcc", {}).cuda, true);
  t.match(chooseCuda(false, "nvcc", {}), { cuda: false, why: /CPU build/ });
  t.match(chooseCuda(true, undefined, {}), { cuda: false, why: /nvcc is not found/ });
  t.match(chooseCuda(true, "nvcc", { HYFW_CUDA: "off" }), { cuda: false, why: "HYFW_CUDA=off" });
  t.throws(() => chooseCuda(false, "nvcc", { HYFW_CUDA: "on" }), {
    message: /HYFW_CUDA=on, but this libtorch is a CPU build/,
  });
  t.throws(() => chooseCuda(true, "nvcc", { HYFW_CUDA: "yes" }), {
    message: /"yes", expected on, off or auto/,
  });
});
