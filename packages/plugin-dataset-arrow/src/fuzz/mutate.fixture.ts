/** A generator of 32-bit numbers from a seed (Mulberry32): the same seed gives the same mutants on every machine. */
export function numbersFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) % below;
  };
}

const WIDE = [
  0n,
  1n,
  -1n,
  255n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 53n,
  2n ** 62n,
  -(2n ** 63n),
];
const WORDS = [
  "null",
  "true",
  "-1",
  "1e999",
  "{}",
  "[]",
  '""',
  "0400",
  "16:9",
  "&a",
  "*a",
  "<<: *a",
  "!!x",
  "99999999999999999999",
  "\u0000",
  "é",
  "- ",
  ": ",
  "\n",
];

/** One to four changes of the bytes: bits, whole numbers of the worst sizes, pieces cut, doubled or moved, odd words. */
export function mutate(original: Buffer, seed: number): Buffer {
  const below = numbersFrom(seed);
  let bytes: Buffer = Buffer.from(original);
  for (let changes = 1 + below(4); changes > 0; changes--) bytes = change(bytes, below);
  return bytes;
}

function change(bytes: Buffer, below: (limit: number) => number): Buffer {
  if (bytes.length === 0) return Buffer.from([below(256)]);
  const at = below(bytes.length);
  const piece = 1 + below(Math.min(64, bytes.length));
  switch (below(8)) {
    case 0:
      bytes[at] ^= 1 << below(8);
      return bytes;
    case 1:
      bytes[at] = below(256);
      return bytes;
    case 2:
      if (at + 8 <= bytes.length) bytes.writeBigInt64LE(WIDE[below(WIDE.length)], at);
      return bytes;
    case 3:
      if (at + 4 <= bytes.length) bytes.writeInt32LE(Number(BigInt.asIntN(32, WIDE[below(WIDE.length)])), at);
      return bytes;
    case 4:
      return bytes.subarray(0, at);
    case 5:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + piece)]);
    case 6:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(0, piece), bytes.subarray(at)]);
    default:
      return Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from(WORDS[below(WORDS.length)]),
        bytes.subarray(at),
      ]);
  }
}
