import t from "tap";
import { type Declared, forbiddenImports, type SourceFile } from "./import-rules.js";
import { keptFiles, readText } from "./repository.js";

interface PackageJson {
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
}

/** Packages may use their dependencies; the root is for tests and scripts, which use its devDependencies too. */
function declaredPackages(paths: readonly string[]): Declared {
  const jsons = paths.filter((path) => path === "package.json" || path.endsWith("/package.json"));
  return new Map(
    jsons.map((path) => {
      const { dependencies, devDependencies, peerDependencies } = JSON.parse(readText(path)) as PackageJson;
      const folder = path === "package.json" ? "." : path.slice(0, -"/package.json".length);
      const names = { ...dependencies, ...peerDependencies, ...(folder === "." ? devDependencies : {}) };
      return [folder, new Set(Object.keys(names))];
    }),
  );
}

t.test("no file of this clone imports what its room must not", async (t) => {
  const paths = keptFiles();
  const files = paths
    .filter((path) => /\.(ts|mts|js|mjs|cc|cpp|h|hpp|cu|cuh)$/.test(path))
    .map((path): SourceFile => ({ path, text: readText(path) }));
  t.ok(files.length > 30, "the files are found");
  t.same(forbiddenImports(files, declaredPackages(paths)), []);
});

const declared: Declared = new Map([
  [".", new Set(["tap", "typescript"])],
  ["native", new Set<string>()],
  ["packages/core", new Set(["@hyfw/native", "tsyringe"])],
  ["packages/nn", new Set(["@hyfw/native", "@hyfw/core"])],
  ["packages/plugin-a", new Set(["@hyfw/core", "@hyfw/plugin-b"])],
]);

const check = (path: string, text: string): string => forbiddenImports([{ path, text }], declared).join("\n");

t.test("each rule refuses what it is for", async (t) => {
  const refused: readonly [path: string, text: string, why: RegExp][] = [
    ["packages/plugin-a/src/x.ts", 'import b from "@hyfw/plugin-b";', /may import @hyfw\/core/],
    [
      "packages/plugin-a/src/x.ts",
      'import { t } from "@hyfw/core/dist/run/train.js";',
      /deep into a package/,
    ],
    ["packages/plugin-a/src/x.ts", 'export * from "../../core/src/index.js";', /leaves packages\/plugin-a/],
    ["packages/plugin-a/src/x.ts", 'await import("sharp");', /not in the dependencies/],
    ["packages/plugin-a/src/x.ts", 'import "@hyfw/nn";', /not in the dependencies/],
    ["packages/core/src/x.ts", 'import type { A } from "@hyfw/plugin-a";', /may import @hyfw\/native/],
    ["packages/nn/src/x.ts", 'import { z } from "@hyfw/core";', /may import @hyfw\/native/],
    ["packages/core/src/x.ts", 'process.dlopen(m, "x.node");', /only native\/lib/],
    ["native/lib/x.ts", 'import { z } from "@hyfw/core";', /none of hyfw's packages/],
    ["scripts/setup/x.mjs", 'import ts from "typescript";', /before anything is installed/],
    ["examples/x.ts", 'import { train } from "../packages/core/src/run/train.js";', /leaves examples/],
    ["packages/new-room/src/x.ts", "export {};", /without a rule/],
    ["engine/x.ts", "export {};", /without a rule/],
    ["native/src/ops/adamw.cc", "#include <napi.h>", /only native\/src\/binding/],
    ["native/src/ops/adamw_cuda.cu", "  # include <ATen/ATen.h>", /no torch headers/],
  ];
  for (const [path, text, why] of refused) t.match(check(path, text), why, `${path}: ${text}`);
});

t.test("what the rooms are made of is allowed", async (t) => {
  const allowed: readonly [path: string, text: string][] = [
    [
      "packages/plugin-a/src/x.ts",
      'import { definePlugin } from "@hyfw/core"; import "./y.js"; import "node:fs";',
    ],
    ["packages/plugin-a/src/x.test.ts", 'import t from "tap";'],
    [
      "packages/plugin-a/src/x.ts",
      '// import b from "@hyfw/plugin-b";\nexport const text = "from \\"sharp\\"";',
    ],
    [
      "packages/core/src/x.ts",
      'import { container } from "tsyringe"; import { Tensor } from "@hyfw/native";',
    ],
    ["native/lib/load.ts", "process.dlopen(module, path);"],
    ["native/src/binding/addon.cc", "#include <napi.h>\n#include <ATen/ATen.h>"],
    ["test/x.test.ts", 'import { testFiles } from "../scripts/test.mjs"; import "@hyfw/plugin-a";'],
  ];
  for (const [path, text] of allowed) t.equal(check(path, text), "", `${path}: ${text}`);
});
