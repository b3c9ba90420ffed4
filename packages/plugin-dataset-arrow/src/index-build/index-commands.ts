import { ArrowFile } from "../arrow/arrow-file.js";
import { type Command, parseArguments, required, whole } from "../command-arguments.js";
import { commandUsage, datasetEmpty, indexFile } from "../errors.js";
import { baseIndex, bucketRows, checkRowCounts, joinIndexes, type Shard } from "./build-index.js";
import { findFiles, locateArrowFile } from "./find-files.js";
import { type Index, readIndex, writeIndex } from "./index-file.js";

const baseUsage = "hyfw index base --arrow <file or pattern> ... --out <json>";
const multiresoUsage =
  "hyfw index multireso --src <json> ... --base-size N (--reso-step N | --target-ratios H:W ...) [--align N] [--min-size N] --out <json>";
const showUsage = "hyfw index show <json>";

/** `hyfw index base`: an index of all rows of some shards. */
export const indexBaseCommand: Command = {
  name: "index base",
  summary: "Writes an index of every row of some Arrow files.",
  usage: baseUsage,
  run: async (args, { stdout }) => {
    const parsed = parseArguments(args, { "--arrow": "many", "--out": "one" }, baseUsage);
    const patterns = [...(parsed.flags.get("--arrow") ?? []), ...parsed.plain];
    const out = required(parsed, "--out", baseUsage);
    const paths = patterns.flatMap((pattern) => {
      const found = findFiles(pattern);
      if (found.length === 0) throw commandUsage(`no file fits ${JSON.stringify(pattern)}`, baseUsage);
      return found;
    });
    const shards = await openAll([...new Set(paths)].map((path) => ({ name: path, path })));
    try {
      const index = baseIndex(shards);
      const rows = index.rows.get("")?.length ?? 0;
      if (rows === 0) throw datasetEmpty("the Arrow files hold none", "name other files with --arrow");
      await writeIndex(out, index);
      stdout.write(`${out}: ${rows} rows of ${shards.length} Arrow file(s)\n`);
    } finally {
      await closeAll(shards);
    }
    return 0;
  },
};

/** `hyfw index multireso`: rows of base indexes by resolution bucket. */
export const indexMultiresoCommand: Command = {
  name: "index multireso",
  summary: "Writes a multi-resolution index from one or more base indexes.",
  usage: multiresoUsage,
  run: async (args, { stdout }) => {
    const parsed = parseArguments(
      args,
      {
        "--src": "many",
        "--base-size": "one",
        "--reso-step": "one",
        "--target-ratios": "many",
        "--align": "one",
        "--min-size": "one",
        "--out": "one",
      },
      multiresoUsage,
    );
    const number = (name: string, least: number) => whole(parsed, name, { least, usage: multiresoUsage });
    const baseSize = number("--base-size", 1);
    if (baseSize === undefined) throw commandUsage("--base-size is missing", multiresoUsage);
    const built = await multiresoIndex({
      src: parsed.flags.get("--src") ?? parsed.plain,
      baseSize,
      resoStep: number("--reso-step", 1) ?? null,
      targetRatios: parsed.flags.get("--target-ratios") ?? null,
      align: number("--align", 1) ?? 16,
      minSize: number("--min-size", 0) ?? 0,
    });
    const out = required(parsed, "--out", multiresoUsage);
    await writeIndex(out, built.index);
    stdout.write(`${out}: ${built.index.rows.size} bucket(s), height x width\n`);
    for (const [key, rows] of built.index.rows) stdout.write(`  ${key.padStart(11)}  ${rows.length}\n`);
    if (built.tooSmall > 0) stdout.write(`  ${built.tooSmall} row(s) left out by --min-size\n`);
    return 0;
  },
};

/** What a multi-resolution index is built from. */
export interface MultiresoSettings {
  /** Base indexes; the rows of a source that is named twice count twice. */
  readonly src: readonly string[];
  readonly baseSize: number;
  readonly resoStep: number | null;
  readonly targetRatios: readonly string[] | null;
  readonly align: number;
  readonly minSize: number;
}

/** @throws HYFW_INDEX_FILE for a multi-resolution source, HYFW_DATASET_* */
export async function multiresoIndex(
  settings: MultiresoSettings,
): Promise<{ index: Index; tooSmall: number }> {
  const { src, baseSize, resoStep, targetRatios, align, minSize } = settings;
  if (src.length === 0) throw commandUsage("--src is missing", multiresoUsage);
  const indexes: Index[] = [];
  const shards: Shard[] = [];
  try {
    for (const path of src) {
      const index = await readIndex(path);
      if (!index.rows.has(""))
        throw indexFile(path, "it is a multi-resolution index already", "name the base index it came from");
      const own = await openAll(
        index.arrowFiles.map((name) => ({ name, path: locateArrowFile(name, path) })),
      );
      shards.push(...own);
      checkRowCounts(path, index, own);
      indexes.push(index);
    }
    const base = joinIndexes(indexes);
    const { rows, tooSmall } = await bucketRows(base, shards, {
      baseSize,
      resoStep,
      targetRatios,
      align,
      minSize,
    });
    if (rows.size === 0) throw datasetEmpty(`all ${tooSmall} are below --min-size ${minSize}`, "lower it");
    const dataType = [
      "multi-resolution-bucket-v2",
      `base_size=${baseSize}`,
      `reso_step=${resoStep ?? "None"}`,
      `target_ratios=${targetRatios === null ? "None" : `[${targetRatios.map((r) => `'${r}'`).join(", ")}]`}`,
      `align=${align}`,
      `min_size=${minSize}`,
      "src_files=",
      ...src,
    ];
    return { index: { ...base, dataType, configFile: "", rows }, tooSmall };
  } finally {
    await closeAll(shards);
  }
}

/** `hyfw index show`: what an index holds. */
export const indexShowCommand: Command = {
  name: "index show",
  summary: "Prints what an index holds.",
  usage: showUsage,
  run: async (args, { stdout }) => {
    const { plain } = parseArguments(args, {}, showUsage);
    const [path, more] = plain;
    if (path === undefined || more !== undefined) throw commandUsage("name exactly one index", showUsage);
    const index = await readIndex(path);
    const total = index.cumLength.at(-1) ?? 0;
    stdout.write(`${path}\n`);
    for (const line of index.dataType) stdout.write(`  built with  ${line}\n`);
    stdout.write(`  Arrow files ${index.arrowFiles.length}, ${total} rows\n`);
    for (const [key, rows] of index.rows) stdout.write(`  ${(key || "rows").padStart(11)}  ${rows.length}\n`);
    return 0;
  },
};

async function openAll(files: readonly { name: string; path: string }[]): Promise<Shard[]> {
  const shards: Shard[] = [];
  try {
    for (const { name, path } of files) shards.push({ name, file: await ArrowFile.open(path) });
    return shards;
  } catch (error) {
    await closeAll(shards);
    throw error;
  }
}

async function closeAll(shards: readonly Shard[]): Promise<void> {
  await Promise.all(shards.map(({ file }) => file.close()));
}
