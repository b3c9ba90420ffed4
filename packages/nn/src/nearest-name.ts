/**
 * The candidate that a dotted name was most likely meant to be: the one that shares most of its parts, then most of
 * its ending. `undefined` when nothing shares at least half.
 */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  const parts = new Set(name.split("."));
  let best: string | undefined;
  let bestScore = 0;
  for (const candidate of candidates) {
    const others = candidate.split(".");
    const shared = others.filter((part) => parts.has(part)).length / Math.max(parts.size, others.length);
    const score = shared + sharedEnding(name, candidate) / 1000;
    if (shared >= 0.5 && score > bestScore) {
      best = candidate;
      bestScore = score;
    }
  }
  return best;
}

function sharedEnding(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a.at(-1 - length) === b.at(-1 - length)) length++;
  return length;
}
