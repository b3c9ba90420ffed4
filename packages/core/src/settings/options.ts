import { z } from "zod";
import type { OptionMeta } from "../plugin/define-plugin.js";
import type { SettingPath } from "./path.js";

/** One option as its schema declares it: what help, flags, docs and error messages are made from. */
export interface Option {
  readonly path: SettingPath;
  readonly description: string;
  readonly meta: OptionMeta;
  /** Values it takes, in words: `number, 0 to 1`, `"cpu" or "cuda"`. */
  readonly accepts: string;
  /** What a command-line word turns into: `text` stays as written, everything else is read as YAML. */
  readonly word: "text" | "boolean" | "value";
  /** Takes several words on the command line; `always` makes a list of a single word too. */
  readonly list?: "always" | "several";
  /** The value when nobody sets it; undefined when it may be left out or must be given. */
  readonly default: unknown;
  readonly isRequired: boolean;
}

/** Every option of an object schema, nested objects walked, in the order in which the schema lists them. */
export function listOptions(schema: z.ZodType, prefix: SettingPath = []): Option[] {
  const { inner } = peel(schema);
  if (!(inner instanceof z.ZodObject)) return [];
  const options: Option[] = [];
  for (const [key, child] of shapeOf(inner)) {
    const path = [...prefix, key];
    const peeled = peel(child);
    if (peeled.inner instanceof z.ZodObject && peeled.isSection) options.push(...listOptions(child, path));
    else options.push(toOption(path, peeled));
  }
  return options;
}

/** The schema at a place below `schema`, or undefined when there is none. */
export function schemaAt(schema: z.ZodType, path: SettingPath): z.ZodType | undefined {
  let current: z.ZodType | undefined = schema;
  for (const key of path) {
    if (current === undefined) return undefined;
    const { inner } = peel(current);
    if (inner instanceof z.ZodObject) current = new Map(shapeOf(inner)).get(String(key));
    else if (inner instanceof z.ZodRecord) current = asZodType(inner.valueType);
    else if (inner instanceof z.ZodArray) current = asZodType(inner.element);
    else return undefined;
  }
  return current;
}

/** Keys that an object schema takes; empty for everything else. */
export function keysOf(schema: z.ZodType): string[] {
  const { inner } = peel(schema);
  return inner instanceof z.ZodObject ? shapeOf(inner).map(([key]) => key) : [];
}

/** The option that a schema stands for, as if it were listed at `path`. */
export function optionOf(schema: z.ZodType, path: SettingPath): Option {
  return toOption(path, peel(schema));
}

/** The values that a schema fills in by itself, as a tree; what must be given or may be left out is absent. */
export function defaultsOf(schema: z.ZodType): Record<string, unknown> {
  const { inner } = peel(schema);
  if (!(inner instanceof z.ZodObject)) return {};
  const entries: [string, unknown][] = [];
  for (const [key, child] of shapeOf(inner)) {
    const peeled = peel(child);
    if (peeled.inner instanceof z.ZodObject && peeled.isSection) entries.push([key, defaultsOf(child)]);
    else if (peeled.default !== undefined) entries.push([key, peeled.default]);
  }
  return Object.fromEntries(entries);
}

interface Peeled {
  readonly inner: z.ZodType;
  readonly meta: Record<string, unknown>;
  readonly default: unknown;
  readonly isOptional: boolean;
  readonly isNullable: boolean;
  /** An object that is there even when nobody writes it, so that its own options can be listed one by one. */
  readonly isSection: boolean;
}

/** Takes the wrappers off a schema; what outer wrappers say of themselves wins over inner ones. */
function peel(schema: z.ZodType): Peeled {
  let meta: Record<string, unknown> = schema.meta() ?? {};
  let inner = schema;
  let isOptional = false;
  let isNullable = false;
  let isSection = true;
  let fallback: unknown;
  for (;;) {
    let next: unknown;
    if (inner instanceof z.ZodDefault) {
      fallback ??= inner.def.defaultValue;
      isSection = false;
      next = inner.def.innerType;
    } else if (inner instanceof z.ZodPrefault) {
      next = inner.def.innerType;
    } else if (inner instanceof z.ZodOptional) {
      isOptional = true;
      isSection = false;
      next = inner.def.innerType;
    } else if (inner instanceof z.ZodNullable) {
      isNullable = true;
      next = inner.def.innerType;
    } else if (inner instanceof z.ZodReadonly) {
      next = inner.def.innerType;
    } else if (inner instanceof z.ZodPipe) {
      next = inner.def.in;
    } else break;
    inner = asZodType(next);
    meta = { ...inner.meta(), ...meta };
  }
  return { inner, meta, default: fallback, isOptional, isNullable, isSection };
}

