import { existsSync, mkdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { buildFolder, trainingEnv } from "../scripts/setup/addon.mjs";
import { withLock } from "../scripts/setup/lock.mjs";
import {
  addonStale,
  type NativeRecord,
  readRecord,
  recordPath,
  sourceHash,
  writeRecord,
} from "../scripts/setup/native-record.mjs";
import { packagesStale } from "../scripts/setup/packages.mjs";

const record: NativeRecord = {
  addon: "build/hyfw_native.node",
  torch: { prefix: "/opt/torch", version: "2.13.0", cuda: false, source: "python3", why: "" },
  cuda: false,
  nodeModulesAbi: "115",
  sourceHash: "abc",
};

t.test("an addon is stale for each reason, which is named", async (t) => {
  const root = t.testdir({ build: { "hyfw_native.node": "" } });
  const stale = (wanted: Partial<NativeRecord>) => addonStale(root, record, { ...record, ...wanted });
  t.equal(stale({}), undefined);
  t.equal(addonStale(root, undefined, record), "not built yet");
  t.match(
    stale({ torch: { ...record.torch, prefix: "/opt/other" } }),
    /built for the libtorch in \/opt\/torch, now \/opt\/other/,
  );
  t.match(stale({ torch: { ...record.torch, version: "2.14.0" } }), /2\.13\.0, now 2\.14\.0/);
  t.match(stale({ cuda: true }), /without CUDA, now with/);
  t.match(stale({ nodeModulesAbi: "127" }), /ABI 115, this is 127/);
  t.match(stale({ sourceHash: "abd" }), /sources have changed/);
  t.match(addonStale(root, { ...record, addon: "gone.node" }, record), /gone\.node is gone/);
});

t.test("the source hash follows content, names and CMakeLists.txt, and nothing else", async (t) => {
  const root = t.testdir({
    "CMakeLists.txt": "a",
    native: { src: { ops: { "x.cc": "1" } }, lib: { "x.ts": "1" } },
  });
  const before = sourceHash(root);
  writeFileSync(join(root, "native/lib/x.ts"), "2");
  t.equal(sourceHash(root), before);
  writeFileSync(join(root, "native/src/ops/x.cc"), "2");
  const changed = sourceHash(root);
  t.not(changed, before);
  writeFileSync(join(root, "native/src/ops/y.cc"), "");
  const added = sourceHash(root);
  t.not(added, changed);
  writeFileSync(join(root, "CMakeLists.txt"), "b");
  t.not(sourceHash(root), added);
});

t.test("the record is read back, from HYFW_NATIVE_JSON where that is set", async (t) => {
  const root = t.testdir();
  t.equal(recordPath(root, {}), join(root, ".hyfw", "native.json"));
  const path = recordPath(root, { HYFW_NATIVE_JSON: join(root, "other.json") });
  t.equal(path, join(root, "other.json"));
  t.equal(readRecord(path), undefined);
  writeRecord(path, record);
  t.same(readRecord(path), record);
});

t.test("each libtorch has a build folder of its own", async (t) => {
  const folders = [
    buildFolder("/a", record.torch, false),
    buildFolder("/b", record.torch, false),
    buildFolder("/a", record.torch, true),
    buildFolder("/a", { ...record.torch, prefix: "/opt/other" }, false),
    buildFolder("/a", { ...record.torch, version: "2.14.0" }, false),
  ];
  t.equal(new Set(folders).size, folders.length);
});

t.test("processes that load libtorch 1.13 get a passive OpenMP, which a person can override", async (t) => {
  const root = t.testdir();
  t.same(trainingEnv(root, {}), {});
  writeRecord(recordPath(root, {}), { ...record, torch: { ...record.torch, version: "1.13.1" } });
  t.same(trainingEnv(root, {}), { OMP_WAIT_POLICY: "passive" });
  t.same(trainingEnv(root, { OMP_WAIT_POLICY: "active" }), { OMP_WAIT_POLICY: "active" });
  writeRecord(recordPath(root, {}), record);
  t.same(trainingEnv(root, {}), {});
});

t.test("two set-ups take turns", async (t) => {
  const lock = join(t.testdir(), ".hyfw", "lock");
  const events: string[] = [];
  const work = (name: string) => async () => {
    events.push(`${name} starts`);
    await new Promise((done) => setTimeout(done, 30));
    events.push(`${name} ends`);
    return name;
  };
  const said: string[] = [];
  const results = await Promise.all(
    ["a", "b"].map((name) => withLock(lock, work(name), { pollMs: 5, say: (text) => said.push(text) })),
  );
  t.same(results, ["a", "b"]);
  t.same(events, ["a starts", "a ends", "b starts", "b ends"]);
  t.match(said, [/another set-up \(process \d+\)/]);
  t.notOk(existsSync(lock));
});

t.test("a lock whose owner is gone is taken over, and a failure lets go of it", async (t) => {
  const lock = join(t.testdir(), "lock");
  mkdirSync(lock);
  // Beyond the largest process number of Linux.
  writeFileSync(join(lock, "pid"), "99999999");
  t.equal(await withLock(lock, async () => "done", { pollMs: 5 }), "done");
  mkdirSync(lock);
  utimesSync(lock, new Date(0), new Date(0));
  await t.rejects(
    withLock(lock, () => Promise.reject(new Error("broken")), { pollMs: 5 }),
    /broken/,
  );
  t.notOk(existsSync(lock));
});

t.test("node_modules is stale when a package is absent, of another version or not linked", async (t) => {
  const lock = (packages: object) => JSON.stringify({ packages });
  const wanted = {
    "": {},
    "packages/a": { version: "1.0.0" },
    "node_modules/a": { resolved: "packages/a", link: true },
    "node_modules/b": { version: "1.2.3" },
    "node_modules/other-system": { version: "1.0.0", optional: true },
  };
  const installed = { "node_modules/a": { link: true }, "node_modules/b": { version: "1.2.3" } };
  const root = t.testdir({ "package-lock.json": lock(wanted), node_modules: { a: {} } });
  t.match(packagesStale(root), /node_modules is missing or incomplete/);
  const hidden = join(root, "node_modules", ".package-lock.json");
  writeFileSync(hidden, lock(installed));
  t.equal(packagesStale(root), undefined);
  writeFileSync(hidden, lock({ ...installed, "node_modules/b": { version: "1.2.2" } }));
  t.match(packagesStale(root), /node_modules\/b is 1\.2\.2, package-lock\.json has 1\.2\.3/);
  writeFileSync(hidden, lock({ "node_modules/a": { link: true } }));
  t.match(packagesStale(root), /node_modules\/b is not installed/);
  writeFileSync(hidden, lock(installed));
  rmSync(join(root, "node_modules", "a"), { recursive: true });
  t.match(packagesStale(root), /node_modules\/a is not linked/);
});
