import { join } from "node:path";
import { z } from "@hyfw/core";
import { check, type GoldenCase, load, maxDifference, type Outcome, same, Worst } from "@hyfw/core/golden";
import { openWeights, renamedWeights } from "@hyfw/core/weights";
import { type MappedSafetensors, noGrad, openSafetensors, type Tensor, tidy } from "@hyfw/native";
import { loadFrozen, type Module, type Place } from "@hyfw/nn";
import { Bert } from "../networks/bert.js";
import { BertConfig } from "../networks/bert-config.js";
import { Mt5Encoder } from "../networks/mt5.js";
import { Mt5Config } from "../networks/mt5-config.js";
import { bertNames, mt5Names } from "../networks/open-networks.js";
import { relativeBucket } from "../networks/relative-positions.js";
import { keyCases } from "./key-cases.js";

const BERT_LIMIT = 1e-5;
const MT5_LIMIT = 3e-5;

/** States of small BERT and mT5 encoders after every layer. */
export function* encoderCases(folder: string): Generator<GoldenCase> {
  yield* keyCases(folder);
  const bert = load(folder, "bert_tiny.json", z.object({ config: BertConfig }));
  if (bert !== undefined)
    yield check("bert_tiny", () => {
      const file = openSafetensors(join(folder, "bert_tiny.safetensors"));
      const network = weightsOf(
        folder,
        "bert_tiny",
        "weights.",
        "bert",
        (place) => new Bert(place, bert.config),
      );
      return run(network, () =>
        compareStates(new Worst("states of every layer", BERT_LIMIT), network, file, ""),
      );
    });
  const mt5 = load(folder, "mt5_tiny.json", z.object({ config: Mt5Config }));
  if (mt5 === undefined) return;
  const file = openSafetensors(join(folder, "mt5_tiny.safetensors"));
  const network = () =>
    weightsOf(folder, "mt5_tiny", "weights.", "mt5", (place) => new Mt5Encoder(place, mt5.config));
  for (const part of ["short", "long"].filter((name) => file.has(`${name}.input_ids`)))
    yield check(`mt5_tiny/${part}`, () => {
      const made = network();
      return run(made, () =>
        compareStates(new Worst("states of every layer", MT5_LIMIT), made, file, `${part}.`),
      );
    });
  if (file.has("relative_position_bucket"))
    yield check("mt5_tiny/relative_position_bucket", () => compareBuckets(mt5.config, file));
}

type Encoding = Module & {
  forward(ids: Tensor, mask: Tensor, onLayer?: (states: Tensor) => void): Tensor;
};

/** A small encoder from tensors of a reference file that share a prefix. */
export function weightsOf<Network extends Module>(
  folder: string,
  name: string,
  prefix: string,
  kind: "bert" | "mt5",
  build: (place: Place) => Network,
): Network {
  const file = openWeights(join(folder, `${name}.safetensors`));
  const own = file.names().filter((one) => one.startsWith(prefix));
  const named = renamedWeights(file, new Map(own.map((one) => [one.slice(prefix.length), one])));
  const wanted = kind === "bert" ? bertNames(named) : mt5Names(named);
  return loadFrozen(build, wanted, { device: "cpu", dtype: "float32" });
}

function run(network: Module, compare: () => Outcome): Outcome {
  try {
    return tidy(() => noGrad(compare));
  } finally {
    network.dispose();
  }
}

function compareStates(worst: Worst, network: Encoding, file: MappedSafetensors, prefix: string): Outcome {
  const layers: Tensor[] = [];
  const ids = file.get(`${prefix}input_ids`);
  const mask = file.get(`${prefix}attention_mask`);
  const last = network.forward(ids, mask, (states) => layers.push(states));
  for (const [i, states] of layers.entries()) {
    const stored = `${prefix}hidden_states.${i}`;
    if (file.has(stored)) worst.add(stored, maxDifference(states, file.get(stored)));
  }
  for (const name of ["last_hidden_state", "layer_minus1"].map((one) => prefix + one))
    if (file.has(name)) worst.add(name, maxDifference(last, file.get(name)));
  const padded = `${prefix}layer_minus1_when_padded_with_0`;
  if (file.has(padded)) {
    const zeroed = ids.mul(mask); // the same captions, filled up with 0
    worst.add(padded, maxDifference(network.forward(zeroed, mask), file.get(padded)));
  }
  return worst.outcome();
}

function compareBuckets(config: Mt5Config, file: MappedSafetensors): Outcome {
  const { relative_attention_num_buckets: buckets, relative_attention_max_distance: far } = config;
  const distances = file.get("relative_position").toArray();
  const found = distances.map((distance) => relativeBucket(distance, buckets, far));
  same("buckets", found, file.get("relative_position_bucket").toArray());
  return { status: "passed", detail: `buckets of ${distances.length} distances, exact` };
}
