import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Addon } from "./addon.js";
import { addonMissing } from "./errors.js";

/** What the set-up wrote about the addon that it built. */
interface NativeRecord {
  readonly addon: string;
  readonly torch: { readonly prefix: string; readonly version: string; readonly why: string };
  readonly nodeModulesAbi: string;
  readonly sourceHash: string;
}

/** Where the addon that is in this process was loaded from, for other copies of this module. */
const LOADED = Symbol.for("hyfw.native");
const SETUP = "run `npm run setup` in hyfw's folder";

/**
 * Loads the addon that `.hyfw/native.json` (or the file that HYFW_NATIVE_JSON names) points to.
 * @throws HYFW_NATIVE_ADDON when there is none, or it was built for another Node or from other sources
 */
export function loadAddon(): Addon {
  const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
  const path = process.env.HYFW_NATIVE_JSON ?? join(root, ".hyfw", "native.json");
  if (!existsSync(path)) throw addonMissing(`the native addon is not built: there is no ${path}`, SETUP);
  const record = JSON.parse(readFileSync(path, "utf8")) as NativeRecord;
  const file = resolve(root, record.addon);
  if (!existsSync(file)) throw addonMissing(`${path} names ${file}, which is gone`, SETUP);
  if (record.nodeModulesAbi !== process.versions.modules)
    throw addonMissing(
      `the native addon was built for Node ABI ${record.nodeModulesAbi}, this is ${process.versions.modules}`,
      SETUP,
    );
  const now = sourceHash(root);
  if (now !== undefined && now !== record.sourceHash)
    throw addonMissing("the native addon was built from other sources than those in native/src", SETUP);
  const loaded = Reflect.get(globalThis, LOADED);
  // libtorch would end the process: ops of one name can be registered once.
  if (typeof loaded === "string" && loaded !== file)
    throw addonMissing(
      `${file} cannot be loaded beside ${loaded}: a process holds one copy of hyfw`,
      "load all of hyfw's packages from one installation",
    );
  try {
    const addon = createRequire(import.meta.url)(file) as Addon;
    Reflect.set(globalThis, LOADED, file);
    return addon;
  } catch (cause) {
    throw addonMissing(
      `${file} does not load: ${cause instanceof Error ? cause.message : String(cause)}`,
      `check that libtorch ${record.torch.version} is still in ${record.torch.prefix || "the system's folders"}, or ${SETUP}`,
      cause,
    );
  }
}

/** SHA-256 over CMakeLists.txt and native/src, as the set-up computes it; `undefined` in an installation without sources. */
function sourceHash(root: string): string | undefined {
  const sources = join(root, "native", "src");
  if (!existsSync(sources)) return undefined;
  const files = readdirSync(sources, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
  const hash = createHash("sha256");
  for (const file of ["CMakeLists.txt", ...files.sort()])
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update("\0");
  return hash.digest("hex");
}
