import type { Dice, Rng } from "../hooks/dice.js";

/*
 * Counter-based random numbers: Philox 4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
 * The key is a 64-bit hash of (seed, epoch, sample, purpose); the counter counts blocks of four words. The native op
 * `hyfw::keyed_normal` uses the same generator, so that one key gives the same bits on every device.
 */

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;

/** One block of Philox 4x32-10: four uint32 from a 64-bit key and a block number, written into `out`. */
export function philoxBlock(keyLow: number, keyHigh: number, block: number, out: Uint32Array): void {
  // Everything stays a 32-bit integer whose sign means nothing, which is what makes this quick.
  let c0 = block | 0;
  let c1 = Math.floor(block / 2 ** 32) | 0;
  let c2 = 0;
  let c3 = 0;
  let k0 = keyLow | 0;
  let k1 = keyHigh | 0;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const low0 = Math.imul(MULTIPLIER_0, c0);
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low1 = Math.imul(MULTIPLIER_1, c2);
    c0 = high1 ^ c1 ^ k0;
    c2 = high0 ^ c3 ^ k1;
    c1 = low1;
    c3 = low0;
    k0 = (k0 + WEYL_0) | 0;
    k1 = (k1 + WEYL_1) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** The upper 32 bits of a product of two uint32, as an int32 of the same bits. */
function multiplyHigh(a: number, b: number): number {
  const aHigh = a >>> 16;
  const aLow = a & 0xffff;
  const bHigh = b >>> 16;
  const bLow = b & 0xffff;
  const low = Math.imul(aLow, bLow) >>> 16;
  // No sum of these passes 2^32, so wrapping loses nothing.
  const middle = (Math.imul(aHigh, bLow) + low) | 0;
  const other = (Math.imul(aLow, bHigh) + (middle & 0xffff)) | 0;
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (other >>> 16)) | 0;
}

/** The 64-bit key of one (seed, epoch, sample, purpose), as two uint32 words. */
export interface DiceKey {
  readonly low: number;
  readonly high: number;
}

/**
 * Hashes the four parts into a key: MurmurHash3's 32-bit body run twice with different start values over the UTF-16
 * code units of `seed/epoch/sampleId/purpose`.
 */
export function diceKey(seed: number, epoch: number, sampleId: string, purpose: string): DiceKey {
  const text = `${seed}/${epoch}/${sampleId}/${purpose}`;
  return { low: murmur3(text, 0x2f6b1a5d), high: murmur3(text, 0x5bd1e995) };
}

function murmur3(text: string, start: number): number {
  let hash = start;
  for (let i = 0; i < text.length; i++) {
    let unit = Math.imul(text.charCodeAt(i), 0xcc9e2d51);
    unit = (unit << 15) | (unit >>> 17);
    hash ^= Math.imul(unit, 0x1b873593);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  hash ^= text.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The stream behind one key. */
export function rngFromKey(key: DiceKey): Rng {
  const words = new Uint32Array(4);
  let block = 0;
  let used = 4;
  const next = (): number => {
    if (used === 4) {
      philoxBlock(key.low, key.high, block++, words);
      used = 0;
    }
    return words[used++] as number;
  };
  return {
    uniform: () => next() / 2 ** 32,
    int: (bound) => {
      let word = next();
      // Words at and above the last multiple of bound are drawn again; only those near 2^32 can be.
      if (word > 0xffffffff - bound) {
        const limit = 2 ** 32 - (2 ** 32 % bound);
        while (word >= limit) word = next();
      }
      // The remainder, exact for uint32 and quicker than `%` of doubles.
      return word - Math.floor(word / bound) * bound;
    },
  };
}

/** The dice of one sample in one epoch. */
export function diceFor(seed: number, epoch: number, sampleId: string): Dice {
  return { stream: (purpose) => rngFromKey(diceKey(seed, epoch, sampleId, purpose)) };
}
