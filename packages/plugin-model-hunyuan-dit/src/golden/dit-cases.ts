import { z } from "@hyfw/core";
import type { GoldenCase } from "@hyfw/core/golden";
import {
  check,
  differenceOfLargest,
  jsonNames,
  l2,
  load,
  maxDifference,
  numbers,
  type Outcome,
  relative,
  Worst,
} from "@hyfw/core/golden";
import { backwardSync, type DType, type MappedSafetensors, noGrad, type Tensor, tidy } from "@hyfw/native";
import type { Network } from "../network/network.js";
import {
  loadReference,
  ReferenceConfig,
  referenceValues,
  runNetwork,
  tensorsOf,
  watch,
} from "./reference-network.js";

const DitCase = z.object({
  weights: z.string(),
  loss: z.number(),
  grad_norms: z.record(z.string(), z.object({ l2: z.number() })),
  grad_total_norm: z.number(),
});

const LIMITS = { out: 2e-5, mid: 5e-5, loss: 1e-6, grad: 1e-4, fp16: 1e-2, bf16: 6e-2 };
/** Gradients that are zero in exact arithmetic are left out: rounding noise cannot be compared. */
const NOISE_NORM = 1e-6;

/** The network's cases: output, intermediates, loss, gradients and half precision, file by file. */
export function* ditCases(folder: string): Generator<GoldenCase> {
  for (const name of jsonNames(folder, /^dit_.*(?<!_weights)$/)) {
    const facts = load(folder, `${name}.json`, DitCase);
    if (facts === undefined) continue;
    const config = load(
      folder,
      facts.weights.replace(/\.safetensors$/, ".json"),
      z.object({ config: ReferenceConfig }),
    )?.config;
    if (config === undefined) throw new Error(`${facts.weights} has no JSON file beside it`);
    const network = tidy(() => loadReference(folder, facts.weights, config));
    try {
      yield* oneFile(network, name, facts, tensorsOf(folder, name));
    } finally {
      network.dispose();
    }
  }
}

function* oneFile(
  network: Network,
  name: string,
  facts: z.output<typeof DitCase>,
  file: MappedSafetensors,
): Generator<GoldenCase> {
  for (const [suffix, dtype, limit] of [
    ["out_fp16", "float16", LIMITS.fp16],
    ["out_bf16", "bfloat16", LIMITS.bf16],
  ] as const)
    if (file.has(suffix))
      yield check(`${name}/${suffix}`, () =>
        tidy(() => noGrad(() => halfOutput(network, file, dtype, limit))),
      );
  // The forward is watched from here on, and its graph is needed until the gradients are compared.
  const seen = watch(network);
  const cases = tidy(() => wholeCases(network, seen, name, facts, file));
  yield* cases;
}

function inputs(file: MappedSafetensors, dtype?: DType): ReturnType<typeof referenceValues> {
  const cast = (name: string): Tensor | undefined => {
    if (!file.has(`in.${name}`)) return undefined;
    const tensor = file.get(`in.${name}`);
    const isTable = name === "cos" || name === "sin";
    return dtype === undefined || isTable || tensor.dtype !== "float32" ? tensor : tensor.to({ dtype });
  };
  const xt = cast("x");
  if (xt === undefined) throw new Error("the reference has no in.x");
  return referenceValues(cast, xt, numbers(file.get("in.t")));
}

function halfOutput(network: Network, file: MappedSafetensors, dtype: DType, limit: number): Outcome {
  const parameters = network.parameters();
  for (const parameter of parameters) parameter.substitute(parameter.storage.to({ dtype }));
  try {
    const worst = new Worst(`whole model in ${dtype} against float32`, limit);
    worst.add("out", maxDifference(runNetwork(network, inputs(file, dtype)), file.get("out")));
    return worst.outcome();
  } finally {
    for (const parameter of parameters) parameter.substitute(undefined);
  }
}

function wholeCases(
  network: Network,
  seen: ReadonlyMap<string, Tensor>,
  name: string,
  facts: z.output<typeof DitCase>,
  file: MappedSafetensors,
): GoldenCase[] {
  const output = runNetwork(network, inputs(file));
  const loss = output
    .mul(file.get("in.loss_weight"))
    .sum()
    .mul(1 / output.numel)
    .add(output.square().mean().mul(0.5));
  backwardSync([loss]);
  return [
    check(`${name}/out`, () => {
      const worst = new Worst("output", LIMITS.out);
      worst.add("out", maxDifference(output, file.get("out")));
      return worst.outcome();
    }),
    check(`${name}/mid`, () => {
      const worst = new Worst("intermediates", LIMITS.mid);
      for (const stored of file.names().filter((one) => one.startsWith("mid.")))
        worst.add(stored, intermediate(seen, stored.slice("mid.".length), file.get(stored)));
      return worst.outcome();
    }),
    check(`${name}/loss`, () => {
      const worst = new Worst("loss", LIMITS.loss);
      worst.add("loss", Math.abs(loss.item() - facts.loss));
      return worst.outcome();
    }),
    ...(file.names().some((one) => one.startsWith("grad"))
      ? [check(`${name}/gradients`, () => gradients(network, facts, file))]
      : []),
    check(`${name}/gradient norms`, () => gradientNorms(network, facts)),
  ];
}

/** Largest difference of one intermediate; module names end differently in a few places. */
function intermediate(seen: ReadonlyMap<string, Tensor>, place: string, expected: Tensor): number {
  const found = seen.get(place) ?? seen.get(`${place}.1`) ?? seen.get(`${place}.proj`);
  if (found === undefined) throw new Error(`nothing was computed at ${place}`);
  // The reference norms q and k of self-attention as [B, N, L, K], and mlp_t5 with batch and text joined.
  const turned = /attn1\.[qk]_norm$/.test(place) ? found.transpose(1, 2) : found;
  return maxDifference(turned.reshape(expected.shape), expected);
}

function gradients(
  network: Network,
  { grad_norms }: z.output<typeof DitCase>,
  file: MappedSafetensors,
): Outcome {
  const worst = new Worst("gradients over each tensor's largest", LIMITS.grad);
  const byName = new Map(network.parameters().map((parameter) => [parameter.name, parameter.storage]));
  for (const stored of file.names()) {
    const [, kind, name] = /^(grad|grad_rows4)\.(.+)$/.exec(stored) ?? [];
    if (kind === undefined || name === undefined || (grad_norms[name]?.l2 ?? 0) < NOISE_NORM) continue;
    const grad = byName.get(name)?.grad;
    if (grad === undefined) throw new Error(`${name} got no gradient`);
    const expected = file.get(stored);
    const found = kind === "grad" ? grad : grad.narrow(0, 0, expected.shape[0] ?? 0);
    worst.add(stored, differenceOfLargest(found, expected));
  }
  return worst.outcome();
}

function gradientNorms(network: Network, facts: z.output<typeof DitCase>): Outcome {
  const worst = new Worst("gradient norms", LIMITS.grad);
  let squares = 0;
  for (const { name, storage } of network.parameters()) {
    const grad = storage.grad;
    if (grad === undefined) throw new Error(`${name} got no gradient`);
    const norm = l2(grad);
    squares += norm * norm;
    const expected = facts.grad_norms[name]?.l2;
    if (expected === undefined) throw new Error(`the reference has no gradient of ${name}`);
    if (expected >= NOISE_NORM) worst.add(name, relative(norm, expected));
  }
  worst.add("all together", relative(Math.sqrt(squares), facts.grad_total_norm));
  return worst.outcome();
}
