import { createJiti } from "jiti";

/**
 * Default export of a TypeScript or JavaScript file, on every supported Node. `@hyfw/core` inside that file is this very
 * copy of the core, wherever the file lies, so that its tokens and errors are the same objects.
 */
export async function importCode(file: string): Promise<unknown> {
  const core = await import("../index.js");
  const jiti = createJiti(import.meta.url, { fsCache: false, virtualModules: { "@hyfw/core": core } });
  return jiti.import(file, { default: true });
}
