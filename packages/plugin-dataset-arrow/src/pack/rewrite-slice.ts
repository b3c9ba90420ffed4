import { renameSync, rmSync } from "node:fs";
import { ArrowFile } from "../arrow/arrow-file.js";
import { parseTags } from "../row-tags.js";
import { ArrowShard } from "./arrow-shard.js";
import type { Duplicate } from "./duplicates.js";
import type { PackFolder, PackPlan } from "./pack-folder.js";
import { RowCounts } from "./row-counts.js";
import { isPartEnd, type LedgerLine, PartWriter, readPart } from "./slice-part.js";
import { Thumbs } from "./thumbs.js";

/**
 * Takes repeated rows out of a finished slice. The new shard is written beside the old one, then the new part, which names both, then
 * the new shard takes the old one's place; a kill between the two is made good by `PackFolder.finished`.
 */
export async function dropRows(
  folder: PackFolder,
  plan: PackPlan,
  slice: number,
  {
    drops,
    maxPixels,
    onStep,
  }: { drops: ReadonlyMap<number, Duplicate>; maxPixels: number; onStep: (step: string) => void },
): Promise<void> {
  const mark = `${process.pid}.partial`;
  const file = folder.shardFile(slice);
  const from = `${file}.new`;
  const old = await ArrowFile.open(folder.shard(slice));
  const part = new PartWriter(`${folder.part(slice)}.${mark}`);
  const counts = new RowCounts();
  const thumbs = new Thumbs(maxPixels);
  let shard: ArrowShard | undefined;
  let rows = 0;
  let kept = 0;
  try {
    for await (const line of readPart(folder.part(slice))) {
      if (line === undefined) continue;
      if (isPartEnd(line)) {
        thumbs.taken.push(...line.thumbs);
        continue;
      }
      rows++;
      if (line.status === "refused") {
        part.add(line);
        continue;
      }
      const drop = drops.get(line.row);
      const at = line.at ?? 0;
      if (drop !== undefined) {
        await thumbs.add(
          line.row,
          drop.reason,
          async () => (await old.column("image").bytes(at)) ?? undefined,
        );
        part.add(refusedLine(line, drop));
        continue;
      }
      shard ??= new ArrowShard(`${folder.shard(slice)}.${mark}`, plan.extra);
      part.add({ ...line, at: kept++ });
      await copyRow(old, at, { shard, plan, counts });
    }
    onStep("rewritten rows done");
    const path = folder.shard(slice);
    const bytes = shard?.finish(`${path}.new`) ?? 0;
    shard = undefined;
    onStep("new shard named");
    const sorted = [...thumbs.taken].sort((a, b) => a.row - b.row);
    part.finish(
      {
        end: true,
        rows,
        kept,
        shard: kept === 0 ? null : { file, bytes, from },
        ...counts.toPart(),
        thumbs: sorted,
      },
      folder.part(slice),
    );
    onStep("new part named");
    if (kept > 0) renameSync(`${path}.new`, path);
    else rmSync(path);
    onStep("new shard in place");
  } finally {
    shard?.abandon();
    await old.close();
  }
}

function refusedLine({ row, line, image }: LedgerLine, { reason, of }: Duplicate): LedgerLine {
  return {
    row,
    ...(line !== undefined && { line }),
    image,
    status: "refused",
    reason,
    detail: `of row ${of}`,
  };
}

async function copyRow(
  old: ArrowFile,
  at: number,
  { shard, plan, counts }: { shard: ArrowShard; plan: PackPlan; counts: RowCounts },
): Promise<void> {
  const captions = new Map<string, string | null>();
  for (const name of plan.captions) captions.set(name, await old.column(name).text(at));
  const extra: (string | number | null)[] = [];
  for (const { name, type } of plan.extra) {
    const cell = await old.column(name).cell(at);
    extra.push(type === "number" && typeof cell === "number" ? cell : cell === null ? null : String(cell));
  }
  const tagsAt = plan.extra.findIndex(({ name }) => name === "tags");
  const tags = tagsAt < 0 ? null : extra[tagsAt];
  shard.add(
    {
      md5: (await old.column("md5").text(at)) ?? "",
      width: await old.column("width").number(at),
      height: await old.column("height").number(at),
      textZh: captions.get("text_zh") ?? null,
      extra,
    },
    (await old.column("image").bytes(at)) ?? new Uint8Array(),
  );
  counts.add(
    captions,
    typeof tags === "string" ? parseTags(tags, { file: old.path, row: at, column: "tags" }) : {},
  );
}
