/** The row that an earlier one repeats. */
export interface Duplicate {
  readonly reason: "duplicate" | "look-alike";
  readonly of: number;
}

/** Finds repeated pictures among rows given in order; the first of each stays. */
export class DuplicateFinder {
  #rows = new Rows();
  #contents = new ContentTable();
  #looks: LookTable | undefined;

  constructor(mode: "keep" | "content" | "perceptual", phashDistance: number) {
    if (mode === "perceptual") this.#looks = new LookTable(phashDistance);
    this.isOn = mode !== "keep";
  }

  readonly isOn: boolean;

  /** What this row repeats; when nothing, it is remembered. Rows must come in order. */
  add(row: number, md5: string, phash: string | undefined): Duplicate | undefined {
    if (!this.isOn) return undefined;
    const same = this.#contents.find(md5);
    if (same !== undefined) return { reason: "duplicate", of: this.#rows.at(same) };
    if (this.#looks !== undefined && phash !== undefined) {
      const alike = this.#looks.find(phash);
      if (alike !== undefined) return { reason: "look-alike", of: this.#rows.at(alike) };
    }
    this.#rows.push(row);
    this.#contents.push(md5);
    this.#looks?.push(phash ?? "0000000000000000");
    return undefined;
  }
}

/** Row numbers in a growing array: 4 bytes each. */
class Rows {
  #values = new Uint32Array(1024);
  #length = 0;
  push(row: number): void {
    this.#values = roomFor(this.#values, this.#length + 1);
    this.#values[this.#length++] = row;
  }
  at(index: number): number {
    return this.#values[index] ?? 0;
  }
}

/** A hash table over MD5s, 16 bytes and at most 16 bytes of slots each: a Map of millions of texts would take ten times that. */
class ContentTable {
  #words = new Uint32Array(4096);
  #slots = new Int32Array(4096).fill(-1);
  #length = 0;

  find(md5: string): number | undefined {
    const at = this.#slots[this.#slot(wordsOf(md5))] ?? -1;
    return at < 0 ? undefined : at;
  }

  push(md5: string): void {
    if (2 * (this.#length + 1) > this.#slots.length) this.#grow();
    const words = wordsOf(md5);
    this.#words = roomFor(this.#words, 4 * (this.#length + 1));
    this.#words.set(words, 4 * this.#length);
    this.#slots[this.#slot(words)] = this.#length++;
  }

  /** The slot that holds these words, or the empty one where they belong. */
  #slot(words: ArrayLike<number>): number {
    const mask = this.#slots.length - 1;
    let slot = (words[0] ?? 0) & mask;
    for (let at = this.#slots[slot] ?? -1; at >= 0; at = this.#slots[slot] ?? -1) {
      const held = this.#words;
      if (
        held[4 * at] === words[0] &&
        held[4 * at + 1] === words[1] &&
        held[4 * at + 2] === words[2] &&
        held[4 * at + 3] === words[3]
      )
        break;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #grow(): void {
    this.#slots = new Int32Array(2 * this.#slots.length).fill(-1);
    for (let at = 0; at < this.#length; at++)
      this.#slots[this.#slot(this.#words.subarray(4 * at, 4 * at + 4))] = at;
  }
}

const BANDS = 4;

/**
 * Perceptual hashes by four bands of 16 bits. Hashes that differ in d bits differ in at most d / 4 bits in some band, so looking at
 * the entries within that radius of each band finds all of them.
 */
class LookTable {
  #high = new Uint32Array(1024);
  #low = new Uint32Array(1024);
  #heads = new Int32Array(BANDS << 16).fill(-1);
  #next = new Int32Array(BANDS * 1024);
  #length = 0;
  #masks: number[];

  constructor(readonly distance: number) {
    this.#masks = distance < BANDS ? [0] : [0, ...Array.from({ length: 16 }, (_, bit) => 1 << bit)];
  }

  /** The earliest hash within the distance. */
  find(phash: string): number | undefined {
    const [high, low] = hashWords(phash);
    let best = -1;
    for (let band = 0; band < BANDS; band++) {
      const key = bandOf(high, low, band);
      for (const mask of this.#masks)
        for (
          let at = this.#heads[(band << 16) | (key ^ mask)] ?? -1;
          at >= 0;
          at = this.#next[BANDS * at + band] ?? -1
        )
          if (
            (best < 0 || at < best) &&
            ones(high ^ (this.#high[at] ?? 0)) + ones(low ^ (this.#low[at] ?? 0)) <= this.distance
          )
            best = at;
    }
    return best < 0 ? undefined : best;
  }

  push(phash: string): void {
    const [high, low] = hashWords(phash);
    this.#high = roomFor(this.#high, this.#length + 1);
    this.#low = roomFor(this.#low, this.#length + 1);
    this.#next = roomFor(this.#next, BANDS * (this.#length + 1));
    this.#high[this.#length] = high;
    this.#low[this.#length] = low;
    for (let band = 0; band < BANDS; band++) {
      const slot = (band << 16) | bandOf(high, low, band);
      this.#next[BANDS * this.#length + band] = this.#heads[slot] ?? -1;
      this.#heads[slot] = this.#length;
    }
    this.#length++;
  }
}

function bandOf(high: number, low: number, band: number): number {
  const word = band < 2 ? high : low;
  return band % 2 === 0 ? word >>> 16 : word & 0xffff;
}

function ones(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return (((bits + (bits >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}

function wordsOf(md5: string): Uint32Array {
  return Uint32Array.from({ length: 4 }, (_, i) => Number.parseInt(md5.slice(8 * i, 8 * i + 8), 16));
}

function hashWords(phash: string): [number, number] {
  return [Number.parseInt(phash.slice(0, 8), 16), Number.parseInt(phash.slice(8), 16)];
}

/** The array itself, or a copy twice as long when `length` does not fit. */
function roomFor<Array extends Uint32Array<ArrayBuffer> | Int32Array<ArrayBuffer>>(
  array: Array,
  length: number,
): Array {
  if (length <= array.length) return array;
  const longer =
    array instanceof Uint32Array ? new Uint32Array(2 * array.length) : new Int32Array(2 * array.length);
  longer.set(array);
  return longer as Array;
}
