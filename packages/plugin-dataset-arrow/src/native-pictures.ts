import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { dirname, join } from "node:path";
import type { Geometry, Resolution } from "@hyfw/core";
import { resampleInto } from "./lanczos.js";

/** Decoding and resampling beside the JavaScript thread. Both give the same bytes as sharp and `resampleInto`. */
export interface PictureEngine {
  /** @returns false when this JPEG is left to sharp: damaged, or of a colour space that needs a profile */
  decodeJpeg(jpeg: Uint8Array, size: Resolution, geometry: Geometry, out: Uint8Array): Promise<boolean>;
  resample(rgb: Uint8Array, size: Resolution, geometry: Geometry, out: Uint8Array): Promise<void>;
}

/** Where the native addon is not built: everything through sharp and TypeScript, with the same bytes. */
export const plainEngine: PictureEngine = {
  decodeJpeg: async () => false,
  resample: async (rgb, size, geometry, out) => resampleInto(rgb, size, geometry, out),
};

let engine: Promise<PictureEngine> | undefined;

/** The fastest engine of this machine, found once per process. */
export function pictureEngine(): Promise<PictureEngine> {
  engine ??= findEngine();
  return engine;
}

async function findEngine(): Promise<PictureEngine> {
  // Packing, indexing and looking at data work before the addon is built.
  const native = await import("@hyfw/native").catch(() => undefined);
  if (native === undefined) return plainEngine;
  const file = jpegLibraryFile();
  const library = file === undefined ? undefined : native.openJpegLibrary(file);
  return {
    decodeJpeg: async (jpeg, size, geometry, out) =>
      library !== undefined && native.decodeJpegWindow(library, jpeg, { ...geometry, size }, out),
    resample: (rgb, size, geometry, out) => native.resampleWindow(rgb, { ...geometry, size }, out),
  };
}

/** libjpeg-turbo as its npm package brings it for this machine; undefined where it is not installed or brings none. */
function jpegLibraryFile(): string | undefined {
  const root = packageFolder("@julusian/jpeg-turbo");
  if (root === undefined) return undefined;
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  const musl = platform() === "linux" && report?.header?.glibcVersionRuntime === undefined ? "-musl" : "";
  const file = join(root, "prebuilds", `jpeg-turbo-${platform()}-${arch()}${musl}`, "libturbojpeg.so.0");
  return existsSync(file) ? file : undefined;
}

/** Where an optional package lies; undefined where it is not installed. */
function packageFolder(name: string): string | undefined {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}
