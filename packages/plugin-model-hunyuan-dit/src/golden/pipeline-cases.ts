import { existsSync } from "node:fs";
import { join } from "node:path";
import { type DrawRequest, z } from "@hyfw/core";
import {
  check,
  differenceOfLargest,
  type GoldenCase,
  l2,
  load,
  maxDifference,
  numbers,
  type Outcome,
  relative,
  same,
  skipped,
  Worst,
} from "@hyfw/core/golden";
import { backwardSync, type MappedSafetensors, noGrad, type Tensor, tidy } from "@hyfw/native";
import { sinusoid } from "@hyfw/nn";
import { RopeCache, tokenGrid } from "../conditions.js";
import { diffusionLoss } from "../diffusion/loss.js";
import { AtTimesteps, addNoise } from "../diffusion/predict.js";
import { makeSchedule } from "../diffusion/schedule.js";
import { drawLatents } from "../draw.js";
import type { PipelineParts } from "../golden.js";
import { Network } from "../network/network.js";
import { HunyuanDitOptions } from "../options.js";
import { type Preparation, textValues } from "../prepare.js";
import { ReferenceConfig, referenceShape, runNetwork, tensorsOf } from "./reference-network.js";

const NAME = "sampler_pipeline_e2e";
const LIMITS = { latents: 1e-4, image: 5e-5, loss: 1e-5, grad: 1e-4, states: 3e-5 };
/** Below this, gradients are rounding noise around an exact 0. */
const NOISE_NORM = 1e-6;
/** Last betas that published versions and the official command line have; files of an older set do not say which. */
const USUAL_BETA_END = 0.018;

const Pipeline = z.object({
  dit_config: ReferenceConfig,
  beta_end: z.number().default(USUAL_BETA_END),
  prompt: z.string(),
  negative_prompt: z.string(),
  height: z.number(),
  width: z.number(),
  guidance_scale: z.number(),
  guidance_rescale: z.number().default(0),
  steps: z.number(),
  runs: z.array(z.object({ sampler: z.enum(["ddpm", "ddim", "dpmms"]), timesteps: z.array(z.number()) })),
  train: z.object({
    captions: z.array(z.string()),
    loss_mean: z.number(),
    grad_l2: z.record(z.string(), z.number()),
  }),
});
type Facts = z.output<typeof Pipeline>;

/** What one case works with. */
interface Bench {
  readonly facts: Facts;
  readonly file: MappedSafetensors;
  readonly network: Network;
  readonly parts: PipelineParts;
  readonly preparation: Preparation;
}

/** The whole pipeline, from captions and pictures to a loss, and from a prompt to a picture. */
export async function* pipelineCases(
  folder: string,
  open: ((folder: string) => Promise<PipelineParts>) | undefined,
): AsyncGenerator<GoldenCase> {
  if (!existsSync(join(folder, `${NAME}.json`))) return;
  if (open === undefined) {
    yield skipped(NAME, "no text encoders and VAE were given");
    return;
  }
  const facts = load(folder, `${NAME}.json`, Pipeline);
  if (facts === undefined) return;
  const bench = openBench(folder, facts, await open(folder));
  yield check(`${NAME}/token ids`, () => tidy(() => tokenIds(bench)));
  for (const { sampler } of facts.runs) yield await drawCase(bench, sampler);
  yield check(`${NAME}/train preparation`, () => tidy(() => preparationCase(bench)));
  yield* tidy(() => lossCases(bench));
  bench.network.dispose();
}

