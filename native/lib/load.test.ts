import { spawnSync } from "node:child_process";
import t from "tap";

const HERE = new URL("../dist/index.js", import.meta.url).href;

/** Loads the package in a process of its own, in which `before` runs first. @returns what its import came to */
function load(before: string): string {
  const program = `${before}; import(${JSON.stringify(HERE)}).then(
    ({ torchVersion }) => console.log("loaded", torchVersion()),
    ({ code, message }) => console.log(code, message),
  )`;
  return spawnSync(process.execPath, ["--eval", program], { encoding: "utf8" }).stdout;
}

t.test(
  "a second copy of the addon is refused with both names, where libtorch would end the process",
  async (t) => {
    t.match(load(""), /^loaded \d/);
    const other = 'globalThis[Symbol.for("hyfw.native")] = "/elsewhere/hyfw_native.node"';
    t.match(
      load(other),
      /^HYFW_NATIVE_ADDON .*hyfw_native\.node cannot be loaded beside \/elsewhere\/hyfw_native\.node/,
    );
  },
);
