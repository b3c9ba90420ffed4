/**
 * One table of a flatbuffer, the format of Arrow's footers and messages. Every read is checked against the buffer's
 * length and throws a RangeError beyond it; the flatbuffers package reads on with undefined values, so that damaged
 * metadata there ends in endless loops instead of an error.
 */
export class FlatTable {
  readonly #vtable: number;
  readonly #fields: number;

  constructor(
    readonly view: DataView,
    readonly at: number,
  ) {
    this.#vtable = at - view.getInt32(at, true);
    this.#fields = (view.getUint16(this.#vtable, true) - 4) >> 1;
  }

  /** The root table of a buffer. */
  static root(bytes: Uint8Array): FlatTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new FlatTable(view, view.getUint32(0, true));
  }

  int8(id: number, absent = 0): number {
    const at = this.#place(id);
    return at === 0 ? absent : this.view.getInt8(at);
  }

  int16(id: number, absent = 0): number {
    const at = this.#place(id);
    return at === 0 ? absent : this.view.getInt16(at, true);
  }

  int32(id: number, absent = 0): number {
    const at = this.#place(id);
    return at === 0 ? absent : this.view.getInt32(at, true);
  }

  int64(id: number): number {
    const at = this.#place(id);
    return at === 0 ? 0 : readInt64(this.view, at);
  }

  table(id: number): FlatTable | undefined {
    const at = this.#place(id);
    return at === 0 ? undefined : new FlatTable(this.view, at + this.view.getUint32(at, true));
  }

  text(id: number): string {
    const place = this.#place(id);
    if (place === 0) return "";
    const { at, length } = this.#vectorAt(place, 1);
    return Buffer.from(this.view.buffer, this.view.byteOffset + at, length).toString("utf8");
  }

  /** Where a vector of structs of `bytes` bytes lies; its whole length lies inside the buffer. */
  vector(id: number, bytes: number): { at: number; length: number } {
    const place = this.#place(id);
    return place === 0 ? { at: 0, length: 0 } : this.#vectorAt(place, bytes);
  }

  /** The tables of a vector of tables. */
  tables(id: number): FlatTable[] {
    const { at, length } = this.vector(id, 4);
    return Array.from({ length }, (_, i) => {
      const place = at + 4 * i;
      return new FlatTable(this.view, place + this.view.getUint32(place, true));
    });
  }

  #place(id: number): number {
    if (id >= this.#fields) return 0;
    const offset = this.view.getUint16(this.#vtable + 4 + 2 * id, true);
    return offset === 0 ? 0 : this.at + offset;
  }

  #vectorAt(place: number, bytes: number): { at: number; length: number } {
    const start = place + this.view.getUint32(place, true);
    const length = this.view.getUint32(start, true);
    if (start + 4 + length * bytes > this.view.byteLength)
      throw new RangeError(`a list of ${length} entries does not fit into ${this.view.byteLength} bytes`);
    return { at: start + 4, length };
  }
}

/** A little-endian int64 as a double. @throws RangeError beyond 2^53, which no size or count reaches */
export function readInt64(view: DataView, at: number): number {
  const value = view.getInt32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
  if (!Number.isSafeInteger(value)) throw new RangeError(`the number ${value} is out of range`);
  return value;
}
