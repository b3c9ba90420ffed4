import { type DType, dtypeBytes } from "./dtype.js";

/** What a safetensors file says of one tensor, before its bytes. */
export interface TensorFacts {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** Element types by their names in safetensors files. */
const CODES: Readonly<Record<DType, string>> = {
  uint8: "U8",
  int8: "I8",
  int16: "I16",
  int32: "I32",
  int64: "I64",
  float16: "F16",
  float32: "F32",
  float64: "F64",
  bool: "BOOL",
  bfloat16: "BF16",
};

/**
 * The first bytes of a safetensors file: length, then JSON filled up with blanks to a multiple of 8. The tensors'
 * bytes follow in the order given.
 */
export function safetensorsHeader(
  tensors: readonly TensorFacts[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) header.__metadata__ = metadata;
  let offset = 0;
  for (const { name, dtype, shape } of tensors) {
    const end = offset + shape.reduce((product, size) => product * size, dtypeBytes(dtype));
    header[name] = { dtype: CODES[dtype], shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(header));
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = Buffer.alloc(8 + padded, " ");
  bytes.writeBigUInt64LE(BigInt(padded));
  json.copy(bytes, 8);
  return bytes;
}
