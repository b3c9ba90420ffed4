import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type Scalar } from "yaml";

/** A value of a YAML file as YAML 1.1 reads it, with its line. */
export interface YamlValue {
  readonly line: number;
  readonly data: YamlData;
  /** The text of a plain scalar as written. */
  readonly written?: string;
  /** Why a plain scalar is not taken for a value: versions of YAML or readers differ on it. */
  readonly doubt?: string;
}

/** What a YAML value is. Whole numbers and floats are told apart: the official filters ask for one or the other. */
export type YamlData =
  | { readonly kind: "null" }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "int" | "float"; readonly value: number }
  | { readonly kind: "str"; readonly value: string }
  | { readonly kind: "list"; readonly items: readonly YamlValue[] }
  | { readonly kind: "map"; readonly entries: ReadonlyMap<string, YamlEntry> };

/** One key of a map with its value. */
export interface YamlEntry {
  readonly line: number;
  readonly value: YamlValue;
  /** Whether an anchor inside it is used elsewhere, so that the key may stand only for that. */
  readonly holdsUsedAnchor: boolean;
}

/** What makes a YAML file unreadable: the line and the reason. */
export class YamlFault extends Error {
  constructor(
    readonly line: number,
    message: string,
  ) {
    super(message);
  }
}

/** Nested deeper than this is taken for an attack; the official files nest four levels. */
const DEEPEST = 32;

/**
 * The value of a YAML text by the rules of YAML 1.1, as the official tools' parser reads it: `yes` is true, `0400` is
 * 256, `1e2` is text. What the versions of YAML read differently carries a `doubt` or, where only one reading makes
 * sense for the key, leaves the choice to the caller. Anchors and merge keys are followed; a key twice is refused.
 * @throws YamlFault
 */
export function readYaml(text: string): YamlValue {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: "1.1",
    schema: "failsafe",
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
  });
  const [error] = document.errors;
  if (error !== undefined)
    throw new YamlFault(lines.linePos(error.pos[0]).line, error.message.split("\n")[0] ?? error.message);
  const lineOf = (node: Node | null | undefined): number => lines.linePos(node?.range?.[0] ?? 0).line;
  const usedAnchors = new Set<string>();
  const known = new Map<Node, YamlValue>();
  const open = new Set<Node>();

  const resolve = (node: Node | null | undefined, depth: number): YamlValue => {
    if (node === null || node === undefined) return { line: 1, data: { kind: "null" } };
    const before = known.get(node);
    if (before !== undefined) return before;
    const line = lineOf(node);
    if (depth > DEEPEST) throw new YamlFault(line, `nested more than ${DEEPEST} levels deep`);
    if (open.has(node)) throw new YamlFault(line, "it contains itself");
    open.add(node);
    const value = build(node, line, depth);
    open.delete(node);
    known.set(node, value);
    return value;
  };

  const build = (node: Node, line: number, depth: number): YamlValue => {
    if (isAlias(node)) {
      usedAnchors.add(node.source);
      const target = node.resolve(document);
      if (target === undefined) throw new YamlFault(line, `there is no anchor &${node.source}`);
      return { ...resolve(target, depth + 1), line };
    }
    if (isScalar(node)) return scalarOf(node, line);
    if (isSeq(node)) {
      const items = node.items.map((item) => resolve(item as Node | null, depth + 1));
      return { line, data: { kind: "list", items } };
    }
    if (isMap(node)) return { line, data: { kind: "map", entries: mapOf(node.items, depth) } };
    throw new YamlFault(line, "a value of an unknown kind");
  };

  const mapOf = (
    pairs: readonly { key: unknown; value: unknown }[],
    depth: number,
  ): Map<string, YamlEntry> => {
    const own = new Map<string, YamlEntry>();
    const merged = new Map<string, YamlEntry>();
    for (const pair of pairs) {
      const key = pair.key as Node | null;
      const line = lineOf(key);
      if (!isScalar(key)) throw new YamlFault(line, "a key that is no plain word");
      const name = String(key.value ?? "");
      const value = resolve(pair.value as Node | null, depth + 1);
      if (name === "<<" && key.type === "PLAIN") {
        for (const [inner, entry] of mergedOf(value, line))
          if (!merged.has(inner)) merged.set(inner, { ...entry, holdsUsedAnchor: false });
        continue;
      }
      if (own.has(name)) throw new YamlFault(line, `the key ${JSON.stringify(name)} stands there twice`);
      own.set(name, {
        line,
        value: value.data.kind === "null" ? { ...value, line } : value,
        holdsUsedAnchor: anchorsOf(pair.value as Node | null).some((anchor) => usedAnchors.has(anchor)),
      });
    }
    return new Map([...[...merged].filter(([name]) => !own.has(name)), ...own]);
  };

  if (document.contents !== null) markAliases(document.contents as Node, usedAnchors);
  return resolve(document.contents as Node | null, 0);
}

