import { z } from "@hyfw/core";
import type { GoldenCase } from "@hyfw/core/golden";
import { check, load, maxDifference, numbers, same, Worst } from "@hyfw/core/golden";
import { fromTypedArray, tidy } from "@hyfw/native";
import { sinusoid } from "@hyfw/nn";
import { fillResizeAndCrop, type RopeNumbers, ropeNumbers, ropePositions } from "../network/rope.js";
import { tensorsOf } from "./reference-network.js";

const RopeFile = z.object({
  resolutions: z.array(
    z.object({
      h: z.number(),
      w: z.number(),
      rope_img: z.enum(["extend", "base512", "base1024"]),
      head_dim: z.number(),
      th: z.number(),
      tw: z.number(),
      args: z.array(z.array(z.number())),
      sum_cos: z.number(),
      sum_sin: z.number(),
      wsum_cos: z.number(),
      wsum_sin: z.number(),
    }),
  ),
  fill_resize_and_crop: z.array(
    z.object({ h: z.number(), w: z.number(), base: z.number(), crop: z.array(z.array(z.number())) }),
  ),
});
type RopeCase = z.output<typeof RopeFile>["resolutions"][number];

const NAME = "rope_and_embeddings";
const LIMITS = { table: 2e-5, sum: 2e-6 };

/** Positions, tables, sums and rounding of rotary embeddings, and sinusoids of timesteps. */
export function* ropeCases(folder: string): Generator<GoldenCase> {
  const facts = load(folder, `${NAME}.json`, RopeFile);
  if (facts === undefined) return;
  const file = tensorsOf(folder, NAME);
  yield check(`${NAME}/fill_resize_and_crop`, () => {
    for (const { h, w, base, crop } of facts.fill_resize_and_crop) {
      const { top, left, bottom, right } = fillResizeAndCrop({ height: h, width: w }, base);
      same(
        `grid ${h}x${w} in ${base}`,
        [
          [top, left],
          [bottom, right],
        ],
        crop,
      );
    }
    return { status: "passed", detail: `${facts.fill_resize_and_crop.length} grids, exact` };
  });
  yield check(`${NAME}/positions`, () => {
    for (const one of facts.resolutions) same(label(one), positionArguments(one), one.args);
    return { status: "passed", detail: `${facts.resolutions.length} resolutions, exact` };
  });
  yield check(`${NAME}/sums`, () => {
    const worst = new Worst("sums of tables over the sum of the weights", LIMITS.sum);
    for (const one of facts.resolutions) addSums(worst, one);
    return worst.outcome();
  });
  yield check(`${NAME}/rows`, () => {
    const worst = new Worst("rows of tables", LIMITS.table);
    for (const one of facts.resolutions) {
      const key = `${one.h}x${one.w}.${one.rope_img}.hd${one.head_dim}`;
      if (!file.has(`${key}.rows`)) continue;
      const table = numbersOf(one);
      tidy(() => {
        const rows = file.get(`${key}.rows`);
        for (const part of ["cos", "sin"] as const) {
          const whole = fromTypedArray(table[part], [table.tokens, table.headSize]);
          const found = whole.indexSelect(0, rows);
          worst.add(`${key}.${part}`, maxDifference(found, file.get(`${key}.${part}`)));
        }
      });
    }
    return worst.outcome();
  });
  yield check(`${NAME}/timestep_embedding`, () => {
    const worst = new Worst("sinusoids; the limit grows by 2^-24 for each step of t", LIMITS.table);
    tidy(() => {
      const times = numbers(file.get("timestep_embedding.t"));
      for (const stored of file.names()) {
        const width = /^timestep_embedding\.dim(\d+)$/.exec(stored)?.[1];
        if (width === undefined) continue;
        const found = sinusoid(
          times.map((t) => [t]),
          { width: Number(width) },
        );
        for (const [i, t] of times.entries()) {
          // One unit in the last place of a frequency below 1 is 2^-24; exponentials differ by that between CPUs.
          const error = maxDifference(found.select(0, i), file.get(stored).select(0, i));
          worst.add(`${stored} at t = ${t}`, error, 1 + (t * 2 ** -24) / LIMITS.table);
        }
      }
    });
    return worst.outcome();
  });
}

const grid = ({ th, tw }: RopeCase) => ({ height: th, width: tw });
const label = ({ h, w, rope_img }: RopeCase): string => `${h}x${w} ${rope_img}`;
const numbersOf = (one: RopeCase): RopeNumbers => ropeNumbers(one.rope_img, grid(one), one.head_dim);

/** As the reference writes them: counted grids by their size, spread ones by start, stop and count. */
function positionArguments(one: RopeCase): number[][] {
  const { rows, columns } = ropePositions(one.rope_img, grid(one));
  if (one.rope_img === "extend") return [[rows.count, columns.count]];
  return [
    [rows.start, columns.start],
    [rows.stop, columns.stop],
    [rows.count, columns.count],
  ];
}

function addSums(worst: Worst, one: RopeCase): void {
  const { cos, sin, tokens, headSize } = numbersOf(one);
  const sums = { cos: 0, sin: 0, weightedCos: 0, weightedSin: 0 };
  for (let row = 0, at = 0; row < tokens; row++)
    for (let column = 0; column < headSize; column++, at++) {
      const [c, s] = [cos[at] ?? 0, sin[at] ?? 0];
      sums.cos += c;
      sums.sin += s;
      sums.weightedCos += row * c;
      sums.weightedSin += column * s;
    }
  const entries = tokens * headSize;
  const rowWeights = (headSize * tokens * (tokens - 1)) / 2;
  const columnWeights = (tokens * headSize * (headSize - 1)) / 2;
  worst.add(`${label(one)} cos`, Math.abs(sums.cos - one.sum_cos) / entries);
  worst.add(`${label(one)} sin`, Math.abs(sums.sin - one.sum_sin) / entries);
  worst.add(`${label(one)} rows · cos`, Math.abs(sums.weightedCos - one.wsum_cos) / rowWeights);
  worst.add(`${label(one)} columns · sin`, Math.abs(sums.weightedSin - one.wsum_sin) / columnWeights);
}
