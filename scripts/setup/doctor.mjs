// @ts-check
import { buildFolder } from "./addon.mjs";
import { findProgram } from "./command.mjs";
import { chooseCuda, findNvcc, hasNvidiaDriver } from "./cuda.mjs";
import { SetupFailure } from "./failure.mjs";
import { findTorch } from "./find-torch.mjs";
import { memory, nvidiaCards, processor, versionLine } from "./machine.mjs";
import { addonStale, readRecord, recordPath, sourceHash } from "./native-record.mjs";
import { packagesStale } from "./packages.mjs";
import { root as ownRoot } from "./paths.mjs";
import { versionNote } from "./torch-folder.mjs";

/**
 * One line of the report. `ok`: there; `note`: there or not needed, with something to know; `optional`: absent, and
 * training works without; `missing`: training is not possible before `fix` is done.
 * @typedef {{ name: string, state: "ok" | "note" | "optional" | "missing", value: string, fix?: string }} Finding
 */

/** @typedef {{ stdout: { write(text: string): unknown }, env?: NodeJS.ProcessEnv, root?: string }} DoctorIo */

const setUp = "npm run setup";
/** @param {string} name */
const apt = (name) => `sudo apt-get install -y ${name}`;

/**
 * Looks at everything that training needs and prints it, with the command that mends what is missing. Changes nothing.
 * @param {readonly string[]} args `--json` prints one JSON object instead of lines
 * @param {DoctorIo} [io]
 * @returns {Promise<number>} the exit code: 0 when training is possible, 1 when not, 2 for an unknown argument
 */
export async function doctor(args, io = { stdout: process.stdout }) {
  const unknown = args.find((arg) => arg !== "--json");
  if (unknown !== undefined) {
    io.stdout.write(`hyfw doctor knows only --json, found ${unknown}\n`);
    return 2;
  }
  const { findings, possible } = await examine(io.root ?? ownRoot, io.env ?? process.env);
  io.stdout.write(
    args.includes("--json")
      ? `${JSON.stringify({ possible, findings }, null, 2)}\n`
      : report(findings, possible),
  );
  return possible ? 0 : 1;
}

/**
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<{ findings: Finding[], possible: boolean }>}
 */
export async function examine(root, env) {
  const { torch, addon } = await addonFindings(root, env);
  // Tools are needed only where something is left to build or to install with them.
  const mustBuild = addon.state !== "ok";
  const mustInstall = torch.state !== "ok";
  const findings = [
    nodeFinding(),
    packagesFinding(root),
    ...(await toolFindings(env, mustBuild, mustInstall)),
    torch,
    addon,
    ...(await cudaFindings(env)),
    ...machineFindings(env),
  ];
  return { findings, possible: findings.every(({ state }) => state !== "missing") };
}

/** @returns {Finding} */
function nodeFinding() {
  const value = `${process.versions.node}, ABI ${process.versions.modules}, ${process.platform} ${process.arch}`;
  const isOld = Number(process.versions.node.split(".")[0]) < 20;
  return isOld
    ? { name: "node", state: "missing", value, fix: "install Node 20 or later" }
    : { name: "node", state: "ok", value };
}

/**
 * @param {string} root
 * @returns {Finding}
 */
