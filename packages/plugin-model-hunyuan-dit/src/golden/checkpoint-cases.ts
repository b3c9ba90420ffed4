import { existsSync } from "node:fs";
import { join } from "node:path";
import { type WeightFile, z } from "@hyfw/core";
import type { GoldenCase } from "@hyfw/core/golden";
import { check, load, type Outcome, same } from "@hyfw/core/golden";
import { chooseState, openWeights, stateKeys } from "@hyfw/core/weights";
import { openSafetensors, type Tensor, tidy } from "@hyfw/native";

const CkptFacts = z.object({
  files: z.record(z.string(), z.object({ must_be_refused: z.boolean().default(false) })),
});

/** Codes under which a file that must not be read is refused. */
const REFUSALS = /^HYFW_TORCH_FILE(_UNSAFE)?$/;
/** What the moving average in these files is, as a multiple of the weights. */
const EMA_FACTOR = 0.5;

/** Files of torch.save in the official layouts: every tensor exact, hostile and broken ones refused. */
export function* checkpointCases(folder: string): Generator<GoldenCase> {
  const files = join(folder, "ckpt");
  const facts = load(files, "README.json", CkptFacts);
  if (facts === undefined) return;
  for (const [name, { must_be_refused: refused }] of Object.entries(facts.files)) {
    const path = join(files, name);
    if (!existsSync(path)) continue;
    yield check(`ckpt/${name}`, () => (refused ? refuse(path) : compare(files, path, name)));
  }
}

function refuse(path: string): Outcome {
  try {
    openWeights(path);
  } catch (fault) {
    const { code, message } = fault as { code?: string; message: string };
    if (code === undefined || !REFUSALS.test(code)) throw fault;
    return { status: "passed", detail: `refused: ${message.slice(path.length + 2)}` };
  }
  throw new Error("it was read, and must be refused");
}

function compare(folder: string, path: string, name: string): Outcome {
  const file = openWeights(path);
  if (name.startsWith("tricky")) {
    const count = compareTensors(file, join(folder, "tricky_expected.safetensors"), 1);
    return { status: "passed", detail: `${count} tensors, types and shapes too, exact` };
  }
  const keys = stateKeys(file);
  let count = 0;
  for (const key of keys.length === 0 ? ["auto"] : keys)
    count += compareTensors(
      chooseState(file, key),
      join(folder, "expected_state_dict.safetensors"),
      key === "ema" ? EMA_FACTOR : 1,
    );
  return { status: "passed", detail: `${count} tensors of ${keys.join(", ") || "a plain state"}, exact` };
}

/** Every tensor of a file against those expected, rounded to the type that it is stored in. */
function compareTensors(file: WeightFile, expectedPath: string, factor: number): number {
  const expected = openSafetensors(expectedPath);
  let count = 0;
  // Lists inside the file hold tensors that the reference does not list.
  for (const name of file.names().filter((one) => !one.startsWith("nested."))) {
    tidy(() => {
      const found = file.get(name);
      const { dtype, shape } = found;
      const scaled: Tensor = factor === 1 ? expected.get(name) : expected.get(name).mul(factor);
      same(`shape of ${name}`, shape, expected.entry(name).shape);
      same(`numbers of ${name}`, found.contiguous().toArray(), scaled.to({ dtype }).toArray());
    });
    count += 1;
  }
  if (count === 0) throw new Error("no tensors were found");
  return count;
}
