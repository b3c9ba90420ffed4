import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Writes a folder that looks like a torch package to set-up: the files it looks for, all but empty. */
export function writeFakeTorch(folder: string, version: string, { cuda = false } = {}): string {
  const files: Record<string, string> = {
    "lib/libtorch_cpu.so": "",
    "share/cmake/Torch/TorchConfig.cmake": "",
    "share/cmake/Torch/TorchConfigVersion.cmake": `set(PACKAGE_VERSION "${version.replace(/\+.*/, "")}")\n`,
    "include/ATen/ATen.h": "",
    "version.py": `__version__ = '${version}'\n`,
    ...(cuda ? { "lib/libtorch_cuda.so": "" } : {}),
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

/** Writes a program for PATH: a shell script of this body. Gives the folder it lies in. */
export function writeFakeProgram(folder: string, name: string, body: string): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`);
  chmodSync(join(folder, name), 0o755);
  return folder;
}
