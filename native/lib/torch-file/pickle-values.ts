/**
 * What a pickle holds, as plain data. Lists, tuples and sets become arrays, dicts become maps, classes that only carry
 * fields become records. Nothing is ever called: a class that is not known as harmless ends the reading.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleList
  | PickleDict
  | PickleRecord
  | StoredTensor
  | StorageRef
  | GlobalName;

export class PickleList extends Array<PickleValue> {}
export class PickleDict extends Map<PickleValue, PickleValue> {}

/** An instance of a class that is read for its fields alone, such as argparse's Namespace. */
export class PickleRecord {
  readonly fields = new PickleDict();
  constructor(readonly className: string) {}
}

/** `module name` as the pickle writes it. */
export class GlobalName {
  constructor(readonly name: string) {}
}

/** Where a storage's numbers are. */
export interface StorageFacts {
  /** Name of the storage in its file. */
  readonly key: string;
  /** Element type by PyTorch's storage class, such as `FloatStorage`. */
  readonly type: string;
  /** Number of elements; of bytes when `type` is UntypedStorage. */
  readonly elements: number;
}

export class StorageRef {
  constructor(readonly facts: StorageFacts) {}
}

/** A tensor as its pickle describes it; offsets, sizes and strides count elements. */
export class StoredTensor {
  constructor(
    readonly storage: StorageFacts,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly stride: readonly number[],
    /** Element type by name where the tensor says so itself, such as `float32`. */
    readonly dtype: string | undefined,
  ) {}
}
