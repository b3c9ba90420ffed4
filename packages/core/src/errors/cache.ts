import { defineError } from "../define-error.js";

/** An entry of a cache cannot be written. */
export const cacheWrite = defineError("HYFW_CACHE_WRITE", (folder: string, cause: unknown) => ({
  summary: `the cache in ${folder} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`,
  todo: "free disk space, correct the folder's permissions, or set the plugin's cache to null",
  cause,
}));

/** `hyfw cache` was asked to build, and nothing of the run keeps a cache. */
export const cacheNone = defineError("HYFW_CACHE_NONE", () => ({
  summary: "no plugin of this run keeps a cache",
  todo: "set plugins.latents-vae.cache or plugins.text-bert-mt5.cache to a folder",
}));
