import type { FoundCheckpoint } from "../checkpoint/find.js";
import { recordAbsent, recordDiffers } from "../errors/checkpoint.js";
import type { Sample } from "../hooks/augmenter.js";
import type { LoadedRun } from "./container.js";
import { digestOf, type LedgerLine, readLedger } from "./ledger.js";
import { openData } from "./open-data.js";
import { readSample, type SampledUnit } from "./read-sample.js";
import { replaceBadSample } from "./replace-bad-sample.js";
import { unitsFrom } from "./unit-places.js";

/**
 * Reads the samples of recorded steps again, with today's data, settings and code, and compares rows, captions and
 * crops with the record: the steps after the checkpoint where the run had gone further, else the last ones before it.
 * @returns what was found, in words for a person
 * @throws HYFW_RESUME_RECORD naming the first step that differs, HYFW_RESUME_NO_RECORD
 */
export async function verifyRecord(
  run: LoadedRun,
  { runDir, step }: FoundCheckpoint,
  { unitSize, most }: { readonly unitSize: number; readonly most: number },
): Promise<string> {
  const lines = chooseLines([...readLedger(runDir).values()], step, most);
  const [first] = lines;
  const last = lines.at(-1);
  if (first === undefined || last === undefined) throw recordAbsent(runDir);
  const data = await openData(run, { worldSize: 1, unitSize });
  const { seed } = data.order;
  let samples = 0;
  for (const line of lines) {
    let digest = 0;
    let left = line.units;
    const rows: string[] = [];
    for (const unit of unitsFrom(line.place, data.phases, data.order)) {
      const read = await Promise.all([...unit.positions].map((position) => readAgain(position, unit, seed)));
      digest += digestOf(read);
      rows.push(...read.map(({ row }) => row.id));
      left -= 1;
      if (left === 0) break;
    }
    samples += rows.length;
    if (digest !== line.digest || left > 0) throw recordDiffers(line.step, rows);
  }
  return `steps ${first.step} to ${last.step}: the rows, captions and crops of all ${samples} samples are those of the record`;
}

/** A sample as training read it. Where unreadable rows are replaced, only decoding shows which those are. */
async function readAgain(position: number, unit: SampledUnit, seed: number): Promise<Sample> {
  const { dataset } = unit.source;
  const { height, width } = unit.resolution;
  const { result } = await replaceBadSample(
    position,
    { dataset, resolution: unit.resolution },
    async (at) => {
      const sample = await readSample(at, unit, seed);
      if (dataset.onBadSample !== undefined)
        await dataset.readPixels(sample.row, sample.geometry, new Uint8Array(height * width * 3));
      return sample;
    },
  );
  return result;
}

function chooseLines(lines: readonly LedgerLine[], step: number, most: number): LedgerLine[] {
  const sorted = [...lines].sort((a, b) => a.step - b.step);
  const after = sorted.filter((line) => line.step > step).slice(0, most);
  return after.length > 0 ? after : sorted.filter((line) => line.step <= step).slice(-most);
}
