import { hexWord } from "../arrow/arrow-scan.js";
import type { TextCells } from "../arrow/batch-cells.js";

const FIRST_SLOTS = 1 << 10;

/**
 * Numbers by MD5, for millions of rows: 128-bit keys in one typed array with open addressing. A key that is not 32
 * lower-case hexadecimal digits is kept as text beside it, since it must be found by the very same text only.
 */
export class Md5Map {
  #keys = new Uint32Array(4 * FIRST_SLOTS);
  /** 0 for an empty slot, else 1 + place in `#values`. */
  #slots = new Uint32Array(FIRST_SLOTS);
  #values = new Float64Array(FIRST_SLOTS);
  #used = 0;
  readonly #odd = new Map<string, number>();
  readonly #word = new Uint32Array(4);

  get size(): number {
    return this.#used + this.#odd.size;
  }

  /** Sets the number of a key; a later one takes the place of an earlier one. */
  set(key: string, value: number): void {
    const bytes = Buffer.from(key, "utf8");
    if (!this.#parse(bytes, 0, bytes.length)) this.#odd.set(key, value);
    else this.#values[this.#place()] = value;
  }

  get(key: string): number | undefined {
    const bytes = Buffer.from(key, "utf8");
    return this.#parse(bytes, 0, bytes.length) ? this.#find() : this.#odd.get(key);
  }

  /** The number of cell i, or undefined. */
  ofCell({ bytes, starts, ends }: TextCells, i: number): number | undefined {
    if (this.#parse(bytes, starts[i], ends[i])) return this.#find();
    return this.#odd.size === 0 ? undefined : this.#odd.get(bytes.toString("utf8", starts[i], ends[i]));
  }

  /** Whether cell i was there already; it is there afterwards. */
  enter({ bytes, starts, ends }: TextCells, i: number): boolean {
    if (!this.#parse(bytes, starts[i], ends[i])) {
      const key = bytes.toString("utf8", starts[i], ends[i]);
      if (this.#odd.has(key)) return true;
      this.#odd.set(key, 1);
      return false;
    }
    const before = this.#used;
    this.#place();
    return this.#used === before;
  }

  #parse(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start !== 32) return false;
    for (let i = 0; i < 4; i++) {
      const word = hexWord(bytes, start + 8 * i);
      if (word < 0) return false;
      this.#word[i] = word;
    }
    return true;
  }

  #find(): number | undefined {
    const slot = this.#slot();
    const place = this.#slots[slot];
    return place === 0 ? undefined : this.#values[place - 1];
  }

  /** Place of the value of the parsed key; a new one when it is not there. */
  #place(): number {
    let slot = this.#slot();
    const known = this.#slots[slot];
    if (known !== 0) return known - 1;
    if (this.#used * 10 >= this.#slots.length * 7) {
      this.#grow();
      slot = this.#slot();
    }
    if (this.#used === this.#values.length) {
      const values = new Float64Array(2 * this.#values.length);
      values.set(this.#values);
      this.#values = values;
    }
    this.#keys.set(this.#word, 4 * slot);
    this.#slots[slot] = ++this.#used;
    return this.#used - 1;
  }

  /** The slot that holds the parsed key, or the empty one where it belongs. MD5s are spread well by themselves. */
  #slot(): number {
    const [a, b, c, d] = this.#word;
    const mask = this.#slots.length - 1;
    for (let slot = (a ^ Math.imul(b, 0x9e3779b1)) & mask; ; slot = (slot + 1) & mask) {
      if (this.#slots[slot] === 0) return slot;
      const at = 4 * slot;
      if (
        this.#keys[at] === a &&
        this.#keys[at + 1] === b &&
        this.#keys[at + 2] === c &&
        this.#keys[at + 3] === d
      )
        return slot;
    }
  }

  #grow(): void {
    const keys = this.#keys;
    const slots = this.#slots;
    const kept = this.#word.slice();
    this.#keys = new Uint32Array(2 * keys.length);
    this.#slots = new Uint32Array(2 * slots.length);
    for (let slot = 0; slot < slots.length; slot++) {
      if (slots[slot] === 0) continue;
      for (let i = 0; i < 4; i++) this.#word[i] = keys[4 * slot + i];
      const place = this.#slot();
      this.#keys.set(this.#word, 4 * place);
      this.#slots[place] = slots[slot];
    }
    this.#word.set(kept);
  }
}
