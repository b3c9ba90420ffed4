import { readFileSync } from "node:fs";
import type { z } from "zod";

/**
 * The config.json beside weights, checked.
 * @param fault makes the error of a file that cannot be read or holds something else: path, key, what it must be, found
 */
export function readModelConfig<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  fault: (path: string, key: string, expected: string, found: unknown) => Error,
): z.output<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw fault(path, "the file", "readable JSON", cause instanceof Error ? cause.message : "");
  }
  const { data, error } = schema.safeParse(value);
  if (data !== undefined) return data;
  const first = error?.issues[0];
  const key = first?.path.join(".") ?? "";
  const found = typeof value === "object" && value !== null ? Reflect.get(value, key) : value;
  throw fault(path, key === "" ? "the file" : key, first?.message ?? "", found ?? null);
}
