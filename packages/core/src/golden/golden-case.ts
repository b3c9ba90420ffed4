import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { z } from "zod";

/** What one golden case came to. `error` and `limit` are there when a number was compared. */
export interface GoldenCase {
  readonly name: string;
  readonly status: "passed" | "failed" | "skipped";
  /** What was compared, what differs, or why it was left out. */
  readonly detail: string;
  /** The largest error, in the limit's unit. */
  readonly error?: number;
  readonly limit?: number;
}

/** A case without its name. */
export type Outcome = Omit<GoldenCase, "name">;

/** Runs a check; what it throws makes the case fail. */
export function check(name: string, run: () => Outcome): GoldenCase {
  try {
    return { name, ...run() };
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    return { name, status: "failed", detail: what.split("\n")[0] ?? "" };
  }
}

/** A case left out, with the reason. */
export function skipped(name: string, detail: string): GoldenCase {
  return { name, status: "skipped", detail };
}

/** The largest of many errors against one limit, and where it was. Errors that are not numbers count as infinite. */
export class Worst {
  private error = 0;
  private place = "";
  private count = 0;

  /** @param what the numbers that were compared; @param limitText how the limit reads where it is no plain number */
  constructor(
    private readonly what: string,
    private readonly limit: number,
  ) {}

  /** @param weight for errors whose own limit differs: how many times the case's limit it is */
  add(place: string, error: number, weight = 1): void {
    this.count++;
    const measured = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error / weight;
    if (measured <= this.error && this.place !== "") return;
    this.error = measured;
    this.place = place;
  }
  outcome(): Outcome {
    const { error, limit, count, place, what } = this;
    if (count === 0) return { status: "failed", detail: `${what}: nothing to compare` };
    return {
      status: error <= limit ? "passed" : "failed",
      detail: `${what}, ${count} compared, largest at ${place}`,
      error,
      limit,
    };
  }
}

/** The JSON file of a folder in the shape asked for, or undefined when the folder lacks it. */
export function load<Schema extends z.ZodType>(
  folder: string,
  file: string,
  schema: Schema,
): z.output<Schema> | undefined {
  const path = join(folder, file);
  if (!existsSync(path)) return undefined;
  // Python writes infinities and NaN bare, which JSON does not have; nothing that is compared holds any.
  const text = readFileSync(path, "utf8").replace(/(:\s*)(-?Infinity|NaN)\b/g, "$1null");
  return schema.parse(JSON.parse(text));
}

/** Names of JSON files in a folder that match, without the ending, sorted. */
export function jsonNames(folder: string, pattern: RegExp): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .map((file) => file.slice(0, -".json".length))
    .filter((name) => pattern.test(name))
    .sort();
}

/** @throws Error showing both sides when they differ in value or order */
export function same(what: string, found: unknown, expected: unknown): void {
  const a = JSON.stringify(found);
  const b = JSON.stringify(expected);
  if (a === b) return;
  const short = (text: string | undefined): string =>
    text !== undefined && text.length > 120 ? `${text.slice(0, 120)}…` : String(text);
  throw new Error(`${what}: expected ${short(b)}, found ${short(a)}`);
}
