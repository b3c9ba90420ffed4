import { indexSetting } from "../errors.js";

/** Most entries that an index may have: what a repeat by mistake must not pass, and a double array can hold. */
const MOST = 2 ** 31;

/** A growing list of row numbers in one typed array. */
export class RowNumbers {
  #rows = new Uint32Array(1 << 16);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(row: number, times: number): void {
    this.#reserve(times);
    this.#rows.fill(row, this.#length, this.#length + times);
    this.#length += times;
  }

  /** Adds `count` rows from `first` on. */
  addRange(first: number, count: number): void {
    this.#reserve(count);
    for (let i = 0; i < count; i++) this.#rows[this.#length + i] = first + i;
    this.#length += count;
  }

  /** The list as it is, sharing memory with this one. */
  finish(): Uint32Array {
    return this.#rows.subarray(0, this.#length);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed > MOST)
      throw indexSetting(
        "the index",
        undefined,
        `it would have more than ${MOST} entries`,
        "lower the repeats",
      );
    if (needed <= this.#rows.length) return;
    const rows = new Uint32Array(Math.max(needed, 2 * this.#rows.length));
    rows.set(this.#rows.subarray(0, this.#length));
    this.#rows = rows;
  }
}
