#!/usr/bin/env node
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const built = new URL("../packages/core/dist/index.js", import.meta.url);
if (!existsSync(built)) {
  console.error("hyfw is not built yet; run `npm run setup` in its folder first");
  process.exit(1);
}
const { main } = await import("@hyfw/core");

/** Commands that plugins bring; loaded only when they are asked for. */
async function commands() {
  const arrow = await import("@hyfw/plugin-dataset-arrow");
  return arrow.commands ?? [];
}

process.exitCode = await main(process.argv.slice(2), {
  commands,
  presetFolders: [fileURLToPath(new URL("../presets", import.meta.url))],
});
