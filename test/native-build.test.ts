import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { findProgram } from "../scripts/setup/command.mjs";
import { readRecord, recordPath } from "../scripts/setup/native-record.mjs";
import { inspectSystemTorch } from "../scripts/setup/torch-folder.mjs";
import { root } from "./repository.js";

const record = readRecord(recordPath(root));
const addon = record === undefined ? "" : join(root, record.addon);
const skip =
  record === undefined
    ? "the addon is not built: npm run setup"
    : ["readelf", "ldd"].every((name) => findProgram(name) !== undefined)
      ? false
      : "readelf and ldd (binutils, libc-bin) are not on PATH";

const run = (program: string, args: readonly string[]): string =>
  execFileSync(program, [...args], { encoding: "utf8" });

t.test("the addon asks for one libtorch by one name", { skip }, async (t) => {
  const needed = [...run("readelf", ["-d", addon]).matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(
    (match) => match[1] ?? "",
  );
  for (const library of ["libc10.so", "libtorch_cpu.so"]) {
    const names = needed.filter((name) => name.startsWith(library));
    t.equal(names.length, 1, `${library}: ${names.join(", ")}`);
    // The wheel's libraries carry no version; Debian's do. Both names at once crash while loading.
    const isDebian = names[0] !== library;
    t.equal(isDebian, record?.torch.prefix === "" && record.torch.version.startsWith("1."), names[0]);
  }
});

t.test("the loader finds every library, all of libtorch in the chosen folder", { skip }, async (t) => {
  const env = { ...process.env };
  delete env.LD_LIBRARY_PATH;
  const lines = execFileSync("ldd", [addon], { encoding: "utf8", env }).split("\n");
  t.same(
    lines.filter((line) => line.includes("not found")),
    [],
  );
  const torch = lines.filter((line) => /lib(c10|torch)[^/]* => /.test(line));
  const found = inspectSystemTorch().torch;
  // On a merged system /lib is a link to /usr/lib, and the loader may name either.
  const folders = record?.torch.prefix === "" ? ["/lib/", "/usr/lib/"] : [`${record?.torch.prefix}/lib/`];
  t.ok(torch.length >= 2, torch.join("\n"));
  for (const line of torch) {
    const path = line.split(" => ")[1] ?? "";
    t.ok(
      folders.some((folder) => path.startsWith(folder)),
      line.trim(),
    );
  }
  if (found !== undefined && record?.torch.prefix !== "")
    t.comment(`the system's libtorch ${found.version} is visible too, and is not mixed in`);
});

t.test(
  "the addon carries the way to its libtorch",
  { skip: skip || (record?.torch.prefix === "" ? "the system's folders need no way" : false) },
  async (t) => {
    const runpath = /\((?:RUNPATH|RPATH)\).*\[(.*)\]/.exec(run("readelf", ["-d", addon]))?.[1] ?? "";
    t.ok(runpath.split(":").includes(join(record?.torch.prefix ?? "", "lib")), runpath);
  },
);

t.test("what the record names is there", { skip }, async (t) => {
  t.ok(existsSync(addon), addon);
  t.equal(record?.nodeModulesAbi, process.versions.modules);
});
