#!/usr/bin/env node
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const doctorCommand = {
  name: "doctor",
  summary: "Says what this machine has for training, and the command for what it lacks.",
  usage: "hyfw doctor [--json]",
  run: async (words) => {
    const { doctor } = await import("../scripts/doctor.mjs");
    return doctor(words);
  },
};

// The doctor must come before anything is built: it says what building lacks.
if (process.argv[2] === "doctor" && !process.argv.includes("--help"))
  process.exit(await doctorCommand.run(process.argv.slice(3)));

const built = new URL("../packages/core/dist/index.js", import.meta.url);
if (!existsSync(built)) {
  console.error("hyfw is not built yet; run `npm run setup` in its folder first");
  process.exit(1);
}
const { main } = await import("@hyfw/core");

/** Commands that plugins bring; loaded only when they are asked for. */
async function commands() {
  const arrow = await import("@hyfw/plugin-dataset-arrow");
  return [...(arrow.commands ?? []), ...(await weightsCommands()), doctorCommand];
}

/** Commands over files of weights. Where no addon is built they are listed, and say what is missing when they are run. */
async function weightsCommands() {
  try {
    return (await import("@hyfw/plugin-model-hunyuan-dit/commands")).commands;
  } catch (fault) {
    if (fault?.code !== "HYFW_NATIVE_ADDON") throw fault;
    return ["convert", "inspect", "merge", "extract"].map((name) => ({
      name,
      summary: "Works on files of weights, once the native addon is built: npm run setup",
      usage: `hyfw ${name}`,
      run: async () => {
        console.error(`${fault.code}: ${fault.message}`);
        return 1;
      },
    }));
  }
}

/** Asked only when a preset needs CUDA, since this loads libtorch. */
async function cudaAvailable() {
  const { cudaDevices } = await import("@hyfw/native");
  return cudaDevices() > 0;
}

const code = await main(process.argv.slice(2), {
  commands,
  cudaAvailable,
  presetFolders: [fileURLToPath(new URL("../presets", import.meta.url))],
});

// One of several processes must not wait for what only a process that is gone could finish.
if (process.env.HYFW_LAUNCHED !== undefined) process.exit(code);
process.exitCode = code;
