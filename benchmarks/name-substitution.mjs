// Time to find names in captions, by table size and caption length: node benchmarks/name-substitution.mjs
// Prints one line each. The work for a caption should not depend on the size of the table, and grow with its length.
import { cpus } from "node:os";
import { diceKey, PhraseFinder, rngFromKey } from "@hyfw/core";

const rng = rngFromKey(diceKey(1, 0, "names", "benchmark"));
const letters = "abcdefghijklmnopqrstuvwxyz";
const word = () => Array.from({ length: 3 + rng.int(7) }, () => letters[rng.int(26)]).join("");
const vocabulary = Array.from({ length: 20_000 }, word);
const anyWord = () => vocabulary[rng.int(vocabulary.length)] ?? "";
const makeName = () => {
  const words = Array.from({ length: 1 + rng.int(3) }, anyWord).join(" ");
  return rng.int(4) === 0 ? `${words} (${anyWord()})` : words;
};
const makeCaption = (names, length) => {
  let text = "";
  while (text.length < length) {
    const part = rng.int(8) === 0 ? (names[rng.int(names.length)] ?? "") : anyWord();
    text += `${rng.int(2) === 0 ? part.replaceAll(" ", "_") : part}${[", ", " ", "，", " 的"][rng.int(4)]}`;
  }
  return text;
};

console.log(`${cpus()[0]?.model}, node ${process.version}`);
for (const size of [500, 5_000, 50_000]) {
  const names = [...new Set(Array.from({ length: size }, makeName))];
  globalThis.gc?.(); // node --expose-gc, for the memory to mean something
  const before = process.memoryUsage().heapUsed;
  const start = performance.now();
  const finder = new PhraseFinder(names);
  const built = performance.now() - start;
  globalThis.gc?.();
  const mib = (process.memoryUsage().heapUsed - before) / 2 ** 20;
  console.log(`${names.length} names: built in ${built.toFixed(0)} ms, about ${mib.toFixed(0)} MiB`);
  for (const length of [100, 400, 1600, 6400]) {
    const captions = Array.from({ length: Math.ceil(400_000 / length) }, () => makeCaption(names, length));
    for (const caption of captions) finder.find(caption); // warm
    const from = performance.now();
    let found = 0;
    for (const caption of captions) found += finder.find(caption).length;
    const us = ((performance.now() - from) * 1000) / captions.length;
    console.log(
      `  captions of ${length} signs: ${us.toFixed(1)} µs each, ${((us * 1000) / length).toFixed(0)} ns per sign, ${(found / captions.length).toFixed(1)} names found`,
    );
  }
}
