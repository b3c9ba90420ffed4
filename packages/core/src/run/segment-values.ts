import type { Tensor } from "@hyfw/native";
import { segmentReads, segmentWrites } from "../errors/training.js";
import type { Segment, Values } from "../hooks/model.js";

const FLOATS: ReadonlySet<string> = new Set(["float16", "bfloat16", "float32", "float64"]);

/** For each segment, which of its reads a gradient can flow through: written by a segment before it that trains or reads such. */
export function flowingReads(segments: readonly Segment[]): ReadonlySet<string>[] {
  const flowing = new Set<string>();
  return segments.map(({ reads, writes, parameters }) => {
    const own = new Set(reads.filter((name) => flowing.has(name)));
    const isTrained = parameters.some(({ storage }) => storage.requiresGrad);
    for (const name of writes) {
      if (isTrained || own.size > 0) flowing.add(name);
      else flowing.delete(name);
    }
    return own;
  });
}

/** What a segment reads, by name. @throws HYFW_SEGMENT_READS when something is not there */
export function takeReads(segment: Segment, current: ReadonlyMap<string, Tensor>): Values {
  const taken: Record<string, Tensor> = {};
  for (const name of segment.reads) {
    const value = current.get(name);
    if (value === undefined) throw segmentReads(segment.name, name, [...current.keys()]);
    taken[name] = value;
  }
  return taken;
}

/** One of the values. @throws HYFW_SEGMENT_READS when it is not there */
export function valueNamed(name: string, current: ReadonlyMap<string, Tensor>): Tensor {
  const value = current.get(name);
  if (value === undefined) throw segmentReads("the walk's end", name, [...current.keys()]);
  return value;
}

/** The values cut off from the graphs that made them; floating ones in `flowing` ask for gradients. */
export function makeLeaves(values: Values, flowing: ReadonlySet<string>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const leaf = value.detach();
      return [name, flowing.has(name) && FLOATS.has(leaf.dtype) ? leaf.setRequiresGrad() : leaf];
    }),
  );
}

/** Runs a segment. @throws HYFW_SEGMENT_WRITES when it gives other values than it says */
export function runChecked(segment: Segment, values: Values): Values {
  const written = segment.run(values);
  const names = Object.keys(written);
  if (names.length !== segment.writes.length || !segment.writes.every((name) => Object.hasOwn(written, name)))
    throw segmentWrites(segment.name, segment.writes, names);
  return written;
}
