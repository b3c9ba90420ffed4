import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "@hyfw/core";
import { check, type GoldenCase, load, maxDifference, type Outcome, same, Worst } from "@hyfw/core/golden";
import { openWeights, renamedWeights } from "@hyfw/core/weights";
import { noGrad, openSafetensors, type Tensor, tidy } from "@hyfw/native";
import { VaeConfig } from "../network/config.js";
import { Vae } from "../network/vae.js";
import { type StoredVae, storedVae } from "../open-vae.js";
import { VaeOptions } from "../options.js";
import { vaeLatents } from "../vae-latents.js";

const NAME = "vae_tiny";
const MOMENTS_LIMIT = 5e-6;
const DECODE_LIMIT = 2e-5;

/** Moments, sampled latents and pictures of a small VAE; names and shapes of the full-size one. */
export function* vaeCases(folder: string): Generator<GoldenCase> {
  const facts = load(folder, `${NAME}.json`, z.object({ config: VaeConfig }));
  if (facts !== undefined) {
    yield check(`${NAME}/encode`, () => withVae(folder, facts.config, encodeCase));
    yield check(`${NAME}/decode`, () => withVae(folder, facts.config, decodeCase));
  }
  if (existsSync(join(folder, "keys", "sdxl_vae.json"))) yield check("keys/sdxl_vae", () => keyCase(folder));
}

interface Case {
  readonly vae: Vae;
  readonly stored: StoredVae;
  get(name: string): Tensor;
  has(name: string): boolean;
}

function withVae(folder: string, config: VaeConfig, run: (one: Case) => Outcome): Outcome {
  const path = join(folder, `${NAME}.safetensors`);
  const weights = openWeights(path);
  const own = weights.names().filter((name) => name.startsWith("weights."));
  const named = renamedWeights(weights, new Map(own.map((name) => [name.slice("weights.".length), name])));
  const stored = storedVae(folder, config, named);
  const vae = stored.load("cpu", "float32");
  const file = openSafetensors(path);
  try {
    return tidy(() =>
      noGrad(() =>
        run({
          vae,
          stored,
          get: (name) => file.get(name),
          has: (name) => file.has(name),
        }),
      ),
    );
  } finally {
    vae.dispose();
  }
}

function encodeCase({ vae, stored, get, has }: Case): Outcome {
  const worst = new Worst("moments, results along the way and latents", MOMENTS_LIMIT);
  const watched = (place: string, x: Tensor): void => {
    const name = `mid.${place}`;
    // Inner results are larger than moments and have the decoder's limit.
    if (has(name)) worst.add(name, maxDifference(x, get(name)), DECODE_LIMIT / MOMENTS_LIMIT);
  };
  worst.add("moments", maxDifference(vae.moments(get("image"), watched), get("moments")));
  const latents = vaeLatents(stored, VaeOptions.parse({}));
  worst.add(
    "latents_scaled",
    maxDifference(latents.encodeWith(get("image"), get("eps")), get("latents_scaled")),
  );
  latents.close();
  return worst.outcome();
}

function decodeCase({ stored, get }: Case): Outcome {
  const worst = new Worst("pictures, whole and one by one", DECODE_LIMIT);
  for (const slice of [false, true]) {
    const latents = vaeLatents(stored, VaeOptions.parse({ slice }));
    worst.add(
      slice ? "sliced" : "whole",
      maxDifference(latents.decode(get("latents_scaled")), get("decoded")),
    );
    latents.close();
  }
  return worst.outcome();
}

const KeyFile = z.object({
  config: VaeConfig,
  total_parameters: z.number(),
  n_tensors: z.number(),
  params: z.record(z.string(), z.array(z.number())),
});

function keyCase(folder: string): Outcome {
  const facts = load(join(folder, "keys"), "sdxl_vae.json", KeyFile);
  if (facts === undefined) throw new Error("sdxl_vae.json is gone");
  const vae = new Vae({ path: "", device: "meta", seed: 0 }, facts.config);
  const found = new Map(vae.parameters().map(({ name, shape }) => [name, shape]));
  vae.dispose();
  for (const [name, shape] of Object.entries(facts.params)) same(name, found.get(name), shape);
  same("number of tensors", found.size, facts.n_tensors);
  const total = [...found.values()].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
  same("total", total, facts.total_parameters);
  return { status: "passed", detail: `${found.size} names and shapes, ${total} numbers, exact` };
}
