const KEY = Buffer.from('"indices"');

/**
 * Takes the list of row numbers out of an index JSON: millions of numbers go into a typed array digit by digit, and the
 * text that is left is small. Inside JSON strings a quote stands behind a backslash, so the key cannot be met in one.
 * Anything unusual leaves the text whole for the JSON parser to judge.
 */
export function splitIndices(bytes: Buffer): { text: string; inline: Uint32Array | undefined } {
  const found = findList(bytes);
  const list = found === undefined ? undefined : readNumbers(bytes, found);
  if (found === undefined || list === undefined) return { text: bytes.toString("utf8"), inline: undefined };
  const text = `${bytes.toString("utf8", 0, found + 1)}${bytes.toString("utf8", list.end)}`;
  return { text, inline: list.rows };
}

/** Place of the bracket that opens the only list of that name. */
function findList(bytes: Buffer): number | undefined {
  let place: number | undefined;
  for (let at = bytes.indexOf(KEY); at >= 0; at = bytes.indexOf(KEY, at + KEY.length)) {
    let next = skipBlanks(bytes, at + KEY.length);
    if (bytes[next] !== 0x3a) continue; // a text, not a key
    next = skipBlanks(bytes, next + 1);
    if (bytes[next] !== 0x5b || place !== undefined) return undefined;
    place = next;
    // The list is skipped: a search through all its digits for another key is a waste, and none can be in it.
    at = Math.max(at, bytes.indexOf(0x5d, next) - KEY.length);
  }
  return place;
}

function skipBlanks(bytes: Buffer, at: number): number {
  let next = at;
  while (bytes[next] === 32 || bytes[next] === 10 || bytes[next] === 13 || bytes[next] === 9) next++;
  return next;
}

/** The numbers from an opening bracket on, and the place of the closing one; undefined unless all are whole and below 2^32. */
function readNumbers(bytes: Buffer, open: number): { rows: Uint32Array; end: number } | undefined {
  const close = bytes.indexOf(0x5d, open);
  if (close < 0) return undefined;
  let commas = 0;
  for (let at = open; at < close; at++) if (bytes[at] === 44) commas++;
  const rows = new Uint32Array(commas + 1);
  let count = 0;
  let at = skipBlanks(bytes, open + 1);
  while (at < close) {
    const start = at;
    let value = 0;
    for (; bytes[at] >= 48 && bytes[at] <= 57; at++) value = value * 10 + bytes[at] - 48;
    if (at === start || value > 0xffffffff || (at - start > 1 && bytes[start] === 48)) return undefined;
    rows[count++] = value;
    at = skipBlanks(bytes, at);
    if (at === close) break;
    if (bytes[at] !== 44) return undefined;
    at = skipBlanks(bytes, at + 1);
    if (at === close) return undefined; // a comma before the bracket
  }
  return { rows: rows.subarray(0, count), end: close };
}
