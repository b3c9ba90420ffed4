import { type OptionMeta, type PhaseData, type Resolution, z } from "@hyfw/core";
import { datasetSetting } from "./errors.js";
import { columnFilterFault, IndexRecipe, md5FilterFault } from "./index-build/index-recipe.js";

const meta = (fields: OptionMeta): OptionMeta & Record<string, unknown> => ({ ...fields });

/** Options of the Arrow data set: where the rows are, which of them count, and the sizes they are trained at. */
export const DatasetOptions = z.strictObject({
  arrowFiles: z
    .array(z.string())
    .default([])
    .describe("Arrow shards to train on, paths or patterns with * ? [...]; every row once.")
    .meta(meta({ path: true })),
  indexFile: z
    .array(z.string())
    .default([])
    .describe(
      "Index JSON files that choose the rows, as the official tools or `hyfw index` write them; a multi-resolution one stands alone.",
    )
    .meta(meta({ flag: "--index-file", path: true })),
  index: IndexRecipe.nullable()
    .default(null)
    .describe(
      "Chooses the rows right here instead of by an index file: sources, filters, repeats and dedup, as `hyfw index base` takes them from a YAML; paths start at the working directory.",
    ),
  indexCache: z
    .string()
    .nullable()
    .default(".hyfw/index-cache")
    .describe(
      "Folder that keeps what opening a large set (100,000 rows and more) found out, by content; null keeps nothing.",
    )
    .meta(meta({ path: true })),
  imageSize: z
    .array(z.number().int().positive())
    .min(1)
    .max(2)
    .default([1024])
    .describe(
      "Training size in pixels: one number for a square, or height and width. With buckets, the side of the square one.",
    )
    .meta(meta({ flag: "--image-size" })),
  multireso: z
    .boolean()
    .default(false)
    .describe("Trains in buckets of several resolutions instead of one size.")
    .meta(meta({ flag: "--multireso" })),
  resoStep: z
    .number()
    .int()
    .positive()
    .nullable()
    .default(null)
    .describe("Step in pixels between the sides of neighbouring buckets, at most half of imageSize.")
    .meta(meta({ flag: "--reso-step" })),
  targetRatios: z
    .array(z.string())
    .nullable()
    .default(null)
    .describe('Buckets by ratio as "HEIGHT:WIDTH" strings instead of by step; wins over resoStep.')
    .meta(meta({ flag: "--target-ratios" })),
  align: z
    .number()
    .int()
    .positive()
    .default(16)
    .describe("Sides of buckets by ratio, and imageSize, are multiples of this many pixels."),
  minSize: z
    .number()
    .int()
    .nonnegative()
    .default(0)
    .describe("Rows whose picture is narrower or lower than this many pixels are left out and counted."),
  onBadSample: z
    .enum(["stop", "skip"])
    .default("stop")
    .describe(
      "A row that cannot be read while training: stop ends the run with its shard and row, skip takes the next row of the same bucket in its place and counts it.",
    )
    .meta(meta({ flag: "--on-bad-sample" })),
  maxBadSamples: z
    .number()
    .int()
    .positive()
    .default(100)
    .describe("Rows that onBadSample may replace, since the run was started, before it stops.")
    .meta(meta({ flag: "--max-bad-samples" })),
  textColumns: z
    .array(z.string())
    .nullable()
    .default(null)
    .describe(
      "Columns read as captions; null reads text_zh, text_en and numbered ones such as text_zh1, or the only text column of a shard that has none of these.",
    ),
  tagsColumn: z
    .string()
    .default("tags")
    .describe('Column with tags by category as a JSON object {"category": ["tag"]}; may be absent.'),
  alpha: z
    .enum(["drop", "white"])
    .default("drop")
    .describe(
      "Transparent pictures: drop uses the colours under the transparency as the official tools do, white lays them on white.",
    ),
  orientation: z
    .enum(["exif", "stored"])
    .default("exif")
    .describe(
      "exif turns pictures as their EXIF orientation says, as hyfw packs them; stored reads shards of the official converter, which ignores it.",
    ),
  resize: z
    .enum(["exact", "fast"])
    .default("exact")
    .describe(
      "exact resizes bit by bit as the official tools do; fast shrinks with libvips, several times quicker for large pictures and a few levels off at sharp edges.",
    ),
});

/** What a person's settings become: nothing missing. */
export type DatasetOptions = z.output<typeof DatasetOptions>;

/**
 * The plugin's options with those of a phase laid over them; lists are replaced.
 * @throws HYFW_DATASET_SETTING naming phase and option
 */
export function phaseOptions(options: DatasetOptions, phase: PhaseData): DatasetOptions {
  const parsed = DatasetOptions.safeParse({ ...options, ...phase.options });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const name = issue?.path.join(".") || Object.keys(phase.options).join(", ");
  throw datasetSetting(
    name,
    phase.options[name],
    `phase ${JSON.stringify(phase.name)}: ${issue?.message ?? "not as expected"}`,
    `the data set takes ${Object.keys(DatasetOptions.shape).join(", ")}`,
  );
}

/** The square or the one size of `imageSize`. */
export function singleResolution({ imageSize }: DatasetOptions): Resolution {
  const [height, width = height] = imageSize;
  if (height === undefined || width === undefined)
    throw datasetSetting("imageSize", imageSize, "needs one or two numbers", "set for example [1024]");
  return { height, width };
}

/** @throws HYFW_DATASET_SETTING when two settings contradict or none names rows */
export function checkOptions(options: DatasetOptions): void {
  const { arrowFiles, indexFile, index, multireso, imageSize } = options;
  const ways = [
    arrowFiles.length > 0 && "arrowFiles",
    indexFile.length > 0 && "indexFile",
    index && "index",
  ].filter((way) => way);
  if (ways.length === 0)
    throw datasetSetting(
      "arrowFiles",
      arrowFiles,
      "neither Arrow files nor an index are named",
      "set dataset.arrowFiles to the shards that `hyfw pack` wrote, dataset.indexFile (--index-file), or dataset.index",
    );
  if (ways.length > 1)
    throw datasetSetting(
      String(ways[1]),
      options[ways[1] as "index" | "indexFile"],
      `an index names its Arrow files itself; found ${ways.join(" and ")}`,
      "keep one of them and leave the others empty",
    );
  if (index !== null) checkRecipe(index);
  const [height, width = height] = imageSize;
  if (multireso && height !== width)
    throw datasetSetting(
      "imageSize",
      imageSize,
      "buckets are built around a square, found two different sides",
      "give one number, or set dataset.multireso to false",
    );
}

/** @throws HYFW_DATASET_SETTING naming the filter whose parts do not fit together */
function checkRecipe({ columnFilters, md5Filters }: IndexRecipe): void {
  const fail = (path: string, fault: { key: string; what: string } | undefined, value: unknown): void => {
    if (fault !== undefined)
      throw datasetSetting(`index.${path}.${fault.key}`, value, fault.what, "correct the filter");
  };
  for (const [i, rule] of columnFilters.entries())
    for (const filter of "logicalOr" in rule ? rule.logicalOr : [rule])
      fail(`columnFilters.${i}`, columnFilterFault(filter), filter);
  for (const [i, filter] of md5Filters.entries()) fail(`md5Filters.${i}`, md5FilterFault(filter), filter);
}
