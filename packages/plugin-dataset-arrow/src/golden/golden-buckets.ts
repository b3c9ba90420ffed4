import { z } from "@hyfw/core";
import { centreGeometry, coverSize, coverSquare } from "../geometry.js";
import { nearestResolution, resolutionList } from "../resolutions.js";
import { check, type GoldenCase, load, same, skipped } from "./golden-case.js";

const Group = z.object({
  id: z.string().optional(),
  base_size: z.number(),
  step: z.number().nullish(),
  align: z.number(),
  target_ratios: z.array(z.string()).nullish(),
  hw: z.array(z.tuple([z.number(), z.number()])).optional(),
  error: z.string().optional(),
  note: z.string().optional(),
});
type Group = z.output<typeof Group>;

const Golden = z.object({
  groups: z.array(Group).default([]),
  odd_groups: z.array(Group).default([]),
  chosen: z
    .array(z.object({ w: z.number(), h: z.number(), in: z.record(z.string(), z.array(z.number())) }))
    .default([]),
  single: z
    .array(
      z.object({
        w: z.number(),
        h: z.number(),
        targets: z.array(z.tuple([z.number(), z.number(), z.number(), z.string(), z.number()])),
      }),
    )
    .default([]),
});

/** Resolution lists, the bucket of a size, resize and crop, against the official classes. */
export async function* bucketCases(folder: string): AsyncGenerator<GoldenCase> {
  const golden = load(folder, "buckets.json", Golden);
  if (golden === undefined) return;
  for (const group of golden.groups)
    yield await check(`buckets/groups/${group.id}`, () => compareGroup(group));
  for (const [i, group] of golden.odd_groups.entries())
    yield await check(`buckets/odd_groups/${i}`, () => compareGroup(group));
  const byId = new Map(golden.groups.map((group) => [group.id, group]));
  for (const id of Object.keys(golden.chosen[0]?.in ?? {}))
    yield await check(`buckets/chosen/${id}`, () => {
      const group = byId.get(id);
      if (group === undefined) throw new Error("its group is not listed");
      const list = listOf(group);
      for (const { w, h, in: rows } of golden.chosen) {
        const at = nearestResolution(list, { height: h, width: w });
        const resolution = list[at] ?? { height: 0, width: 0 };
        const { resized, crop } = centreGeometry({ height: h, width: w }, resolution, false);
        const slackX = resized.width - resolution.width;
        const slackY = resized.height - resolution.height;
        const found = [at, resolution.height, resolution.width, resized.width, resized.height];
        same(`${w}x${h}`, [...found, crop.left, crop.top, slackX, slackY], rows[id]);
        same(`${w}x${h}`, resized, coverSize({ height: h, width: w }, resolution));
      }
      return `${golden.chosen.length} sizes`;
    });
  if (golden.single.length > 0)
    yield await check("buckets/single", () => {
      for (const { w, h, targets } of golden.single)
        for (const [side, width, height, axis, slack] of targets) {
          const resized = coverSquare({ height: h, width: w }, side);
          same(`${w}x${h} to ${side}`, [resized.width, resized.height], [width, height]);
          const slackOn = axis === "x" ? resized.width - side : resized.height - side;
          same(`${w}x${h} to ${side}, slack on ${axis}`, slackOn, slack);
        }
      return `${golden.single.length} sizes`;
    });
}

function compareGroup(group: Group) {
  if (group.hw === undefined && group.error === undefined && group.step === 0) {
    try {
      listOf(group);
    } catch (error) {
      return `refused, where the official code never ends: ${firstLine(error)}`;
    }
    throw new Error("step 0 must be refused");
  }
  if (group.error !== undefined) {
    try {
      listOf(group);
    } catch (error) {
      return `both refuse: ${firstLine(error)}`;
    }
    throw new Error(`the official class refuses it (${group.error}), hyfw does not`);
  }
  if (group.hw === undefined) return skipped("neither a list nor an error is recorded");
  same(
    "resolutions",
    listOf(group).map(({ height, width }) => [height, width]),
    group.hw,
  );
  return `${group.hw.length} resolutions`;
}

function listOf({ base_size, step, align, target_ratios }: Group) {
  return resolutionList({ baseSize: base_size, resoStep: step, align, targetRatios: target_ratios });
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
}
