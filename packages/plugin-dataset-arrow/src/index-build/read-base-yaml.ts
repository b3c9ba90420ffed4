import {
  ColumnFilter,
  type ColumnRule,
  columnFilterFault,
  IndexRecipe,
  LENGTH_ACTIONS,
  Md5Filter,
  type Md5Repeater,
  md5FilterFault,
  NUMBER_ACTIONS,
  TEXT_ACTIONS,
} from "./index-recipe.js";
import { YamlReader } from "./yaml-reader.js";
import type { YamlEntry, YamlValue } from "./yaml-tree.js";

/** A recipe read from the official YAML, and what a person should see about it. */
export interface ReadRecipe {
  readonly recipe: IndexRecipe;
  readonly notes: readonly string[];
}

/**
 * Reads the YAML of the official `idk base`. The one place where its keys are translated.
 * @param asOfficial takes what the official tool takes, defects included; each is noted
 * @throws HYFW_INDEX_SETTING, HYFW_INDEX_DIFFERENCE naming line and key
 */
export function readBaseYaml(text: string, file: string, asOfficial = false): ReadRecipe {
  const yaml = new YamlReader(file, asOfficial);
  const root = yaml.parse(text);
  const keys = yaml.map(root, "", ["source", "filter", "repeater", "remove_md5_dup"]);
  const source = keys.get("source");
  if (source === undefined)
    throw yaml.fault(root.line, "the key source is missing", "list the Arrow files under source");
  const filter = sub(yaml, keys.get("filter"), "filter", ["column", "md5"]);
  const repeater = sub(yaml, keys.get("repeater"), "repeater", ["md5", "arrow_file_keyword"]);
  const items = (
    entries: ReadonlyMap<string, YamlEntry>,
    path: string,
    key: string,
  ): readonly YamlValue[] => {
    const entry = entries.get(key);
    return entry === undefined ? [] : yaml.list(entry.value, `${path}.${key}`);
  };
  const sources = yaml.list(source.value, "source");
  if (sources.length === 0)
    throw yaml.fault(source.line, "source is empty", "list the Arrow files under source");
  const dedup = keys.get("remove_md5_dup");
  const recipe: IndexRecipe = {
    source: sources.map((value, i) => readSource(yaml, value, `source[${i}]`)),
    columnFilters: items(filter, "filter", "column").map((value, i) =>
      readRule(yaml, value, `filter.column[${i}]`),
    ),
    md5Filters: items(filter, "filter", "md5").map((value, i) => readMd5(yaml, value, `filter.md5[${i}]`)),
    md5Repeaters: items(repeater, "repeater", "md5").map((value, i) =>
      readRepeater(yaml, value, `repeater.md5[${i}]`),
    ),
    keywordRepeaters: items(repeater, "repeater", "arrow_file_keyword").map((value, i) => {
      const path = `repeater.arrow_file_keyword[${i}]`;
      const own = yaml.map(value, path, ["repeat", "keyword"]);
      const keyword = yaml.required(own, "keyword", path, value.line);
      return {
        repeat: atLeast0(yaml, yaml.required(own, "repeat", path, value.line), `${path}.repeat`),
        keyword: yaml
          .list(keyword, `${path}.keyword`)
          .map((word, k) => yaml.text(word, `${path}.keyword[${k}]`)),
      };
    }),
    removeMd5Dup: dedup === undefined ? false : yaml.bool(dedup.value, "remove_md5_dup"),
  };
  const checked = IndexRecipe.safeParse(recipe);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw yaml.fault(root.line, `${issue?.path.join(".")}: ${issue?.message}`, "correct the YAML");
  }
  return { recipe: checked.data, notes: yaml.notes };
}

function sub(
  yaml: YamlReader,
  entry: YamlEntry | undefined,
  path: string,
  keys: readonly string[],
): ReadonlyMap<string, YamlEntry> {
  return entry === undefined ? new Map() : yaml.map(entry.value, path, keys);
}

