import { readFileSync } from "node:fs";
import { isNode, isPair, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import { presetSyntax, presetUnreadable } from "../errors/settings.js";
import type { SettingPath } from "../settings/path.js";

/** A parsed data file that still knows the line of every value. */
export interface Source {
  readonly value: unknown;
  readonly locate: (path: SettingPath) => number | undefined;
}

/**
 * Reads a YAML 1.2 or JSON file (JSON is a subset of YAML 1.2).
 * @param below only this key of the file, as for the `hyfw` key of a package.json
 * @throws HYFW_PRESET_UNREADABLE, HYFW_PRESET_SYNTAX
 */
export function readSource(file: string, below: readonly string[] = []): Source {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw presetUnreadable(file, cause);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, version: "1.2", schema: "core" });
  const [fault] = document.errors;
  if (fault !== undefined) {
    const { line, col } = lines.linePos(fault.pos[0]);
    throw presetSyntax(file, line, col, fault);
  }
  const root: unknown = below.length === 0 ? document.contents : document.getIn(below, true);
  let value: unknown;
  try {
    value = isNode(root) ? root.toJS(document) : null;
  } catch (cause) {
    throw presetSyntax(file, 1, 1, cause);
  }
  const locate = (path: SettingPath): number | undefined => {
    const offset = offsetOf(root, path);
    return offset === undefined ? undefined : lines.linePos(offset).line;
  };
  return { value, locate };
}

/** Offset of the key of the last pair on the path, which is where a reader looks for the setting. */
function offsetOf(root: unknown, path: SettingPath): number | undefined {
  let node: unknown = root;
  let offset = isNode(root) ? startOf(root) : undefined;
  for (const key of path) {
    const items: readonly unknown[] = hasItems(node) ? node.items : [];
    const index = typeof key === "number" ? key : Number(key);
    const pair = items.find(
      (item) => isPair(item) && (isScalar(item.key) ? String(item.key.value) : undefined) === String(key),
    );
    if (isPair(pair)) {
      offset = isNode(pair.key) ? startOf(pair.key) : offset;
      node = pair.value;
    } else if (Number.isInteger(index) && isNode(items[index])) {
      node = items[index];
      offset = isNode(node) ? startOf(node) : offset;
    } else return undefined;
  }
  return offset;
}

function hasItems(node: unknown): node is { items: readonly unknown[] } {
  return typeof node === "object" && node !== null && "items" in node && Array.isArray(node.items);
}

function startOf(node: Node): number | undefined {
  return node.range?.[0];
}
