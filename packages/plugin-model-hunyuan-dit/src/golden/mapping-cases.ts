import { join } from "node:path";
import { z } from "@hyfw/core";
import type { GoldenCase } from "@hyfw/core/golden";
import { check, jsonNames, load, type Outcome, same } from "@hyfw/core/golden";
import { diffusersPieces, officialName, type Rows } from "../layouts/diffusers-names.js";

const MappingFile = z.object({
  rows: z.array(z.object({ official: z.string(), diffusers: z.string(), op: z.string() })),
});

/** Which official tensor becomes which diffusers one, and how, both ways. */
export function* mappingCases(folder: string): Generator<GoldenCase> {
  const keys = join(folder, "keys");
  for (const name of jsonNames(keys, /^official_to_diffusers_/))
    yield check(`keys/${name}`, () => compare(keys, name));
}

function compare(folder: string, name: string): Outcome {
  const facts = load(folder, `${name}.json`, MappingFile);
  if (facts === undefined) throw new Error(`${name}.json is gone`);
  const officials = new Set(facts.rows.map(({ official }) => official));
  const expected = new Map(
    facts.rows.map(({ official, diffusers, op }) => [diffusers, `${official}: ${op}`]),
  );
  let count = 0;
  for (const official of officials)
    for (const { name: diffusers, rows } of diffusersPieces(official)) {
      const wanted = expected.get(diffusers);
      if (wanted === undefined) throw new Error(`the reference has no ${diffusers}`);
      if (!wanted.startsWith(`${official}: `) || !isSame(rows, wanted.slice(official.length + 2)))
        throw new Error(`${diffusers}: expected ${wanted}, found ${official}: ${JSON.stringify(rows)}`);
      same(`official name of ${diffusers}`, officialName(diffusers), official);
      count += 1;
    }
  same("number of rows", count, facts.rows.length);
  return { status: "passed", detail: `${count} rows both ways, exact` };
}

function isSame(rows: Rows, op: string): boolean {
  if (rows.kind === "part") return op === `rows chunk ${rows.part} of ${rows.of}`;
  if (rows.kind === "swapped") return op.includes("swap the two halves");
  // A style table of one row is copied whole; the reference says row 0.
  return op.startsWith("copy") || op === "row 0 only";
}
