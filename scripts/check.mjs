// @ts-check
// `npm run check`: format, lint, types, generated files and all tests. Ends with one line: N passed, N failed.
// `--no-tests` leaves the tests out; other words go to the tests as filters.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { findProgram, runCommand, tail } from "./setup/command.mjs";
import { root } from "./setup/paths.mjs";
import { closingLine, runTests } from "./test.mjs";

/** @typedef {{ name: string, program: string, args: string[], todo: string, skip?: string }} Check */

/** @param {string} path */
const installed = (path) => join(root, "node_modules", path);

const tsc = installed("typescript/bin/tsc");

/** @returns {Check[]} */
function checks() {
  const docs = join(root, "scripts", "generate-docs.mjs");
  return [
    {
      name: "format and lint",
      program: process.execPath,
      args: [installed("@biomejs/biome/bin/biome"), "ci", "--colors=off", "--max-diagnostics=50", "."],
      todo: "npx biome check --write .",
    },
    clangFormat(),
    { name: "types", program: process.execPath, args: [tsc, "-b"], todo: "npx tsc -b" },
    {
      name: "types of tests and scripts",
      program: process.execPath,
      args: [tsc, "-p", "tsconfig.test.json"],
      todo: "npx tsc -p tsconfig.test.json",
    },
    {
      name: "generated pages are fresh",
      program: process.execPath,
      args: [docs, "--check"],
      todo: "node scripts/generate-docs.mjs",
      ...(existsSync(docs) ? {} : { skip: "scripts/generate-docs.mjs is not there" }),
    },
  ];
}

/** @returns {Check} */
function clangFormat() {
  const folder = join(root, "native", "src");
  const files = existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) =>
        /\.(cc|h|cu|cuh)$/.test(path),
      )
    : [];
  const paths = files.map((path) => join("native", "src", path)).sort();
  const missing = findProgram("clang-format") === undefined;
  return {
    name: "C++ format",
    program: "clang-format",
    args: ["--dry-run", "-Werror", ...paths],
    todo: "clang-format -i $(git ls-files native/src)",
    ...(missing
      ? { skip: "clang-format is not on PATH (sudo apt-get install -y clang-format)" }
      : paths.length === 0
        ? { skip: "native/src holds no file" }
        : {}),
  };
}

const withTests = !process.argv.includes("--no-tests");
const counts = { passed: 0, failed: 0, skipped: 0 };
for (const { name, program, args, todo, skip } of checks()) {
  if (skip !== undefined) {
    counts.skipped += 1;
    process.stdout.write(`SKIPPED ${name}: ${skip}\n`);
    continue;
  }
  const { code, output } = await runCommand(program, args, { cwd: root, limitMs: 10 * 60_000 });
  process.stdout.write(
    code === 0 ? `ok      ${name}\n` : `${tail(output, 60)}\nFAILED  ${name}: try \`${todo}\`\n`,
  );
  counts[code === 0 ? "passed" : "failed"] += 1;
}
if (withTests) {
  const tests = await runTests(process.argv.slice(2));
  counts.passed += tests.passed;
  counts.failed += tests.failed;
  counts.skipped += tests.skipped;
}
process.stdout.write(`${closingLine(counts)}\n`);
process.exitCode = counts.failed > 0 ? 1 : 0;
