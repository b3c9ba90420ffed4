/** Texts longer than this, in bytes of UTF-8, are not looked up as one: the reference's limit for a grapheme. */
const MAX_GRAPHEME_BYTES = 6;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/**
 * The normalisation table inside a sentencepiece model: a double-array trie (Aoe 1989, in Darts' layout) from UTF-8
 * bytes to places in a block of NUL-ended texts. Read as the `tokenizers` library reads it, which differs from
 * sentencepiece itself: a text is cut into graphemes, and the shortest match replaces the whole of one.
 */
export class CharsMap {
  private readonly units: Uint32Array;
  private readonly texts: Uint8Array;

  /** @throws RangeError when the sizes inside do not fit the bytes */
  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const trieBytes = bytes.byteLength < 4 ? -1 : view.getUint32(0, true);
    if (trieBytes < 4 || trieBytes % 4 !== 0 || trieBytes + 4 > bytes.byteLength)
      throw new RangeError(`its normalisation table of ${bytes.byteLength} bytes is broken`);
    this.units = Uint32Array.from({ length: trieBytes / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
    this.texts = bytes.subarray(4 + trieBytes);
  }

  normalize(text: string): string {
    let normal = "";
    for (const { segment } of graphemes.segment(text)) {
      const whole =
        encoder.encode(segment).byteLength < MAX_GRAPHEME_BYTES ? this.replacement(segment) : undefined;
      if (whole !== undefined) normal += whole;
      else for (const character of segment) normal += this.replacement(character) ?? character;
    }
    return normal;
  }

  /** What the shortest beginning of a text that the table knows stands for. */
  private replacement(text: string): string | undefined {
    let position = offset(this.units[0] ?? 0);
    for (const byte of encoder.encode(text)) {
      if (byte === 0) return undefined;
      position ^= byte;
      const unit = this.units[position] ?? 0;
      if ((unit & 0x800000ff) !== byte) return undefined;
      position ^= offset(unit);
      if ((unit >>> 8) & 1) return this.textAt((this.units[position] ?? 0) & 0x7fffffff);
    }
    return undefined;
  }
  private textAt(start: number): string {
    const end = this.texts.indexOf(0, start);
    return decoder.decode(this.texts.subarray(start, end === -1 ? undefined : end));
  }
}

/** How far a unit's children are, from the unit's own place. */
function offset(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}