function mergedOf(value: YamlValue, line: number): [string, YamlEntry][] {
  if (value.data.kind === "map") return [...value.data.entries];
  if (value.data.kind === "list") return value.data.items.flatMap((item) => mergedOf(item, line));
  throw new YamlFault(line, "<< needs a map to merge");
}

/** Every node below one, itself included; aliases are not followed. */
function* nodesBelow(node: Node | null | undefined): Generator<Node> {
  if (node === null || node === undefined) return;
  yield node;
  if (isSeq(node)) for (const item of node.items) yield* nodesBelow(item as Node | null);
  if (isMap(node))
    for (const { key, value } of node.items) {
      yield* nodesBelow(key as Node | null);
      yield* nodesBelow(value as Node | null);
    }
}

function markAliases(root: Node, used: Set<string>): void {
  for (const node of nodesBelow(root)) if (isAlias(node)) used.add(node.source);
}

function anchorsOf(node: Node | null): string[] {
  return [...nodesBelow(node)].flatMap((inner) =>
    "anchor" in inner && typeof inner.anchor === "string" ? [inner.anchor] : [],
  );
}

function scalarOf(node: Scalar, line: number): YamlValue {
  const text = String(node.value ?? "");
  if (node.tag !== undefined && !/^(!|tag:yaml\.org,2002:str)$/.test(node.tag))
    throw new YamlFault(line, `the tag ${node.tag} is not read; write the value plainly`);
  if (node.type !== "PLAIN" || node.tag !== undefined) return { line, data: { kind: "str", value: text } };
  return { line, written: text, ...plain(text) };
}

/** The patterns of YAML 1.1 as PyYAML has them: stricter about floats and wider about truth values than YAML 1.2. */
function plain(text: string): { data: YamlData; doubt?: string } {
  if (/^(~|null|Null|NULL|)$/.test(text)) return { data: { kind: "null" } };
  const bool = /^(?:(yes|Yes|YES|true|True|TRUE|on|On|ON)|(no|No|NO|false|False|FALSE|off|Off|OFF))$/.exec(
    text,
  );
  if (bool !== null) return { data: { kind: "bool", value: bool[1] !== undefined } };
  if (/^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$/.test(text))
    return {
      data: { kind: text.includes(".") ? "float" : "int", value: sexagesimal(text) },
      doubt: `YAML 1.1 takes ${text} without quotes for the number ${sexagesimal(text)} (base 60)`,
    };
  const whole = /^([-+]?)(?:0b([0-1_]+)|0x([0-9a-fA-F_]+)|(0[0-7_]+)|(0|[1-9][0-9_]*))$/.exec(text);
  if (whole !== null) return { data: { kind: "int", value: wholeOf(whole) } };
  if (/^([-+]?[0-9][0-9_]*\.[0-9_]*([eE][-+][0-9]+)?|[-+]?\.[0-9_]+([eE][-+][0-9]+)?)$/.test(text)) {
    const value = Number(text.replaceAll("_", ""));
    if (Number.isFinite(value)) return { data: { kind: "float", value } };
  }
  const special = /^([-+]?)\.(?:(inf|Inf|INF)|nan|NaN|NAN)$/.exec(text);
  if (special !== null) {
    const inf = special[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    return { data: { kind: "float", value: special[2] === undefined ? Number.NaN : inf } };
  }
  if (/^\d{4}-\d\d?-\d\d?([Tt ].*)?$/.test(text))
    return {
      data: { kind: "str", value: text },
      doubt: `YAML 1.1 takes ${text} without quotes for a date`,
    };
  if (text === "=")
    return { data: { kind: "str", value: text }, doubt: "YAML 1.1 gives = a meaning of its own" };
  if (/^[-+]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)[eE][-+]?\d+$/.test(text))
    return {
      data: { kind: "str", value: text },
      doubt: `YAML 1.1 takes ${text} for text, YAML 1.2 for a number; write a point and a sign, for example 1.0e+2`,
    };
  if (/^0o[0-7]+$/.test(text))
    return {
      data: { kind: "str", value: text },
      doubt: `YAML 1.1 takes ${text} for text, YAML 1.2 for the number ${Number(text)}`,
    };
  return { data: { kind: "str", value: text } };
}

function wholeOf([, sign, binary, hex, octal, decimal]: RegExpExecArray): number {
  const digits = (text: string): string => text.replaceAll("_", "");
  const size =
    binary !== undefined
      ? Number.parseInt(digits(binary), 2)
      : hex !== undefined
        ? Number.parseInt(digits(hex), 16)
        : octal !== undefined
          ? Number.parseInt(digits(octal), 8)
          : Number(digits(decimal ?? ""));
  return sign === "-" ? -size : size;
}

function sexagesimal(text: string): number {
  const sign = text.startsWith("-") ? -1 : 1;
  const parts = text.replace(/^[-+]/, "").replaceAll("_", "").split(":").map(Number);
  return sign * parts.reduce((sum, part) => sum * 60 + part, 0);
}
