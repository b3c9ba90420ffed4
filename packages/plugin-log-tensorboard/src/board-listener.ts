import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { MetricsLine, RunListener } from "@hyfw/core";
import { EventFile } from "./event-file.js";
import type { LogTensorboardOptions } from "./options.js";

/** Writes logged steps and sample pictures of a run into event files in its folder. */
export function boardListener({ folder, pictures }: LogTensorboardOptions): RunListener & { close(): void } {
  let file: EventFile | undefined;
  return {
    onStart: ({ runDir, step }) => {
      file = new EventFile(join(runDir, folder), step);
    },
    onLog: (line) => file?.write({ step: line.step, scalars: scalarsOf(line) }),
    onSample: ({ step, files }) => {
      if (pictures) file?.write({ step, pictures: files.map(pictureOf) });
    },
    close: () => file?.close(),
  };
}

/** Every number of a logged step, groups under a name of their own. */
export function scalarsOf(line: MetricsLine): Record<string, number> {
  const {
    step: _step,
    phase: _phase,
    ms,
    parts,
    memory,
    lossByTimestep,
    lossByBucket,
    lossByCaption,
    validation,
    ...flat
  } = line;
  const grouped = {
    ms,
    parts,
    memory,
    "loss by timestep": lossByTimestep,
    "loss by bucket": lossByBucket,
    "loss by caption": lossByCaption,
    ...validationGroups(validation),
  };
  return {
    ...Object.fromEntries(Object.entries(flat).map(([name, value]) => [`train/${name}`, value])),
    ...Object.fromEntries(
      Object.entries(grouped).flatMap(([group, values]) =>
        Object.entries(values).map(([name, value]) => [`${group}/${name}`, Number(value)]),
      ),
    ),
  };
}

/** Losses of the rows that are never trained on. */
function validationGroups(
  validation: MetricsLine["validation"],
): Record<string, Readonly<Record<string, number>>> {
  if (validation === undefined) return {};
  const { loss, parts, lossByTimestep } = validation;
  return { validation: { loss, ...parts }, "validation loss by timestep": lossByTimestep };
}

/** A PNG file with its size, which its header holds from byte 16 on. */
function pictureOf(path: string): { tag: string; height: number; width: number; png: Buffer } {
  const png = readFileSync(path);
  return {
    tag: `samples/${basename(path, ".png")}`,
    width: png.readUInt32BE(16),
    height: png.readUInt32BE(20),
    png,
  };
}
