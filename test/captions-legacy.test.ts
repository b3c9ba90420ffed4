import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AUGMENTER, diceFor, firstSample, openRun, type Row, resolveSettings, type Sample } from "@hyfw/core";
import t from "tap";

const PRESET = fileURLToPath(new URL("../presets/captions-legacy.yaml", import.meta.url));
const SAMPLES = 40_000;

const size = { height: 8, width: 8 };
const geometry = { resized: size, crop: { top: 0, left: 0 }, resolution: size, flip: false };
const row: Row = {
  position: 0,
  id: "a-0",
  arrowFile: "a.arrow",
  rowInFile: 0,
  texts: Object.fromEntries(
    [1, 2, 3].map((n) => [`text_zh${n}`, `c${n}, hatsune miku, vocaloid, 2021, highres`]),
  ),
  tags: { character: ["hatsune miku"], copyright: ["vocaloid"], year: ["2021"], meta: ["highres"] },
  size,
  imageBytes: 1,
};

/** Every sample through the chain of augmenters that the preset gives, as the loader takes it. */
async function augmented(cwd: string): Promise<Sample[]> {
  writeFileSync(join(cwd, "names.csv"), "en,zh\nhatsune miku,初音未来\n");
  const sets = ["plugins.augmenter-name-substitution.tables=[names.csv]"];
  const run = await openRun(await resolveSettings({ cwd, presets: [PRESET], config: false, sets }), {
    required: [],
  });
  const chain = run.getAll(AUGMENTER);
  const samples = Array.from({ length: SAMPLES }, (_, n) => {
    const dice = diceFor(1234, 0, `row-${n}`);
    return chain.reduce((sample, one) => one.augment(sample, dice), firstSample(row, 0, geometry));
  });
  await run.close();
  return samples;
}

t.test("captions-legacy gives each encoder the known ancestor's chances, drawn on its own", async (t) => {
  const samples = await augmented(t.testdir({}));
  const traits: readonly (readonly [string, number, (text: string) => boolean])[] = [
    ["the first caption", 1 / 3, (text) => text.startsWith("c1")],
    ["the second caption", 1 / 3, (text) => text.startsWith("c2")],
    ["a Chinese name", 0.2, (text) => text.includes("初音未来")],
    ["no copyright", 0.05, (text) => !text.includes("vocaloid")],
    ["no year", 0.005, (text) => !text.includes("2021")],
    ["no meta", 0.005, (text) => !text.includes("highres")],
  ];
  // 3 standard deviations: of 18 comparisons one in twenty runs would lie beyond; the seed makes it the same run.
  const isNear = (count: number, p: number): boolean =>
    Math.abs(count - SAMPLES * p) < 3 * Math.sqrt(SAMPLES * p * (1 - p));
  for (const [what, p, has] of traits) {
    const first = samples.filter(({ caption }) => has(caption.text)).length;
    const second = samples.filter(({ captionT5 }) => has(captionT5.text)).length;
    const both = samples.filter(({ caption, captionT5 }) => has(caption.text) && has(captionT5.text)).length;
    t.ok(isNear(first, p), `${what}: ${first} of ${SAMPLES} for BERT`);
    t.ok(isNear(second, p), `${what}: ${second} of ${SAMPLES} for mT5`);
    t.ok(isNear(both, p * p), `${what}: ${both} of ${SAMPLES} for both`);
  }
});
