import { join } from "node:path";
import t from "tap";
import { doctor, examine } from "../scripts/setup/doctor.mjs";
import { ownTorchFolder } from "../scripts/setup/install-torch.mjs";
import { writeFakeProgram, writeFakeTorch } from "./fake-torch.js";

/** What doctor prints in a folder with these programs on PATH, and its exit code. */
async function ask(
  root: string,
  args: readonly string[],
  bin: string,
): Promise<{ code: number; text: string }> {
  let text = "";
  const stdout = { write: (part: string) => (text += part) };
  return { code: await doctor(args, { stdout, root, env: { PATH: bin } }), text };
}

t.test("in a clone where nothing is set up it ends with 1 and the command", async (t) => {
  const root = t.testdir({ bin: {} });
  const { code, text } = await ask(root, [], join(root, "bin"));
  t.equal(code, 1);
  t.match(text, /^NO {2}compiler +not found .*\n +to do: sudo apt-get install -y g\+\+$/m);
  t.match(text, /^NO {2}packages +package-lock\.json is missing\n +to do: npm run setup$/m);
  t.match(text, /training is not possible yet; run: npm run setup; then sudo apt-get/);
});

t.test("--json is one object with every finding", async (t) => {
  const root = t.testdir({ bin: {} });
  const { code, text } = await ask(root, ["--json"], join(root, "bin"));
  const { possible, findings } = JSON.parse(text) as {
    possible: boolean;
    findings: { name: string; state: string }[];
  };
  t.equal(code, 1);
  t.equal(possible, false);
  const names = findings.map(({ name }) => name);
  for (const name of [
    "node",
    "compiler",
    "cmake",
    "libtorch",
    "addon",
    "nvcc",
    "GPUs",
    "processor",
    "threads",
    "memory",
  ])
    t.ok(names.includes(name), name);
});

t.test("it names the libtorch that set-up would take, and the addon to build", async (t) => {
  const root = t.testdir();
  writeFakeTorch(ownTorchFolder(root, false), "2.13.0+cpu");
  const bin = writeFakeProgram(join(root, "bin"), "cmake", "echo cmake version 3.25.1");
  const { findings } = await examine(root, { PATH: bin });
  const finding = (name: string) => findings.find((one) => one.name === name);
  t.match(finding("cmake"), { state: "ok", value: "cmake version 3.25.1" });
  t.match(finding("libtorch"), { state: "ok", value: /2\.13\.0\+cpu in .*hyfw's own copy/ });
  t.match(finding("addon"), { state: "missing", value: "not built yet", fix: "npm run setup" });
});

t.test("a wrong HYFW_TORCH is told with its own remedy", async (t) => {
  const root = t.testdir();
  const { findings } = await examine(root, { PATH: "", HYFW_TORCH: join(root, "absent") });
  t.match(
    findings.find(({ name }) => name === "libtorch"),
    { state: "missing", value: /absent does not exist/, fix: /unset it/ },
  );
});

t.test("an unknown argument is a usage error", async (t) => {
  const root = t.testdir();
  const { code, text } = await ask(root, ["--jsn"], "");
  t.equal(code, 2);
  t.match(text, /knows only --json, found --jsn/);
});
