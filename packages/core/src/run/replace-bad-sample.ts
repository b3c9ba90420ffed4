import type { Dataset, Resolution } from "../hooks/dataset.js";

/** A row that could not be read, and the position that was read in its place. */
export interface ReplacedSample {
  /** What was wrong, naming Arrow file and row. */
  readonly fault: string;
  readonly position: number;
  readonly by: number;
}

/**
 * Reads a position, or where its row cannot be read and the data set replaces such rows, the next one of the same
 * bucket that can be. Which one follows from the data alone, so every process, worker and resumed run takes the same.
 * @param read reads one position whole, picture included
 * @throws what `read` throws, where the data set does not replace, or has replaced more in a row than it may at all
 */
export async function replaceBadSample<Result>(
  position: number,
  { dataset, resolution }: { readonly dataset: Dataset; readonly resolution: Resolution },
  read: (position: number) => Promise<Result>,
): Promise<{ readonly result: Result; readonly replaced: readonly ReplacedSample[] }> {
  const replaced: ReplacedSample[] = [];
  const { onBadSample } = dataset;
  let at = position;
  for (;;) {
    try {
      return { result: await read(at), replaced };
    } catch (fault) {
      if (onBadSample === undefined || !onBadSample.isBadRow(fault) || replaced.length >= onBadSample.limit)
        throw fault;
      const by = nextOfBucket(dataset, resolution, at);
      if (by === undefined || by === position) throw fault;
      replaced.push({ fault: summaryOf(fault), position: at, by });
      at = by;
    }
  }
}

/** The position that follows in its bucket, the first after the last. */
function nextOfBucket(
  { buckets }: Dataset,
  { height, width }: Resolution,
  position: number,
): number | undefined {
  for (const { resolution, positions } of buckets) {
    if (resolution.height !== height || resolution.width !== width) continue;
    const place = positions.indexOf(position);
    if (place < 0) continue;
    // Repeats of a row stand side by side and are no more readable than the row itself.
    for (let n = 1; n < positions.length; n++) {
      const next = positions[(place + n) % positions.length];
      if (next !== position) return next;
    }
  }
  return undefined;
}

function summaryOf(fault: unknown): string {
  const text = fault instanceof Error ? fault.message : String(fault);
  return text.split("\n")[0] ?? text;
}
