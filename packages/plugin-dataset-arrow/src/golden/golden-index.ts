import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HyfwError, z } from "@hyfw/core";
import { buildBaseIndex } from "../index-build/build-base.js";
import { buildMultireso } from "../index-build/build-multireso.js";
import { DIFFERENCES } from "../index-build/differences.js";
import { byCodePoints } from "../index-build/find-files.js";
import { readMultiresoArguments } from "../index-build/index-commands.js";
import { type Index, readIndex, writeIndex } from "../index-build/index-file.js";
import { IndexRecipe } from "../index-build/index-recipe.js";
import { findSources } from "../index-build/index-sources.js";
import { readNpz } from "../index-build/npz.js";
import { readBaseYaml } from "../index-build/read-base-yaml.js";
import { statsText } from "../index-build/stats-file.js";
import { check, type GoldenCase, load, same } from "./golden-case.js";

const Manifest = z.object({
  cases: z.array(
    z.object({
      name: z.string(),
      tool: z.string(),
      yaml: z.string().nullish(),
      args: z.array(z.string()).nullish(),
      status: z.string(),
      output: z.string().nullish(),
      stats_file: z.string().nullish(),
      num_indices: z.number().nullish(),
      error: z.string().nullish(),
    }),
  ),
});
type Case = z.output<typeof Manifest>["cases"][number];

const Npz = z.record(z.string(), z.record(z.string(), z.array(z.number())));

/** Indexes that the official tools wrote: read, written again, and the multi-resolution ones built again. */
export async function* indexCases(folder: string): AsyncGenerator<GoldenCase> {
  for (const [json, arrays] of Object.entries(load(folder, "index/npz_contents.json", Npz) ?? {}))
    yield await check(`npz/${json}`, () => {
      const npz = readNpz(readFileSync(join(folder, json.replace(/\.json$/, ".index.npz"))));
      same("keys", [...npz.keys()], Object.keys(arrays));
      for (const [key, rows] of npz) same(key, Array.from(rows), arrays[key]);
      return `${npz.size} array(s)`;
    });
  for (const one of load(folder, "index/manifest.json", Manifest)?.cases ?? []) {
    if (one.output && existsSync(join(folder, one.output))) {
      const output = join(folder, one.output);
      yield await check(`index/read/${one.name}`, () => readAndWrite(output, one));
    }
    yield await check(`index/build/${one.name}`, () => build(folder, one));
  }
}

async function readAndWrite(output: string, one: Case): Promise<string> {
  const index = await readIndex(output);
  if (one.num_indices != null) same("rows", count(index), one.num_indices);
  const scratch = mkdtempSync(join(tmpdir(), "hyfw-golden-"));
  try {
    const name = output.split(/[\\/]/).at(-1) ?? "index.json";
    await writeIndex(join(scratch, name), index);
    const official: unknown = JSON.parse(readFileSync(output, "utf8"));
    const written: unknown = JSON.parse(readFileSync(join(scratch, name), "utf8"));
    if (z.object({ indices_file: z.string() }).parse(official).indices_file === "" || !index.rows.has(""))
      same("written again", written, official);
    const again = await readIndex(join(scratch, name));
    for (const [key, rows] of index.rows) same(key, Array.from(again.rows.get(key) ?? []), Array.from(rows));
  } finally {
    rmSync(scratch, { recursive: true });
  }
  return `${count(index)} rows, read and written`;
}

function count(index: Index): number {
  return [...index.rows.values()].reduce((sum, rows) => sum + rows.length, 0);
}

async function build(folder: string, one: Case): Promise<string> {
  if (one.tool === "IndexV2Builder") return buildAsBuilder(folder, one);
  let differences: string[] = [];
  try {
    const found = await run(folder, one, false);
    differences = found.differences;
    if (one.status === "error") {
      if (differences.length > 0)
        return `works here (${differences.join(", ")}), the official tool stops: ${one.error}`;
      throw new Error(`the official tool stops (${one.error}), hyfw does not`);
    }
    if (differences.length === 0) {
      compareIndex(folder, one, found);
      return `${count(found.index)} rows, built from ${one.yaml ?? "arguments"}`;
    }
  } catch (error) {
    if (one.status === "error" && isRefusal(error)) return `both refuse: ${firstLine(error)}`;
    const name = differenceOf(error);
    if (name === undefined) throw error;
    differences = [name];
  }
  // Different on purpose: asked to do as the official tool does, the result must be the official one.
  compareIndex(folder, one, await run(folder, one, true));
  return `differs on purpose (${differences.join(", ")}); the same with --as-official`;
}