function openBench(folder: string, facts: Facts, parts: PipelineParts): Bench {
  const file = tensorsOf(folder, NAME);
  const network = new Network({ path: "", device: "cpu", seed: 0 }, referenceShape(facts.dit_config));
  const own = file.names().filter((name) => name.startsWith("dit."));
  tidy(() =>
    network.load(Object.fromEntries(own.map((name) => [name.slice("dit.".length), file.get(name)]))),
  );
  const { hidden_size: width, depth, num_heads, mlp_ratio, norm } = facts.dit_config;
  const options = HunyuanDitOptions.parse({
    model: "custom",
    hiddenSize: width,
    depth,
    numHeads: num_heads,
    mlpRatio: mlp_ratio,
    norm,
    betaEnd: facts.beta_end,
  });
  const schedule = makeSchedule(options);
  const preparation: Preparation = {
    options,
    schedule,
    drawTimestep: (rng) => rng.int(schedule.length),
    latents: parts.latents,
    textEncoder: parts.textEncoders.build({ device: "cpu", seed: 0 }),
    rope: new RopeCache(options.ropeImg, width / num_heads),
  };
  return { facts, file, network, parts, preparation };
}

/** Ids and masks of prompt, negative prompt and captions, each padded as its use is. */
function tokenIds({ facts, file, preparation: { textEncoder } }: Bench): Outcome {
  let compared = 0;
  const compare = (texts: readonly string[], training: boolean, prefix: string): void => {
    const tokens = textEncoder.tokenize(texts, texts, training);
    const stored = {
      bert_ids: tokens.inputIds,
      bert_mask: tokens.attentionMask,
      t5_ids: tokens.inputIdsT5,
      t5_mask: tokens.attentionMaskT5,
    };
    for (const [name, found] of Object.entries(stored)) {
      same(`${prefix}.${name}`, numbers(found), numbers(file.get(`${prefix}.${name}`)));
      compared++;
    }
  };
  compare([facts.prompt], false, "sample.prompt");
  compare([facts.negative_prompt], false, "sample.negative");
  compare(facts.train.captions, true, "train");
  return { status: "passed", detail: `${compared} arrays of ids and masks, exact` };
}

async function drawCase(bench: Bench, sampler: DrawRequest["solver"]): Promise<GoldenCase> {
  const { facts, file, network, preparation } = bench;
  const name = `${NAME}/${sampler}`;
  const worst = new Worst("latents of every step", LIMITS.latents);
  const request: DrawRequest = {
    prompts: [facts.prompt],
    negative: facts.negative_prompt,
    resolution: { height: facts.height, width: facts.width },
    solver: sampler,
    steps: facts.steps,
    cfgScale: facts.guidance_scale,
    guidanceRescale: facts.guidance_rescale,
    seed: 0,
  };
  const stored = file.get(`sample.${sampler}.latents`).keep();
  const draws = file.get("sample.step_noise").keep();
  try {
    const latents = await drawLatents(
      {
        request,
        preparation,
        device: "cpu",
        noise: { start: () => file.get("sample.initial_noise"), step: (index) => draws.select(0, index) },
        onLatents: (found, index) =>
          tidy(() => worst.add(`step ${index}`, maxDifference(found, stored.select(0, index)))),
      },
      async (values) => {
        const prediction = tidy(() => noGrad(() => runNetwork(network, values)));
        return { prediction };
      },
    );
    return check(name, () => tidy(() => withImage(worst.outcome(), bench, sampler, latents)));
  } catch (error) {
    const detail = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    return { name, status: "failed", detail };
  } finally {
    stored.dispose();
    draws.dispose();
  }
}

/** The outcome of the latents where they or the picture fail, with the picture's error beside. */
function withImage(
  latentsOutcome: Outcome,
  { file, parts }: Bench,
  sampler: string,
  latents: Tensor,
): Outcome {
  const image = parts.latents.decode(latents).mul(0.5).add(0.5).clamp(0, 1);
  latents.dispose();
  const error = maxDifference(image, file.get(`sample.${sampler}.image_0_1`));
  const detail = `${latentsOutcome.detail}; image ${error.toExponential(2)} (limit ${LIMITS.image})`;
  const status = latentsOutcome.status === "passed" && error <= LIMITS.image ? "passed" : "failed";
  return { ...latentsOutcome, status, detail };
}

