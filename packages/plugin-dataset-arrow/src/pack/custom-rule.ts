import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { packRule } from "../errors.js";
import type { CheckedPicture } from "./check-picture.js";
import type { RowFacts } from "./rules.js";

/** A cleaning rule of one's own: the default export of a module named in the setting `rules`. */
export interface PackRule {
  /** The reason under which refused rows are counted. */
  readonly name: string;
  /** Why the row is refused, as text, or nothing. Must depend on its argument only, so that a second run decides alike. */
  check(row: RowFacts & CheckedPicture): string | undefined | null | Promise<string | undefined | null>;
}

/** Checks a rule's shape at compile time. */
export function definePackRule(rule: PackRule): PackRule {
  return rule;
}

/** @throws HYFW_PACK_RULE when the module cannot be loaded or exports no rule */
export async function importRule(module: string, cwd: string): Promise<PackRule> {
  let found: unknown;
  try {
    const path = pathToFileURL(resolve(cwd, module)).href;
    found = ((await import(path)) as { default?: unknown }).default;
  } catch (error) {
    throw packRule(module, "it cannot be loaded", error);
  }
  const { name, check } = (found ?? {}) as Partial<PackRule>;
  if (typeof name !== "string" || name === "" || typeof check !== "function")
    throw packRule(module, "its default export must be { name, check(row) }");
  return found as PackRule;
}

/** Changes when a rule's code does, so that a run is not continued with other rules. */
export function ruleFingerprint(module: string, cwd: string): string {
  try {
    return createHash("sha256")
      .update(readFileSync(resolve(cwd, module)))
      .digest("hex");
  } catch (error) {
    throw packRule(module, "it cannot be read", error);
  }
}
