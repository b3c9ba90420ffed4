import { dtypeUnknown } from "./errors.js";

/** Element types, by their names in PyTorch. */
export type DType =
  | "uint8"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "float16"
  | "float32"
  | "float64"
  | "bool"
  | "bfloat16";

/** Where a tensor lives. */
export type DeviceName = "cpu" | "cuda" | `cuda:${number}`;

/** c10::ScalarType numbers, part of PyTorch's file formats and so fixed. */
const CODES: Readonly<Record<DType, number>> = {
  uint8: 0,
  int8: 1,
  int16: 2,
  int32: 3,
  int64: 4,
  float16: 5,
  float32: 6,
  float64: 7,
  bool: 11,
  bfloat16: 15,
};

const NAMES = new Map(Object.entries(CODES).map(([name, code]) => [code, name as DType]));

const BYTES: Readonly<Record<DType, number>> = {
  uint8: 1,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  float16: 2,
  float32: 4,
  float64: 8,
  bool: 1,
  bfloat16: 2,
};

/** The number that libtorch has for an element type. @throws HYFW_NATIVE_DTYPE */
export function dtypeCode(dtype: DType): number {
  const code = CODES[dtype];
  if (code === undefined) throw dtypeUnknown(String(dtype), Object.keys(CODES));
  return code;
}

/** The element type behind libtorch's number. @throws HYFW_NATIVE_DTYPE for types that hyfw has no name for */
export function dtypeName(code: number): DType {
  const name = NAMES.get(code);
  if (name === undefined) throw dtypeUnknown(`number ${code}`, Object.keys(CODES));
  return name;
}

/** Bytes per element. */
export function dtypeBytes(dtype: DType): number {
  dtypeCode(dtype);
  return BYTES[dtype];
}