/** Text states, latents and rotary tables as training prepares them. */
function preparationCase(bench: Bench): Outcome {
  const { file } = bench;
  const worst = new Worst("text states, latents and tables", LIMITS.states);
  const values = trainValues(bench);
  for (const [stored, found] of [
    ["train.encoder_hidden_states", values.textStates],
    ["train.encoder_hidden_states_t5", values.textStatesT5],
    ["train.latents", values.latents],
    ["cos", values.cos],
    ["sin", values.sin],
  ] as const) {
    if (found === undefined) throw new Error(`preparing gives no ${stored}`);
    worst.add(stored, maxDifference(found, file.get(stored)));
  }
  if (values.textMask === undefined) throw new Error("preparing gives no textMask");
  same("positions that are not masked", numbers(values.textMask), expectedMask(file));
  return worst.outcome();
}

function expectedMask(file: MappedSafetensors): number[] {
  const [bert, mt5] = [file.get("train.bert_mask"), file.get("train.t5_mask")];
  const rows = bert.shape[0] ?? 0;
  const row = (mask: Tensor, i: number): number[] => numbers(mask.select(0, i));
  return Array.from({ length: rows }, (_, i) => [...row(bert, i), ...row(mt5, i)]).flat();
}

function trainValues({ facts, file, parts, preparation }: Bench): Readonly<Record<string, Tensor>> {
  return noGrad(() => {
    const { captions } = facts.train;
    const latents = parts.latents.encodeWith(file.get("train.image"), file.get("train.vae_eps"));
    const [height = 0, width = 0] = file.get("train.image").shape.slice(2);
    return {
      ...textValues({ captions, captionsT5: captions }, true, preparation.textEncoder, "cpu"),
      ...preparation.rope.get(tokenGrid({ height, width }, parts.latents.cellSize), "cpu"),
      latents,
    };
  });
}

/** The loss of the prepared batch, and its gradients. */
function lossCases(bench: Bench): GoldenCase[] {
  const { facts, file, network, preparation } = bench;
  const timesteps = numbers(file.get("train.t"));
  const when = new AtTimesteps(preparation.schedule, timesteps, "cpu");
  const { latents, ...values } = trainValues(bench);
  if (latents === undefined) throw new Error("preparing gives no latents");
  const noise = file.get("train.noise");
  const xt = noGrad(() => addNoise(latents, noise, when));
  const tSinusoid = sinusoid(timesteps.map((t) => [t]));
  const output = runNetwork(network, { ...values, xt, tSinusoid });
  const losses = diffusionLoss(output, { latents, noise, xt }, when, preparation.options);
  const mean = losses.loss.mean();
  backwardSync([mean]);
  return [
    check(`${NAME}/train loss`, () => {
      const worst = new Worst("loss, mse and vb", LIMITS.loss);
      worst.add("mean", Math.abs(mean.item() - facts.train.loss_mean));
      worst.add("loss", maxDifference(losses.loss, file.get("train.loss")));
      worst.add("mse", maxDifference(losses.mse, file.get("train.mse")));
      if (losses.vb !== undefined) worst.add("vb", maxDifference(losses.vb, file.get("train.vb")));
      return worst.outcome();
    }),
    check(`${NAME}/train gradients`, () => {
      const worst = new Worst("gradients over each tensor's largest, and their norms", LIMITS.grad);
      for (const { name, storage } of network.parameters()) {
        const expected = facts.train.grad_l2[name];
        if (expected === undefined || expected < NOISE_NORM) continue;
        const grad = storage.grad;
        if (grad === undefined) throw new Error(`${name} got no gradient`);
        worst.add(`norm of ${name}`, relative(l2(grad), expected));
        const stored = `train.grad.${name}`;
        if (file.has(stored)) worst.add(name, differenceOfLargest(grad, file.get(stored)));
      }
      return worst.outcome();
    }),
  ];
}
