import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "@hyfw/core";
import { multiresoIndex } from "../index-build/index-commands.js";
import { type Index, readIndex, writeIndex } from "../index-build/index-file.js";
import { readNpz } from "../index-build/npz.js";
import { check, type GoldenCase, load, same, skipped } from "./golden-case.js";

const Manifest = z.object({
  cases: z.array(
    z.object({
      name: z.string(),
      tool: z.string(),
      yaml: z.string().nullish(),
      args: z.array(z.string()).nullish(),
      status: z.string(),
      output: z.string().nullish(),
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

async function build(folder: string, one: Case) {
  if (one.tool !== "multireso") return skipped("building a base index from YAML is not built");
  if (one.status !== "ok" || !one.output) return skipped("reading the settings from YAML is not built");
  const official = await readIndex(join(folder, one.output));
  const settings = settingsOf(official.dataType);
  if (one.yaml && /md5_file/.test(readFileSync(join(folder, one.yaml), "utf8")))
    return skipped("sizes from an md5 file are not built");
  const src = settings.src.map((path) => join(folder, path));
  const { index } = await multiresoIndex({ ...settings, src });
  same("Arrow files", index.arrowFiles, official.arrowFiles);
  same("cum_length", index.cumLength, official.cumLength);
  same("buckets", [...index.rows.keys()], [...official.rows.keys()]);
  for (const [key, rows] of index.rows) same(key, Array.from(rows), Array.from(official.rows.get(key) ?? []));
  return `${index.rows.size} bucket(s) built again from the recorded settings`;
}

/** The settings that a multi-resolution index records of itself. */
function settingsOf(dataType: readonly string[]) {
  const value = (name: string): string =>
    dataType.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1) ?? "None";
  const number = (name: string): number | null => (value(name) === "None" ? null : Number(value(name)));
  const ratios = value("target_ratios");
  return {
    baseSize: number("base_size") ?? 0,
    resoStep: number("reso_step"),
    targetRatios:
      ratios === "None" ? null : Array.from(ratios.matchAll(/'([^']*)'/g), (match) => match[1] ?? ""),
    align: number("align") ?? 16,
    minSize: number("min_size") ?? 0,
    src: dataType.slice(dataType.indexOf("src_files=") + 1),
  };
}
