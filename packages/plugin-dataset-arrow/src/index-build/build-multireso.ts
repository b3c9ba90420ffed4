import { ArrowFile } from "../arrow/arrow-file.js";
import { datasetEmpty, indexFile, indexSetting } from "../errors.js";
import { bucketRows } from "./bucket-rows.js";
import { checkRowCount, joinIndexes } from "./build-index.js";
import type { Difference } from "./differences.js";
import { below, locateArrowFile } from "./find-files.js";
import { type Index, readIndex } from "./index-file.js";
import { sizesOf } from "./md5-files.js";
import { pythonList } from "./python-text.js";

/** What a multi-resolution index is built from. */
export interface MultiresoSettings {
  /** Base indexes; the rows of a source that is named twice count twice. */
  readonly src: readonly string[];
  readonly baseSize: number;
  readonly resoStep: number | null;
  readonly targetRatios: readonly string[] | null;
  readonly align: number;
  readonly minSize: number;
  /** JSON file with `[height, width]` by MD5, for rows without recorded size. */
  readonly md5File?: string | undefined;
}

/** A multi-resolution index with what its making told. */
export interface BuiltMultireso {
  readonly index: Index;
  readonly tooSmall: number;
  /** Where the result is not the official one. */
  readonly differences: ReadonlySet<Difference>;
}

/**
 * Puts the rows of base indexes into buckets, as the official `idk multireso`.
 * @param folder that relative paths start at
 * @throws HYFW_INDEX_FILE for a multi-resolution source, HYFW_INDEX_SETTING, HYFW_DATASET_*, HYFW_ARROW_*
 */
export async function buildMultireso(
  settings: MultiresoSettings,
  {
    folder = ".",
    configFile = "",
    asOfficial = false,
  }: { folder?: string; configFile?: string; asOfficial?: boolean } = {},
): Promise<BuiltMultireso> {
  const { src, baseSize, resoStep, targetRatios, align, minSize, md5File } = settings;
  if (src.length === 0)
    throw indexSetting("index multireso", undefined, "no base index is named", "give src, or --src <json>");
  const indexes: Index[] = [];
  const files: { path: string; source: number; place: number }[] = [];
  for (const [source, name] of src.entries()) {
    const path = below(folder, name);
    const index = await readIndex(path);
    if (!index.rows.has(""))
      throw indexFile(path, "it is a multi-resolution index already", "name the base index it came from");
    for (const [place, arrow] of index.arrowFiles.entries())
      files.push({ path: locateArrowFile(arrow, path, folder), source, place });
    indexes.push(index);
  }
  const base = joinIndexes(indexes);
  const known = md5File === undefined ? undefined : sizesOf(md5File, folder);
  const { rows, tooSmall, turned } = await bucketRows(
    base,
    async (i, read) => {
      const { path, source, place } = files[i];
      const file = await ArrowFile.open(path, true);
      try {
        checkRowCount(src[source], indexes[source], place, file);
        await read(file);
      } finally {
        await file.close();
      }
    },
    { baseSize, resoStep, targetRatios, align, minSize, otherSizes: { known, asOfficial } },
  );
  if (rows.size === 0) throw datasetEmpty(`all ${tooSmall} are below min_size ${minSize}`, "lower it");
  const dataType = [
    "multi-resolution-bucket-v2",
    `base_size=${baseSize}`,
    `reso_step=${resoStep ?? "None"}`,
    `target_ratios=${targetRatios === null ? "None" : pythonList(targetRatios)}`,
    `align=${align}`,
    `min_size=${minSize}`,
    "src_files=",
    ...src,
  ];
  const differences = new Set<Difference>(turned > 0 && !asOfficial ? ["exif-size"] : []);
  return { index: { ...base, dataType, configFile, rows }, tooSmall, differences };
}
