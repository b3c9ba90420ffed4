import { readFileSync } from "node:fs";
import { z } from "@hyfw/core";
import { tokenizerFile } from "../errors.js";

/** A JSON file in the shape asked for. @throws HYFW_TOKENIZER_FILE */
export function readJson<Schema extends z.ZodType>(path: string, schema: Schema): z.output<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw tokenizerFile(path, "cannot be read as JSON", cause);
  }
  const { data, error } = schema.safeParse(value);
  if (error !== undefined) throw tokenizerFile(path, `is not what was expected: ${z.prettifyError(error)}`);
  return data;
}