function packagesFinding(root) {
  const reason = packagesStale(root);
  return reason === undefined
    ? { name: "packages", state: "ok", value: "node_modules holds what package-lock.json names" }
    : { name: "packages", state: "missing", value: reason, fix: setUp };
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {boolean} mustBuild
 * @param {boolean} mustInstall
 * @returns {Promise<Finding[]>}
 */
async function toolFindings(env, mustBuild, mustInstall) {
  const [compiler, cmake, ninja, make, ccache, python, pip] = await Promise.all([
    versionLine("c++", undefined, env),
    versionLine("cmake", undefined, env),
    versionLine("ninja", undefined, env),
    versionLine("make", undefined, env),
    versionLine("ccache", undefined, env),
    versionLine("python3", undefined, env),
    versionLine("python3", ["-m", "pip", "--version"], env),
  ]);
  /**
   * @param {string} name
   * @param {string | undefined} value
   * @param {boolean} needed
   * @param {string} fix
   * @param {string} use
   * @returns {Finding}
   */
  const tool = (name, value, needed, fix, use) =>
    value !== undefined
      ? { name, state: "ok", value }
      : { name, state: needed ? "missing" : "optional", value: `not found (${use})`, fix };
  return [
    tool("compiler", compiler, mustBuild, apt("g++"), "builds the addon"),
    tool("cmake", cmake, mustBuild, apt("cmake"), "builds the addon"),
    tool(
      "ninja",
      ninja,
      mustBuild && make === undefined,
      apt("ninja-build"),
      make === undefined ? "builds the addon; make is not there either" : "make does it, slower",
    ),
    tool("ccache", ccache, false, apt("ccache"), "makes building again fast"),
    tool("python3", python, false, apt("python3"), "finds or installs libtorch"),
    tool(
      "pip",
      pip?.replace(/ from .*/, ""),
      false,
      apt("python3-pip"),
      mustInstall ? "would install libtorch" : "installs libtorch",
    ),
  ];
}

/**
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<{ torch: Finding, addon: Finding }>}
 */
async function addonFindings(root, env) {
  try {
    const torch = await findTorch(root, { env, mayInstall: false });
    const { cuda } = chooseCuda(torch.cuda, findNvcc(env), env);
    const note = versionNote(torch.version);
    const value = `${torch.version} in ${torch.prefix || "the system's folders"}: ${torch.why}${note === undefined ? "" : `; ${note}`}`;
    const wanted = { torch, cuda, nodeModulesAbi: process.versions.modules, sourceHash: sourceHash(root) };
    const record = readRecord(recordPath(root, env));
    const reason = addonStale(root, record, wanted);
    return {
      torch: { name: "libtorch", state: "ok", value },
      addon:
        reason === undefined
          ? {
              name: "addon",
              state: "ok",
              value: `${record?.addon ?? buildFolder(root, torch, cuda)}, ${cuda ? "with CUDA" : "CPU only"}`,
            }
          : { name: "addon", state: "missing", value: reason, fix: setUp },
    };
  } catch (error) {
    if (!(error instanceof SetupFailure)) throw error;
    // Set-up installs it where it can, so that is the first thing to try, unless a setting forbids it.
    const fix = env.HYFW_TORCH === undefined && env.HYFW_CUDA === undefined ? setUp : error.todo;
    return {
      torch: { name: "libtorch", state: "missing", value: error.message, fix },
      addon: { name: "addon", state: "missing", value: "needs libtorch first", fix: setUp },
    };
  }
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<Finding[]>}
 */
async function cudaFindings(env) {
  const nvcc = findNvcc(env);
  const [version, cards] = await Promise.all([
    nvcc === undefined ? undefined : versionLine(nvcc, ["--version"], env),
    nvidiaCards(env),
  ]);
  const driver = cards !== undefined || hasNvidiaDriver();
  /** @type {Finding} */
  const compiler =
    nvcc !== undefined
      ? { name: "nvcc", state: "ok", value: version ?? nvcc }
      : driver
        ? {
            name: "nvcc",
            state: "optional",
            value: "not found: CUDA kernels cannot be compiled",
            fix: "install the CUDA toolkit of your driver's version and put its bin folder on PATH",
          }
        : { name: "nvcc", state: "optional", value: "not found (only of use with an NVIDIA card)" };
  /** @type {Finding} */
  const gpus =
    cards !== undefined && cards.cards.length > 0
      ? { name: "GPUs", state: "ok", value: `driver ${cards.driver}: ${cards.cards.join("; ")}` }
      : driver
        ? { name: "GPUs", state: "note", value: "an NVIDIA driver is there, but nvidia-smi names no card" }
        : { name: "GPUs", state: "note", value: "none: training runs on the CPU" };
  return [compiler, gpus];
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {Finding[]}
 */
function machineFindings(env) {
  const { model, threads, flags } = processor();
  const { total, free } = memory();
  /** @param {number} bytes */
  const gib = (bytes) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const openmp = env.OMP_NUM_THREADS === undefined ? "" : `, OMP_NUM_THREADS=${env.OMP_NUM_THREADS}`;
  const isSmall = free < 4 * 2 ** 30;
  return [
    {
      name: "processor",
      state: "ok",
      value: `${model}${flags === undefined ? "" : `: ${flags.join(" ") || "none of the wide instructions"}`}`,
    },
    { name: "threads", state: "ok", value: `${threads}${openmp}` },
    {
      name: "memory",
      state: isSmall ? "note" : "ok",
      value: `${gib(total)}, ${gib(free)} free${isSmall ? ": building and the demo want about 4 GiB" : ""}`,
    },
    {
      name: "git",
      state: findProgram("git", env) === undefined ? "optional" : "ok",
      value: findProgram("git", env) ?? "not found (only developers need it)",
    },
  ];
}

/**
 * @param {readonly Finding[]} findings
 * @param {boolean} possible
 */
function report(findings, possible) {
  const signs = { ok: "ok ", note: "-- ", optional: "-- ", missing: "NO " };
  const lines = findings.flatMap(({ name, state, value, fix }) => [
    `${signs[state]} ${name.padEnd(10)} ${value}`,
    ...(fix === undefined || state === "ok"
      ? []
      : [`${" ".repeat(15)}${state === "missing" ? "to do" : "could do"}: ${fix}`]),
  ]);
  const fixes = [...new Set(findings.filter(({ state }) => state === "missing").map(({ fix }) => fix))];
  lines.push(
    possible ? "training is possible" : `training is not possible yet; run: ${fixes.join("; then ")}`,
  );
  return `${lines.join("\n")}\n`;
}