interface Run {
  readonly index: Index;
  readonly stats: ReadonlyMap<string, number> | undefined;
  readonly differences: string[];
  /** Paths that took the place of pickles, by their name in the official index. */
  readonly replaced: ReadonlyMap<string, string>;
}

async function run(folder: string, one: Case, asOfficial: boolean): Promise<Run> {
  const scratch = mkdtempSync(join(tmpdir(), "hyfw-golden-"));
  try {
    const replaced = new Map<string, string>();
    const args = [...(one.args ?? [])];
    if (one.tool === "multireso") {
      if (one.yaml) {
        const text = readFileSync(join(folder, one.yaml), "utf8");
        const path = join(scratch, "multireso.yaml");
        writeFileSync(path, asOfficial ? withoutPickles(text, folder, scratch, replaced) : text);
        args.push("--config", path);
      }
      if (asOfficial) args.push("--as-official");
      const { settings } = readMultiresoArguments(args, folder);
      const { index, differences } = await buildMultireso(settings, { folder, asOfficial });
      return { index, stats: undefined, differences: [...differences], replaced };
    }
    const yaml = one.yaml ?? "";
    const text = readFileSync(join(folder, yaml), "utf8");
    const { recipe } = readBaseYaml(
      asOfficial ? withoutPickles(text, folder, scratch, replaced) : text,
      yaml,
      asOfficial,
    );
    const { sources } = findSources(recipe, yaml, { folder, asOfficial });
    const { index, stats, differences } = await buildBaseIndex(recipe, sources, { folder, asOfficial });
    return { index, stats, differences: [...differences], replaced };
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** The set keeps the content of its pickles as JSON beside them; hyfw reads no pickle. */
function withoutPickles(
  text: string,
  folder: string,
  scratch: string,
  replaced: Map<string, string>,
): string {
  return text.replace(/[^\s'"[\],]+\.pkl\b/g, (pickle) => {
    const json = join(folder, `${pickle}.json`);
    if (!existsSync(json)) return pickle;
    const content: unknown = JSON.parse(readFileSync(json, "utf8"));
    const isList = Array.isArray(content);
    const path = join(scratch, isList ? "pickle.txt" : "pickle.json");
    writeFileSync(path, isList ? content.join("\n") : JSON.stringify(content));
    replaced.set(pickle, path);
    return path;
  });
}

function compareIndex(folder: string, one: Case, { index, stats, replaced }: Run): void {
  const official = officialIndex(folder, one);
  let dataType = index.dataType;
  for (const [pickle, path] of replaced) dataType = dataType.map((line) => line.replaceAll(path, pickle));
  same("data_type", dataType, official.data_type);
  if ((one.args ?? []).includes("-w")) {
    compareByFile(index, official);
    return;
  }
  same("arrow_files", index.arrowFiles, official.arrow_files);
  same("cum_length", index.cumLength, official.cum_length);
  same("buckets", [...index.rows.keys()], [...official.rows.keys()]);
  for (const [key, rows] of index.rows)
    same(`rows ${key}`, Array.from(rows), Array.from(official.rows.get(key) ?? []));
  const wanted = one.stats_file ? readFileSync(join(folder, one.stats_file), "utf8") : undefined;
  if (wanted !== undefined) same("statistics", statsText(stats ?? new Map()), wanted);
  else if (stats !== undefined) same("statistics", statsText(stats), "");
}

/** With ten workers or more the official tool merges in text order: the files stand in another order, with the same rows. */
function compareByFile(index: Index, official: Official): void {
  const rowsByFile = (names: readonly string[], ends: readonly number[], rows: ArrayLike<number>): unknown =>
    names
      .map((name, i) => {
        const start = ends[i - 1] ?? 0;
        return [
          name,
          Array.from(rows)
            .filter((row) => row >= start && row < ends[i])
            .map((row) => row - start),
        ] as const;
      })
      .sort(([a], [b]) => byCodePoints(a, b));
  same(
    "rows by Arrow file",
    rowsByFile(index.arrowFiles, index.cumLength, index.rows.get("") ?? []),
    rowsByFile(official.arrow_files, official.cum_length, official.rows.get("") ?? []),
  );
}

interface Official {
  readonly data_type: readonly string[];
  readonly arrow_files: readonly string[];
  readonly cum_length: readonly number[];
  readonly rows: ReadonlyMap<string, ArrayLike<number>>;
}

const OnDisk = z.object({
  data_type: z.array(z.string()),
  indices_file: z.string(),
  arrow_files: z.array(z.string()),
  cum_length: z.array(z.number()),
  group_length: z.union([z.array(z.number()), z.record(z.string(), z.array(z.number()))]),
  indices: z.union([z.array(z.number()), z.record(z.string(), z.unknown())]),
});

/** Read plainly, not by the reader that is being tested. */
function officialIndex(folder: string, one: Case): Official {
  const disk = OnDisk.parse(JSON.parse(readFileSync(join(folder, one.output ?? ""), "utf8")));
  const arrays =
    disk.indices_file === "" ? undefined : load(folder, "index/npz_contents.json", Npz)?.[one.output ?? ""];
  const inline = Array.isArray(disk.indices) ? disk.indices : [];
  const rows = new Map<string, number[]>(
    Object.entries(arrays ?? { "": inline }).map(([key, numbers]) => [key === "x" ? "" : key, numbers]),
  );
  return { ...disk, rows };
}

/** The builder's own indexes: of Arrow files alone, and with few rows inline. */
async function buildAsBuilder(folder: string, one: Case): Promise<string> {
  const official = officialIndex(folder, one);
  const sibling = (load(folder, "index/manifest.json", Manifest)?.cases ?? []).find(
    (other) =>
      other.tool === "base" &&
      other.status === "ok" &&
      JSON.stringify(officialIndex(folder, other).data_type) === JSON.stringify(official.data_type),
  );
  const isPlain = sibling === undefined;
  const { index } = isPlain
    ? await buildBaseIndex(
        IndexRecipe.parse({ source: official.arrow_files.map((path) => ({ path })) }),
        official.arrow_files.map((name) => ({ name, path: join(folder, name), repeat: 1 })),
      )
    : await run(folder, sibling, true);
  if (isPlain) same("data_type", official.data_type, ["Made by IndexV2Builder"]);
  same("arrow_files", index.arrowFiles, official.arrow_files);
  same("cum_length", index.cumLength, official.cum_length);
  const rows = Array.from(index.rows.get("") ?? []);
  same("rows", rows, Array.from(official.rows.get("") ?? []));
  const scratch = mkdtempSync(join(tmpdir(), "hyfw-golden-"));
  try {
    await writeIndex(join(scratch, "few.json"), index, rows.length - 1);
    same("rows by npz", Array.from((await readIndex(join(scratch, "few.json"))).rows.get("") ?? []), rows);
  } finally {
    rmSync(scratch, { recursive: true });
  }
  return `${rows.length} rows, ${isPlain ? "of Arrow files alone" : `as ${sibling.name}`}`;
}

function isRefusal(error: unknown): boolean {
  return error instanceof HyfwError;
}

/** The name of the difference that a refusal is about, when it is a documented one. */
function differenceOf(error: unknown): string | undefined {
  if (!(error instanceof HyfwError) || error.code !== "HYFW_INDEX_DIFFERENCE") return undefined;
  const name =
    String(error.fields.where?.explained ?? "")
      .split(", ")
      .at(-1) ?? "";
  return (DIFFERENCES as readonly string[]).includes(name) ? name : undefined;
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
}
