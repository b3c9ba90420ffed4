// @ts-check
// Runs the tests with tap and ends with one line: N passed, N failed. `npm test -- packages/core` runs those under a
// folder, `npm test -- resume` those with the word in their path; words that start with - go to tap.
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { trainingEnv } from "./setup/addon.mjs";
import { root } from "./setup/paths.mjs";

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

const rooms = ["packages", "native/lib", "test", "scripts", "examples", "benchmarks"];

/**
 * Every test file of the clone, or those that a filter names, relative to the clone and sorted.
 * @param {readonly string[]} [filters] words in the path; none means all
 * @param {string} [repo]
 */
export function testFiles(filters = [], repo = root) {
  const files = rooms.flatMap((room) => testsUnder(repo, room)).sort();
  if (filters.length === 0) return files;
  const chosen = new Set(filters.flatMap((filter) => matching(files, filter.replace(/^\.\/|\/$/g, ""))));
  return files.filter((file) => chosen.has(file));
}

/**
 * A file or folder stands for what is in it; any other word for every path that has it.
 * @param {readonly string[]} files
 * @param {string} word
 */
function matching(files, word) {
  const inside = files.filter((file) => file === word || file.startsWith(`${word}/`));
  return inside.length > 0 ? inside : files.filter((file) => file.includes(word));
}

/**
 * @param {string} repo
 * @param {string} folder
 * @returns {string[]}
 */
function testsUnder(repo, folder) {
  let entries;
  try {
    entries = readdirSync(join(repo, folder), { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory())
      return ["node_modules", "dist", "data"].includes(entry.name) ? [] : testsUnder(repo, path);
    return entry.name.endsWith(".test.ts") ? [path] : [];
  });
}

/**
 * Reads tap's report line by line and tells a person the rest: a line for each file, skipped tests with their
 * reason, and everything that a failed file said. Nested tests are indented by four spaces a level.
 * @param {(text: string) => void} print
 */
export function reportReader(print) {
  /** @type {string[]} */
  let block = [];
  /** @type {Counts | undefined} */
  let counts;
  /** @param {string} line */
  const read = (line) => {
    const file = /^(not )?ok \d+ - (.*?)(?: # time=([\d.]+)ms)?( \{)?$/.exec(line);
    if (file !== null) {
      const seconds = file[3] === undefined ? "" : ` (${(Number(file[3]) / 1000).toFixed(1)} s)`;
      print(`${file[1] === undefined ? "ok    " : "FAILED"} ${file[2]}${seconds}\n`);
      const failed = file[1] !== undefined;
      for (const text of block) {
        const passed = /^\s+ok \d+/.test(text);
        if (passed ? /# (SKIP|TODO)/.test(text) : failed)
          print(failed ? `${text}\n` : `       ${text.trim()}\n`);
      }
      block = [];
    }
    const total = /^# \{ total: \d+(.*)\}/.exec(line);
    /** @param {string} name */
    const count = (name) => Number(new RegExp(`${name}: (\\d+)`).exec(total?.[1] ?? "")?.[1] ?? 0);
    if (total !== null)
      counts = { passed: count("pass"), failed: count("fail"), skipped: count("skip") + count("todo") };
    else if (line.startsWith("    ")) block.push(line);
  };
  return { read, counts: () => counts };
}

/**
 * Runs tap over the test files.
 * @param {readonly string[]} args filters, and options for tap
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<Counts>} a run that breaks down counts as one failure
 */
export async function runTests(args, env = process.env) {
  const filters = args.filter((arg) => !arg.startsWith("-"));
  const files = testFiles(filters);
  if (files.length === 0) {
    process.stdout.write(`no test file has ${filters.map((word) => `"${word}"`).join(" or ")} in its path\n`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  for (const word of filters)
    if (testFiles([word]).length === 0) process.stdout.write(`no test file has "${word}" in its path\n`);
  const jobs = Math.min(2, availableParallelism());
  const tap = join(root, "node_modules", "tap", "dist", "esm", "run.mjs");
  const options = ["--disable-coverage", "--reporter=tap", `--jobs=${jobs}`, "--timeout=600"];
  const child = spawn(
    process.execPath,
    [tap, "run", ...options, ...args.filter((arg) => arg.startsWith("-")), ...files],
    {
      cwd: root,
      env: trainingEnv(root, env),
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const { read, counts } = reportReader((text) => process.stdout.write(text));
  createInterface({ input: child.stdout }).on("line", read);
  const code = await new Promise((done) => {
    child.on("close", done);
    child.on("error", () => done(1));
  });
  const found = counts() ?? { passed: 0, failed: 0, skipped: 0 };
  if (code === 0 || found.failed > 0) return found;
  process.stdout.write(`tap ended with ${code} and named no failed test\n`);
  return { ...found, failed: 1 };
}

/**
 * The closing line.
 * @param {Counts} counts
 */
export const closingLine = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const counts = await runTests(process.argv.slice(2));
  process.stdout.write(`${closingLine(counts)}\n`);
  process.exitCode = counts.failed > 0 ? 1 : 0;
}
