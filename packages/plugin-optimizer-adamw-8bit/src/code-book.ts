/*
 * Dynamic tree codes of 8 bits (Dettmers et al. 2022, section 2.1 and appendix F): a code is a power of ten and a
 * fraction, and the more bits the power leaves, the finer the fraction. So small numbers keep their magnitude and large
 * ones three digits.
 */

/** Powers of ten that a code may have: 10^0 down to 10^-6. */
const POWERS = 7;

/**
 * The 256 numbers of a code book in rising order, the largest 1.
 * @param isSigned with negative numbers, for means of gradients; without, twice as fine, for means of squares
 */
export function codeBook(isSigned: boolean): Float32Array {
  const numbers = [0, 1];
  for (let power = 0; power < POWERS; power++) {
    // The middle of each of so many even parts of 0.1 to 1.
    const parts = 2 ** (isSigned ? power : power + 1);
    for (let part = 0; part < parts; part++) {
      const number = 10 ** (power - POWERS + 1) * (0.1 + (0.9 * (part + 0.5)) / parts);
      numbers.push(number);
      if (isSigned) numbers.push(-number);
    }
  }
  return Float32Array.from(numbers).sort();
}

/** What lies halfway between neighbours: where rounding goes over from one to the next. */
export function midpoints(book: Float32Array): Float32Array {
  return Float32Array.from({ length: book.length - 1 }, (_, n) => ((book[n] ?? 0) + (book[n + 1] ?? 0)) / 2);
}