function readSource(yaml: YamlReader, value: YamlValue, path: string): IndexRecipe["source"][number] {
  if (value.data.kind !== "map") return { path: yaml.text(value, path), repeat: 1, exclude: [] };
  const [[pattern, entry] = [], more] = [...value.data.entries];
  if (pattern === undefined || entry === undefined || more !== undefined)
    throw yaml.fault(value.line, `${path} must name one path`, "write one entry of the list per path");
  const own = yaml.map(entry.value, `${path} (${pattern})`, ["repeat", "exclude"]);
  const repeat = own.get("repeat");
  const exclude = own.get("exclude");
  return {
    path: pattern,
    repeat: repeat === undefined ? 1 : atLeast0(yaml, repeat.value, `${path}.repeat`),
    exclude: exclude === undefined ? [] : readExclude(yaml, exclude.value, `${path}.exclude`),
  };
}

function readExclude(yaml: YamlReader, value: YamlValue, path: string): string[] {
  if (value.data.kind === "list") return yaml.texts(value, path);
  const text = yaml.text(value, path);
  if (!yaml.asOfficial)
    throw yaml.differs(
      value.line,
      "exclude-string",
      `${path} must be a list of texts, found the text ${JSON.stringify(text)}`,
      `write ["${text}"]; the official tools leave out every file whose path contains any one letter of it`,
    );
  yaml.notes.push(`${yaml.file}, line ${value.line}: ${path} is a text and taken letter by letter`);
  return [...text];
}

function atLeast0(yaml: YamlReader, value: YamlValue, path: string): number {
  const number = yaml.whole(value, path);
  if (number < 0) throw yaml.fault(value.line, `${path} is ${number}`, "give 0 or more");
  return number;
}

const FILTER_KEYS = [
  "name",
  "type",
  "action",
  "target",
  "default",
  "arrow_file_keyword",
  "nulls",
  "missing_column",
];

function readRule(yaml: YamlReader, value: YamlValue, path: string): ColumnRule {
  const isOr = value.data.kind === "map" && value.data.entries.has("logical_or");
  if (!isOr) return readFilter(yaml, value, path);
  const own = yaml.map(value, path, ["logical_or"]);
  const members = yaml.list(yaml.required(own, "logical_or", path, value.line), `${path}.logical_or`);
  if (members.length === 0)
    throw yaml.fault(value.line, `${path}.logical_or is empty`, "list filters under it");
  return { logicalOr: members.map((member, i) => readFilter(yaml, member, `${path}.logical_or[${i}]`)) };
}

function readFilter(yaml: YamlReader, value: YamlValue, path: string): ColumnFilter {
  const own = yaml.map(value, path, FILTER_KEYS);
  const required = (key: string) => yaml.required(own, key, path, value.line);
  const type = oneOf(yaml, required("type"), `${path}.type`, ["int", "float", "str"]);
  const actions = type === "str" ? [...TEXT_ACTIONS, ...LENGTH_ACTIONS] : [...NUMBER_ACTIONS];
  const action = oneOf(yaml, required("action"), `${path}.action`, actions);
  const isLength = action.startsWith("len_");
  const scalar = (key: "target" | "default") => {
    const found = required(key);
    const name = `${path}.${key}`;
    if (key === "target" && action === "one_of")
      return yaml.list(found, name).map((item, i) => yaml.text(item, `${name}[${i}]`));
    if (key === "target" && found.data.kind === "list")
      throw yaml.fault(
        found.line,
        `${name} must be one value, found a list`,
        "for membership in a list use the action one_of, which only hyfw has",
      );
    if (type === "float") return yaml.float(found, name);
    if (type === "str" && !isLength) return yaml.text(found, name);
    return found.data.kind === "bool" ? found.data.value : yaml.whole(found, name);
  };
  const nulls = own.get("nulls")?.value;
  const missing = own.get("missing_column")?.value;
  const filter = ColumnFilter.parse({
    name: yaml.text(required("name"), `${path}.name`),
    type,
    action,
    target: scalar("target"),
    default: scalar("default"),
    arrowFileKeyword: keywords(yaml, own, path),
    nulls:
      nulls === undefined
        ? yaml.asOfficial
          ? "official"
          : "refuse"
        : oneOf(yaml, nulls, `${path}.nulls`, ["refuse", "drop", "keep", "default", "official"]),
    missingColumn:
      missing === undefined
        ? yaml.asOfficial
          ? "keep"
          : "refuse"
        : oneOf(yaml, missing, `${path}.missing_column`, ["refuse", "drop", "keep"]),
  });
  const fault = columnFilterFault(filter);
  if (fault !== undefined)
    throw yaml.fault(value.line, `${path}.${fault.key}: ${fault.what}`, "correct the filter");
  return filter;
}

