import { DataType, type Field } from "apache-arrow";

/** How the cells of one column lie in its buffers. */
export type CellLayout =
  | { readonly kind: "bytes"; readonly offsetBytes: 4 | 8; readonly text: boolean }
  | {
      readonly kind: "number";
      readonly bytes: 1 | 2 | 4 | 8;
      readonly read: (view: DataView, at: number) => number;
    }
  | { readonly kind: "bool" }
  | { readonly kind: "null" }
  | {
      readonly kind: "dictionary";
      readonly id: number;
      readonly keys: CellLayout;
      readonly values: CellLayout;
    }
  | { readonly kind: "other"; readonly name: string };

/** The layout of a field's cells; nested and view types are `other` and cannot be read. */
export function layoutOf(type: DataType): CellLayout {
  if (DataType.isDictionary(type))
    return {
      kind: "dictionary",
      id: type.id,
      keys: layoutOf(type.indices),
      values: layoutOf(type.dictionary),
    };
  if (DataType.isUtf8(type)) return { kind: "bytes", offsetBytes: 4, text: true };
  if (DataType.isLargeUtf8(type)) return { kind: "bytes", offsetBytes: 8, text: true };
  if (DataType.isBinary(type)) return { kind: "bytes", offsetBytes: 4, text: false };
  if (DataType.isLargeBinary(type)) return { kind: "bytes", offsetBytes: 8, text: false };
  if (DataType.isNull(type)) return { kind: "null" };
  if (DataType.isBool(type)) return { kind: "bool" };
  if (DataType.isInt(type)) return intLayout(type.bitWidth, type.isSigned);
  if (DataType.isFloat(type)) {
    if (type.precision === 1) return { kind: "number", bytes: 4, read: (v, at) => v.getFloat32(at, true) };
    if (type.precision === 2) return { kind: "number", bytes: 8, read: (v, at) => v.getFloat64(at, true) };
  }
  return { kind: "other", name: String(type) };
}

function intLayout(bits: number, signed: boolean): CellLayout {
  if (bits === 8)
    return { kind: "number", bytes: 1, read: (v, at) => (signed ? v.getInt8(at) : v.getUint8(at)) };
  if (bits === 16)
    return {
      kind: "number",
      bytes: 2,
      read: (v, at) => (signed ? v.getInt16(at, true) : v.getUint16(at, true)),
    };
  if (bits === 32)
    return {
      kind: "number",
      bytes: 4,
      read: (v, at) => (signed ? v.getInt32(at, true) : v.getUint32(at, true)),
    };
  return {
    kind: "number",
    bytes: 8,
    read: (v, at) => Number(signed ? v.getBigInt64(at, true) : v.getBigUint64(at, true)),
  };
}

/** How many nodes and buffers a field takes in a record batch, its children included; undefined when that cannot be told. */
export function footprint(field: Field): { nodes: number; buffers: number } | undefined {
  const own = ownBuffers(field.type);
  if (own === undefined) return undefined;
  let total = { nodes: 1, buffers: own };
  if (DataType.isDictionary(field.type)) return total;
  for (const child of (field.type.children ?? []) as Field[]) {
    const inner = footprint(child);
    if (inner === undefined) return undefined;
    total = { nodes: total.nodes + inner.nodes, buffers: total.buffers + inner.buffers };
  }
  return total;
}

function ownBuffers(type: DataType): number | undefined {
  if (DataType.isNull(type)) return 0;
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) return 3;
  if (DataType.isBinary(type) || DataType.isLargeBinary(type)) return 3;
  if (DataType.isStruct(type) || DataType.isFixedSizeList(type)) return 1;
  if (DataType.isList(type) || DataType.isMap(type)) return 2;
  if (DataType.isUnion(type)) return undefined;
  const name = String(type);
  return /View/.test(name) ? undefined : 2;
}
