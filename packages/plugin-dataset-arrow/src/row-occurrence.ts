/**
 * For every position, how many earlier positions hold the same picture: 0 for the first. Kept sparse, since few rows repeat.
 * @param hash two words of the picture's hash for one position
 */
export function countOccurrences(
  length: number,
  hash: (position: number) => readonly [number, number],
): Map<number, number> {
  const slots = 2 ** Math.ceil(Math.log2(Math.max(16, length * 2)));
  const owner = new Int32Array(slots).fill(-1);
  const seen = new Map<number, number>();
  const occurrence = new Map<number, number>();
  for (let position = 0; position < length; position++) {
    const [high, low] = hash(position);
    let slot = (high ^ Math.imul(low, 0x9e3779b1)) & (slots - 1);
    for (;;) {
      const first = owner[slot] as number;
      if (first < 0) {
        owner[slot] = position;
        break;
      }
      const [firstHigh, firstLow] = hash(first);
      if (firstHigh === high && firstLow === low) {
        const number = (seen.get(first) ?? 0) + 1;
        seen.set(first, number);
        occurrence.set(position, number);
        break;
      }
      slot = (slot + 1) & (slots - 1);
    }
  }
  return occurrence;
}