function keywords(yaml: YamlReader, own: ReadonlyMap<string, YamlEntry>, path: string): string[] {
  const entry = own.get("arrow_file_keyword");
  return entry === undefined ? [] : yaml.texts(entry.value, `${path}.arrow_file_keyword`);
}

function oneOf<Word extends string>(
  yaml: YamlReader,
  value: YamlValue,
  path: string,
  words: readonly Word[],
): Word {
  const text = yaml.text(value, path);
  const found = words.find((word) => word === text);
  if (found === undefined)
    throw yaml.fault(value.line, `${path} is ${JSON.stringify(text)}`, `there are ${words.join(", ")}`);
  return found;
}

function readMd5(yaml: YamlReader, value: YamlValue, path: string): Md5Filter {
  if (value.data.kind === "map" && value.data.entries.has("logical_or"))
    throw yaml.fault(
      value.line,
      `${path}: logical_or is there for column filters only`,
      "list the MD5s in one file",
    );
  const own = yaml.map(value, path, [
    "name",
    "path",
    "type",
    "action",
    "target",
    "is_valid",
    "arrow_file_keyword",
  ]);
  const required = (key: string) => yaml.required(own, key, path, value.line);
  const type = oneOf(yaml, required("type"), `${path}.type`, ["list", "dict"]);
  const isValid = own.get("is_valid");
  if (isValid === undefined && (type === "dict" || !yaml.asOfficial))
    throw yaml.differs(
      value.line,
      "is-valid-missing",
      `${path} lacks is_valid`,
      "give is_valid: true to keep the rows that are found, or false to keep the others; the official tools take false",
    );
  const target = own.get("target")?.value;
  const filter: Md5Filter = {
    name: yaml.text(required("name"), `${path}.name`),
    path: yaml.texts(required("path"), `${path}.path`),
    type,
    action: oneOf(yaml, required("action"), `${path}.action`, ["in", "not_in", ...NUMBER_ACTIONS]),
    target: target === undefined ? undefined : plainValue(yaml, target, `${path}.target`),
    isValid: isValid === undefined ? false : yaml.bool(isValid.value, `${path}.is_valid`),
    arrowFileKeyword: keywords(yaml, own, path),
  };
  const fault = md5FilterFault(filter);
  if (fault !== undefined)
    throw yaml.fault(value.line, `${path}.${fault.key}: ${fault.what}`, "correct the filter");
  return Md5Filter.parse(filter);
}

function plainValue(yaml: YamlReader, value: YamlValue, path: string): number | boolean | string {
  const { kind } = value.data;
  if (kind === "float") return yaml.float(value, path);
  if (kind === "int") return yaml.whole(value, path);
  return kind === "bool" ? yaml.bool(value, path) : yaml.text(value, path);
}

function readRepeater(yaml: YamlReader, value: YamlValue, path: string): Md5Repeater {
  const own = yaml.map(value, path, ["name", "path", "type", "repeat", "plus"]);
  const required = (key: string) => yaml.required(own, key, path, value.line);
  const type = oneOf(yaml, required("type"), `${path}.type`, ["list", "dict"]);
  const repeat = type === "list" ? required("repeat") : own.get("repeat")?.value;
  const plus = own.get("plus")?.value;
  return {
    name: yaml.text(required("name"), `${path}.name`),
    path: yaml.text(required("path"), `${path}.path`),
    type,
    ...(repeat === undefined ? {} : { repeat: atLeast0(yaml, repeat, `${path}.repeat`) }),
    plus: plus === undefined ? 0 : yaml.whole(plus, `${path}.plus`),
  };
}
