import { suggest } from "@hyfw/core";
import { indexDifference, indexSetting } from "../errors.js";
import type { Difference } from "./differences.js";

import { readYaml, type YamlData, type YamlEntry, YamlFault, type YamlValue } from "./yaml-tree.js";

type Kind = YamlData["kind"];
/** The data of one kind. Whole numbers and floats share a type. */
type Of<K extends Kind> = K extends "int" | "float"
  ? { readonly value: number }
  : Extract<YamlData, { kind: K }>;

const WORDS: Readonly<Record<Kind, string>> = {
  null: "nothing",
  bool: "a truth value",
  int: "a whole number",
  float: "a number with a point",
  str: "a text",
  list: "a list",
  map: "a map",
};

/**
 * Reads settings out of one official YAML file: checks types as the official tools do, and names file, line and key in
 * every refusal. `notes` collects what a person should see although nothing is wrong.
 */
export class YamlReader {
  readonly notes: string[] = [];

  constructor(
    readonly file: string,
    /** Reproduces the official result: unknown keys are passed over. */
    readonly asOfficial: boolean,
  ) {}

  /** @throws HYFW_INDEX_SETTING, HYFW_INDEX_DIFFERENCE naming the line */
  parse(text: string): YamlValue {
    try {
      return readYaml(text);
    } catch (fault) {
      if (!(fault instanceof YamlFault)) throw fault;
      if (/stands there twice/.test(fault.message))
        throw this.differs(
          fault.line,
          "key-twice",
          fault.message,
          "leave one of them; the official tools silently take the last",
        );
      throw indexSetting(this.file, fault.line, fault.message, "correct the YAML");
    }
  }

  fault(line: number, what: string, todo: string): unknown {
    return indexSetting(this.file, line, what, todo);
  }

  differs(line: number, difference: Difference, what: string, todo: string): unknown {
    return indexDifference({ file: this.file, line }, difference, what, todo);
  }

  /** The entries of a map whose keys are all known. A key that only holds a used anchor may have any name. */
  map(value: YamlValue, path: string, keys: readonly string[]): ReadonlyMap<string, YamlEntry> {
    const { entries } = this.#is(value, path, "map");
    for (const [name, { line, holdsUsedAnchor }] of entries) {
      if (keys.includes(name) || holdsUsedAnchor) continue;
      const guess = suggest(name, keys);
      if (this.asOfficial) {
        this.notes.push(
          `${this.file}, line ${line}: the key ${JSON.stringify(name)} means nothing and is passed over`,
        );
        continue;
      }
      throw this.differs(
        line,
        "unknown-key",
        `unknown key ${JSON.stringify(name)}${path === "" ? "" : ` in ${path}`}${guess === undefined ? "" : `; did you mean ${JSON.stringify(guess)}?`}`,
        `there are ${keys.join(", ")}; the official tools pass over others without a word`,
      );
    }
    return entries;
  }

  list(value: YamlValue, path: string): readonly YamlValue[] {
    return this.#is(value, path, "list").items;
  }

  text(value: YamlValue, path: string): string {
    if (value.data.kind !== "str" && value.written !== undefined && value.data.kind !== "null")
      throw this.differs(
        value.line,
        "yaml-doubt",
        `${path} must be a text, but YAML 1.1 takes ${value.written} for ${WORDS[value.data.kind]}`,
        `put it in quotes: "${value.written}"`,
      );
    return this.#is(value, path, "str").value;
  }

  bool(value: YamlValue, path: string): boolean {
    return this.#is(value, path, "bool").value;
  }

  /** A whole number; a truth value passes as 0 or 1 where the official tools let it. */
  whole(value: YamlValue, path: string): number {
    const { value: number } = this.#is(value, path, "int");
    if (!Number.isSafeInteger(number))
      throw this.fault(value.line, `${path} is beyond 2^53`, "choose a smaller number");
    if (/^[-+]?0[0-7_]+$/.test(value.written ?? ""))
      this.notes.push(
        `${this.file}, line ${value.line}: ${path}: ${value.written} is octal in YAML 1.1, ${number}; a YAML 1.2 reader takes another number, so write ${number}`,
      );
    return number;
  }

  float(value: YamlValue, path: string): number {
    if (value.data.kind === "int")
      throw this.fault(
        value.line,
        `${path} must be a number with a point, found ${value.written}`,
        `write ${value.written}.0, as the official tools ask for`,
      );
    return this.#is(value, path, "float").value;
  }

  /** The value of a key that must be there. */
  required(entries: ReadonlyMap<string, YamlEntry>, key: string, path: string, line: number): YamlValue {
    const entry = entries.get(key);
    if (entry === undefined) throw this.fault(line, `${path} lacks ${key}`, `give ${path} the key ${key}`);
    return entry.value;
  }

  /** A text or a list of texts. */
  texts(value: YamlValue, path: string): string[] {
    if (value.data.kind === "list")
      return value.data.items.map((item, i) => this.text(item, `${path}[${i}]`));
    return [this.text(value, path)];
  }

  #is<K extends Kind>(value: YamlValue, path: string, kind: K): Of<K> {
    const name = path === "" ? "the file" : path;
    if (value.doubt !== undefined)
      throw this.differs(
        value.line,
        "yaml-doubt",
        `${name}: ${value.doubt}`,
        "put texts in quotes, and write numbers plainly",
      );
    if (value.data.kind === kind) return value.data as Of<K>;
    const found =
      value.written === undefined || value.data.kind === "null" ? WORDS[value.data.kind] : value.written;
    throw this.fault(value.line, `${name} must be ${WORDS[kind]}, found ${found}`, "correct the YAML");
  }
}
