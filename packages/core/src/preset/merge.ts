import { isPlainObject, type SettingPath } from "../settings/path.js";
import { DELETE } from "../settings/schema.js";
import type { Layer } from "./layer.js";
import type { Origin } from "./origin.js";

/**
 * One place of the merged settings. A branch has `children`; a leaf has `value` (lists are leaves).
 * A removed place keeps its origin, so that `config why` can tell who removed it.
 */
export interface MergedNode {
  readonly origin: Origin;
  readonly layer: Layer;
  readonly path: SettingPath;
  readonly children?: ReadonlyMap<string, MergedNode>;
  readonly value?: unknown;
  readonly isRemoved?: boolean;
}

/** Lays layers over each other, first to last: objects merge, everything else replaces, `$delete` removes. */
export function mergeLayers(layers: readonly Layer[]): MergedNode | undefined {
  let merged: MergedNode | undefined;
  for (const layer of layers) merged = lay(merged, layer.value, layer, []);
  return merged;
}

function lay(
  below: MergedNode | undefined,
  value: unknown,
  layer: Layer,
  path: SettingPath,
): MergedNode | undefined {
  if (value === undefined) return below;
  if (value === DELETE) return { ...leaf(below, value, layer, path), isRemoved: true };
  // An empty YAML key (`train:`) and a plugin without options (`text-characters:`) say nothing of what is below.
  const isEmptyMap = value === null && (below?.children !== undefined || isPluginPath(path));
  if (!isEmptyMap && !isPlainObject(value)) return leaf(below, value, layer, path);
  const isFresh = below?.children === undefined || below.isRemoved === true;
  const children = new Map(isFresh ? [] : below.children);
  for (const [key, child] of Object.entries(isEmptyMap ? {} : (value as object))) {
    const before = children.get(key);
    const node = lay(before, child, layer, [...path, key]);
    // What was removed and is named again comes last, as if it were new: the order of plugins is their order here.
    if (before?.isRemoved === true) children.delete(key);
    if (node !== undefined) children.set(key, node);
  }
  if (!isFresh) return { ...below, children };
  return { origin: originOf(below, undefined, layer, path), layer, path, children };
}

function leaf(below: MergedNode | undefined, value: unknown, layer: Layer, path: SettingPath): MergedNode {
  return { origin: originOf(below, value, layer, path), layer, path, value };
}

function originOf(below: MergedNode | undefined, value: unknown, layer: Layer, path: SettingPath): Origin {
  const line = layer.locate(path);
  return {
    layer: layer.layer,
    name: layer.name,
    value,
    ...(layer.file !== undefined && { file: layer.file }),
    ...(line !== undefined && { line }),
    ...(below !== undefined && { overrode: below.origin }),
  };
}

function isPluginPath(path: SettingPath): boolean {
  return path.length === 2 && path[0] === "plugins";
}

/**
 * The values of a merged tree without their origins; removed places are absent.
 * @param read value of a leaf, as written when left out
 */
export function plainValue(
  node: MergedNode,
  read: (leaf: MergedNode) => unknown = (leaf) => leaf.value,
): unknown {
  if (node.children === undefined) return read(node);
  const entries: [string, unknown][] = [];
  for (const [key, child] of node.children)
    if (child.isRemoved !== true) entries.push([key, plainValue(child, read)]);
  return Object.fromEntries(entries);
}

/** The deepest node on a path, and how many of its keys led there. */
export function nodeAt(
  root: MergedNode | undefined,
  path: SettingPath,
): { node: MergedNode; depth: number } | undefined {
  if (root === undefined) return undefined;
  let node = root;
  let depth = 0;
  for (const key of path) {
    const child = node.children?.get(String(key));
    if (child === undefined) break;
    node = child;
    depth += 1;
  }
  return { node, depth };
}

/** Who set the value at a path; inside a list, the line of the very element. */
export function originAt(root: MergedNode | undefined, path: SettingPath): Origin | undefined {
  const found = nodeAt(root, path);
  if (found === undefined) return undefined;
  const { node, depth } = found;
  if (depth === path.length) return node.origin;
  if (node.children !== undefined || !Array.isArray(node.value)) return undefined;
  const line = node.layer.locate(path) ?? node.origin.line;
  return { ...node.origin, ...(line !== undefined && { line }) };
}
