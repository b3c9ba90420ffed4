import type { FlatTable } from "./flat-table.js";

/** How the cells of one column lie in its buffers. */
export type CellLayout =
  | { readonly kind: "bytes"; readonly offsetBytes: 4 | 8; readonly text: boolean }
  | NumberLayout
  | { readonly kind: "bool" }
  | { readonly kind: "null" }
  | {
      readonly kind: "dictionary";
      readonly id: number;
      readonly keys: NumberLayout;
      readonly values: CellLayout;
    }
  | { readonly kind: "other" };

/** Whole numbers or floats of one width. */
export interface NumberLayout {
  readonly kind: "number";
  readonly bytes: 1 | 2 | 4 | 8;
  readonly format: "int" | "uint" | "float";
}

/** One column of an Arrow file. */
export interface ArrowField {
  readonly name: string;
  /** The type in Arrow's words, for messages: `Utf8`, `Int64`, `Dictionary<Int32, Utf8>`. */
  readonly type: string;
  readonly layout: CellLayout;
  /** Place of its node and its first buffer in a record batch; undefined behind a column whose size cannot be told. */
  readonly place: { readonly node: number; readonly buffer: number } | undefined;
}

const NAMES = [
  ...["None", "Null", "Int", "Float", "Binary", "Utf8", "Bool", "Decimal", "Date", "Time", "Timestamp"],
  ...["Interval", "List", "Struct", "Union", "FixedSizeBinary", "FixedSizeList", "Map", "Duration"],
  ...["LargeBinary", "LargeUtf8", "LargeList", "RunEndEncoded", "BinaryView", "Utf8View", "ListView"],
  "LargeListView",
];

/** Buffers of a column's own, by type name; the types that are not here hold a number of buffers that only each batch tells. */
const BUFFERS: Readonly<Record<string, number>> = {
  ...{ Null: 0, Int: 2, Float: 2, Binary: 3, Utf8: 3, Bool: 2, Decimal: 2, Date: 2, Time: 2, Timestamp: 2 },
  ...{ Interval: 2, List: 2, Struct: 1, FixedSizeBinary: 2, FixedSizeList: 1, Map: 2, Duration: 2 },
  ...{ LargeBinary: 3, LargeUtf8: 3, LargeList: 2, RunEndEncoded: 0, ListView: 3, LargeListView: 3 },
};

/** A file with more nested columns than this is taken for damaged. */
const MOST_FIELDS = 10_000;

/** The columns of a schema table (Schema.fbs). @throws RangeError or Error when it is damaged or big endian */
export function readSchema(schema: FlatTable): ArrowField[] {
  if (schema.int16(0) !== 0) throw new Error("it is big endian, which hyfw does not read");
  let budget = MOST_FIELDS;
  const spend = (): void => {
    if (--budget < 0) throw new RangeError(`more than ${MOST_FIELDS} columns`);
  };
  let place: ArrowField["place"] = { node: 0, buffer: 0 };
  return schema.tables(1).map((field) => {
    const { type, layout } = typeOf(field);
    const found = { name: field.text(0), type, layout, place };
    const size = footprint(field, spend);
    if (size === undefined) place = undefined;
    else if (place !== undefined)
      place = { node: place.node + size.nodes, buffer: place.buffer + size.buffers };
    return found;
  });
}

function typeOf(field: FlatTable): { type: string; layout: CellLayout } {
  const plain = plainType(field);
  const dictionary = field.table(4);
  if (dictionary === undefined) return plain;
  const index = dictionary.table(1);
  const keys = index === undefined ? intType(32, true) : intType(index.int32(0), index.int8(1) !== 0);
  if (keys.layout.kind !== "number") return { type: "Dictionary", layout: { kind: "other" } };
  const layout: CellLayout = {
    kind: "dictionary",
    id: dictionary.int64(0),
    keys: keys.layout,
    values: plain.layout,
  };
  return { type: `Dictionary<${keys.type}, ${plain.type}>`, layout };
}

function plainType(field: FlatTable): { type: string; layout: CellLayout } {
  const name = NAMES[field.int8(2)] ?? "Unknown";
  const type = field.table(3);
  switch (name) {
    case "Null":
      return { type: name, layout: { kind: "null" } };
    case "Bool":
      return { type: name, layout: { kind: "bool" } };
    case "Utf8":
    case "Binary":
      return { type: name, layout: { kind: "bytes", offsetBytes: 4, text: name === "Utf8" } };
    case "LargeUtf8":
    case "LargeBinary":
      return { type: name, layout: { kind: "bytes", offsetBytes: 8, text: name === "LargeUtf8" } };
    case "Int":
      return intType(type?.int32(0) ?? 0, (type?.int8(1) ?? 0) !== 0);
    case "Float": {
      const precision = type?.int16(0) ?? 0;
      if (precision === 1) return { type: "Float32", layout: { kind: "number", bytes: 4, format: "float" } };
      if (precision === 2) return { type: "Float64", layout: { kind: "number", bytes: 8, format: "float" } };
      return { type: "Float16", layout: { kind: "other" } };
    }
    default:
      return { type: name, layout: { kind: "other" } };
  }
}

function intType(bits: number, signed: boolean): { type: string; layout: CellLayout } {
  const type = `${signed ? "Int" : "Uint"}${bits}`;
  const format = signed ? "int" : "uint";
  if (bits !== 8 && bits !== 16 && bits !== 32 && bits !== 64) return { type, layout: { kind: "other" } };
  return { type, layout: { kind: "number", bytes: (bits / 8) as 1 | 2 | 4 | 8, format } };
}

/** How many nodes and buffers a field takes in a record batch, its children included; undefined when that cannot be told. */
function footprint(field: FlatTable, spend: () => void): { nodes: number; buffers: number } | undefined {
  spend();
  if (field.table(4) !== undefined) return { nodes: 1, buffers: 2 };
  const own = BUFFERS[NAMES[field.int8(2)] ?? ""];
  if (own === undefined) return undefined;
  let total = { nodes: 1, buffers: own };
  for (const child of field.tables(5)) {
    const inner = footprint(child, spend);
    if (inner === undefined) return undefined;
    total = { nodes: total.nodes + inner.nodes, buffers: total.buffers + inner.buffers };
  }
  return total;
}
