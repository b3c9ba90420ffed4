import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { z } from "@hyfw/core";

/** What one golden case came to. `error` and `limit` are there when a number was compared. */
export interface GoldenCase {
  readonly name: string;
  readonly status: "passed" | "failed" | "skipped";
  /** What was compared, what differs, or why it was left out. */
  readonly detail: string;
  readonly error?: number;
  readonly limit?: number;
}

/** Runs a check; what it throws makes the case fail. It gives what was compared, or a skipped or measured case. */
export async function check(
  name: string,
  run: () => Promise<string | Omit<GoldenCase, "name">> | string | Omit<GoldenCase, "name">,
): Promise<GoldenCase> {
  try {
    const result = await run();
    return typeof result === "string" ? { name, status: "passed", detail: result } : { name, ...result };
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    return { name, status: "failed", detail: what.split("\n")[0] ?? "" };
  }
}

/** A case left out, with the reason. */
export function skipped(detail: string): Omit<GoldenCase, "name"> {
  return { status: "skipped", detail };
}

/** A case with a measured error: passed when it is at most `limit`. */
export function measured(detail: string, error: number, limit: number): Omit<GoldenCase, "name"> {
  return { status: error <= limit ? "passed" : "failed", detail, error, limit };
}

/** @throws Error showing both sides when they differ in value or order */
export function same(what: string, found: unknown, expected: unknown): void {
  const a = JSON.stringify(found);
  const b = JSON.stringify(expected);
  if (a === b) return;
  const short = (text: string | undefined) =>
    text !== undefined && text.length > 160 ? `${text.slice(0, 160)}…` : String(text);
  throw new Error(`${what}: expected ${short(b)}, found ${short(a)}`);
}

/** The JSON file of a folder in the shape asked for, or undefined when the folder lacks it. */
export function load<Schema extends z.ZodType>(
  folder: string,
  file: string,
  schema: Schema,
): z.output<Schema> | undefined {
  const path = join(folder, file);
  if (!existsSync(path)) return undefined;
  return schema.parse(JSON.parse(readFileSync(path, "utf8")));
}
