import { readFileSync } from "node:fs";
import { createJiti } from "jiti";

/**
 * Default export of a TypeScript or JavaScript file, on every supported Node. `@hyfw/core` inside that file is this very
 * copy of the core, wherever the file lies, so that its tokens and errors are the same objects.
 */
export async function importCode(file: string): Promise<unknown> {
  const core = await import("../index.js");
  const jiti = createJiti(file, { fsCache: false, virtualModules: { "@hyfw/core": core } });
  // `jiti.import` would leave .mjs files to Node, which looks for another copy of the core beside them.
  const options = { filename: file, async: true, forceTranspile: true };
  const module: unknown = await jiti.evalModule(readFileSync(file, "utf8"), options);
  return typeof module === "object" && module !== null && "default" in module ? module.default : module;
}
