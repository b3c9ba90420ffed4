import type { StreamKey } from "@hyfw/native";

/**
 * The key of one parameter's initial numbers: FNV-1a over the UTF-16 code units of `seed/name`, run with two start
 * values and finished with MurmurHash3's mixer. It depends on nothing else, so neither order nor device matters.
 */
export function initKey(seed: number, name: string): StreamKey {
  const text = `${seed}/${name}`;
  return { low: hash(text, 0x811c9dc5), high: hash(text, 0x3c6ef372) };
}

function hash(text: string, start: number): number {
  let state = start;
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return (state ^ (state >>> 16)) >>> 0;
}
