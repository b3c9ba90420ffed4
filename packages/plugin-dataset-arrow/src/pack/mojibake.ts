import { isUtf8 } from "node:buffer";

/** Characters that Windows-1252 puts on the bytes 0x80 to 0x9f. */
const CP1252 = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ";
const NARROW_RUN = new RegExp(`[\\u0080-\\u00ff${CP1252.replace(/[\u0080-\u009f]/g, "")}]{2,}`, "gu");

/** UTF-8 bytes as GBK shows them, at least two Chinese characters' worth. */
const HAN_RUN = /[\p{Script=Han}\ue000-\uf8ff€]{3,}/gu;

/** What shows that a text was read in a wrong encoding; undefined when nothing does. */
export function mojibakeIn(text: string): string | undefined {
  if (text.includes("\ufffd")) return "it holds the replacement character U+FFFD";
  if (/锟斤拷|烫烫烫|屯屯屯/.test(text)) return "it holds the traces of a lost encoding (锟斤拷, 烫烫烫)";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0001-\u0008\u000b\u000c\u000e-\u001f\u0080-\u0084\u0086-\u009f]/.test(text))
    return "it holds control characters";
  for (const [run] of text.matchAll(NARROW_RUN))
    if (isUtf8(Buffer.from([...run].map(narrowByte))))
      return `${JSON.stringify(run)} is UTF-8 read as Latin-1`;
  for (const [run] of text.matchAll(HAN_RUN)) {
    const meant = fromGbk(run);
    if (meant !== undefined) return `${JSON.stringify(run)} is ${JSON.stringify(meant)} read as GBK`;
  }
  return undefined;
}

function narrowByte(character: string): number {
  const at = CP1252.indexOf(character);
  return at >= 0 ? 0x80 + at : character.charCodeAt(0);
}

let gbkBytes: Map<string, number> | undefined;

/** Byte pair of each character of GBK. */
function gbk(): Map<string, number> {
  if (gbkBytes !== undefined) return gbkBytes;
  gbkBytes = new Map();
  const decoder = new TextDecoder("gbk");
  for (let lead = 0x81; lead <= 0xfe; lead++)
    for (let trail = 0x40; trail <= 0xfe; trail++) {
      if (trail === 0x7f) continue;
      const character = decoder.decode(Uint8Array.of(lead, trail));
      if ([...character].length === 1) gbkBytes.set(character, (lead << 8) | trail);
    }
  return gbkBytes;
}

/** The Chinese text whose UTF-8 bytes a run of characters is in GBK; undefined when it is none. */
function fromGbk(run: string): string | undefined {
  const bytes: number[] = [];
  for (const character of run) {
    const pair = gbk().get(character);
    if (pair === undefined) return undefined;
    bytes.push(pair >> 8, pair & 0xff);
  }
  // Only whole characters of three bytes, the lead bytes of CJK: chance makes shorter ones of ordinary words.
  const end = bytes.length - (bytes.length % 3);
  if (end < 6) return undefined;
  for (let i = 0; i < end; i += 3) {
    const [lead = 0, second = 0, third = 0] = bytes.slice(i, i + 3);
    if (lead < 0xe4 || lead > 0xe9 || (second & 0xc0) !== 0x80 || (third & 0xc0) !== 0x80) return undefined;
  }
  return Buffer.from(bytes.slice(0, end)).toString("utf8");
}