function shapeOf(schema: z.ZodObject): [string, z.ZodType][] {
  return Object.entries(schema.shape).map(([key, child]) => [key, asZodType(child)]);
}

/** zod types the children of a schema by its smaller core interface; every schema made with `z` is a ZodType. */
function asZodType(schema: unknown): z.ZodType {
  if (schema instanceof z.ZodType) return schema;
  throw new TypeError("option schemas must be made with the z that @hyfw/core exports");
}

function toOption(path: SettingPath, peeled: Peeled): Option {
  const json = readJsonSchema(z.toJSONSchema(peeled.inner, { io: "input", unrepresentable: "any" }));
  const list = json.type === "array" ? "always" : json.anyOf?.some(isList) ? "several" : undefined;
  const element = list === undefined ? json : (elementOf(json) ?? json);
  const { flag, negatedBy, path: isPath, bareValue } = peeled.meta;
  return {
    path,
    description: typeof peeled.meta.description === "string" ? peeled.meta.description : "",
    meta: {
      ...(typeof flag === "string" && { flag }),
      ...(typeof negatedBy === "string" && { negatedBy }),
      ...(isPath === true && { path: true }),
      ...(typeof bareValue === "string" && { bareValue }),
    },
    accepts: `${describeSchema(json)}${peeled.isNullable ? ", or null" : ""}`,
    word: element.type === "boolean" ? "boolean" : element.type === "string" ? "text" : "value",
    ...(list !== undefined && { list }),
    default: peeled.default,
    isRequired: !peeled.isOptional && peeled.default === undefined,
  };
}

/** The parts of a JSON schema that this file reads. */
interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

function readJsonSchema(schema: object): JsonSchema {
  return schema;
}

function isList(schema: JsonSchema): boolean {
  return schema.type === "array";
}

function elementOf(schema: JsonSchema): JsonSchema | undefined {
  const list = isList(schema) ? schema : schema.anyOf?.find(isList);
  return list?.items ?? list?.prefixItems?.[0];
}

function describeSchema(schema: JsonSchema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return joinWords(schema.enum.map((value) => JSON.stringify(value)));
  if (schema.anyOf !== undefined) return joinWords(schema.anyOf.map(describeSchema));
  switch (schema.type) {
    case "integer":
      return `whole number${describeRange(schema)}`;
    case "number":
      return `number${describeRange(schema)}`;
    case "string":
      return "text";
    case "boolean":
      return "true or false";
    case "array":
      if (schema.prefixItems !== undefined) return `list of ${schema.prefixItems.length}`;
      return schema.items === undefined ? "list" : `list of ${describeSchema(schema.items)}`;
    case "object":
      return "map";
    default:
      return "any value";
  }
}

function describeRange(schema: JsonSchema): string {
  const low = schema.minimum ?? schema.exclusiveMinimum;
  const high = schema.maximum ?? schema.exclusiveMaximum;
  const lowText = schema.exclusiveMinimum !== undefined ? `above ${low}` : `${low} or more`;
  const highText = schema.exclusiveMaximum !== undefined ? `below ${high}` : `at most ${high}`;
  // zod gives whole numbers the bounds of a safe integer, which tell a reader nothing.
  const hasLow = low !== undefined && low !== Number.MIN_SAFE_INTEGER;
  const hasHigh = high !== undefined && high !== Number.MAX_SAFE_INTEGER;
  if (hasLow && hasHigh && schema.minimum !== undefined && schema.maximum !== undefined)
    return `, ${low} to ${high}`;
  if (hasLow && hasHigh) return `, ${lowText}, ${highText}`;
  if (hasLow) return `, ${lowText}`;
  if (hasHigh) return `, ${highText}`;
  return "";
}

function joinWords(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
