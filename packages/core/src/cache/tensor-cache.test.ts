import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromTypedArray, live, tidy } from "@hyfw/native";
import t from "tap";
import { hashFolder } from "./hash-folder.js";
import { TensorCache } from "./tensor-cache.js";

/** A row of three numbers that its one byte decides; `third` needs float32. */
function ask(cache: TensorCache, rows: readonly number[], third: number): number[] {
  return tidy(() =>
    cache
      .rows({
        shape: [3],
        device: "cpu",
        contents: rows.map((row) => [Uint8Array.of(row)]),
        make: (n) => fromTypedArray(Float32Array.of(rows[n] ?? 0, 0.5, third), [1, 3]),
      })
      .toArray(),
  );
}

function entries(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".tensor"))
    .map((name) => join(folder, name));
}

t.test("rows are made once, found by who asks the same, and not by who asks with other facts", async (t) => {
  const folder = t.testdir({});
  const before = live();
  const cache = new TensorCache(folder, () => ({ weights: "a" }), "float16");
  t.same(ask(cache, [1, 2, 1], 2), [1, 0.5, 2, 2, 0.5, 2, 1, 0.5, 2]);
  t.same(cache.counts(), { found: 1, made: 2, broken: 0 });
  t.same(
    ask(new TensorCache(folder, () => ({ weights: "a" }), "float16"), [2, 1], 7),
    [2, 0.5, 2, 1, 0.5, 2],
  );
  t.same(ask(new TensorCache(folder, () => ({ weights: "b" }), "float16"), [2], 7), [2, 0.5, 7]);
  t.equal(live(), before, "no tensor is left");
  for (const path of entries(folder)) t.equal(statSync(path).size, cache.bytes([3]), "as large as was said");
});

t.test("numbers that the smaller type cannot hold are kept whole", async (t) => {
  const folder = t.testdir({});
  const third = Math.fround(1 / 3);
  const cache = new TensorCache(folder, () => ({}), "float16");
  ask(cache, [1], third);
  t.same(ask(cache, [1], 0), [1, 0.5, third]);
});

t.test("every damaged entry is made again and counted", async (t) => {
  const folder = t.testdir({});
  const cache = new TensorCache(folder, () => ({}), "float32");
  ask(cache, [1], 2);
  const [path = ""] = entries(folder);
  const whole = readFileSync(path);
  for (let at = 0; at < whole.length; at++) {
    const bytes = Buffer.from(whole);
    bytes[at] = (bytes[at] ?? 0) ^ 4;
    writeFileSync(path, bytes);
    t.same(ask(cache, [1], 2), [1, 0.5, 2], `byte ${at}`);
    truncateSync(path, at);
    t.same(ask(cache, [1], 2), [1, 0.5, 2], `cut at ${at}`);
  }
  t.same(cache.counts(), { found: 0, made: 1 + 2 * whole.length, broken: 2 * whole.length });
});

t.test("a folder that cannot be written is refused", async (t) => {
  const folder = t.testdir({ taken: "a file" });
  const cache = new TensorCache(join(folder, "taken"), () => ({}), "float32");
  t.throws(() => ask(cache, [1], 2), { code: "HYFW_CACHE_WRITE" });
});

t.test("a folder's hash follows names and content, and remembered hashes change nothing", async (t) => {
  const folder = t.testdir({ w: { "a.bin": "one", "config.json": "{}" } });
  const memory = join(folder, "kept", "hashes.json");
  const first = hashFolder(join(folder, "w"), memory);
  t.equal(hashFolder(join(folder, "w"), memory), first);
  writeFileSync(memory, "no JSON");
  t.equal(hashFolder(join(folder, "w"), memory), first);
  mkdirSync(join(folder, "w", "inner"));
  t.equal(hashFolder(join(folder, "w"), memory), first, "folders in it do not count");
  writeFileSync(join(folder, "w", "a.bin"), "three");
  t.not(hashFolder(join(folder, "w"), memory), first);
});
