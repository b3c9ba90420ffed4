import {
  cat,
  type DeviceName,
  empty,
  keyedNormal,
  linear,
  noGrad,
  type Tensor,
  tensor,
  tidy,
} from "@hyfw/native";
import type { Batch, Model, ModelFacts, ParameterSlot, Prepared, Segment } from "../hooks/model.js";
import { diceKey, rngFromKey } from "./dice.js";

/** A slot over a native tensor, as a model plugin would have it. */
export class TinySlot implements ParameterSlot {
  readonly storage: Tensor;
  readonly castable: boolean;
  private front: Tensor | undefined;

  constructor(
    readonly name: string,
    readonly shape: readonly number[],
    private readonly seed: number,
    device: DeviceName | "meta" = "cpu",
  ) {
    this.castable = name.endsWith("weight");
    const made = device === "meta" ? empty(shape, { device }) : this.initial(device);
    this.storage = made.keep().setRequiresGrad();
  }
  initial(device: DeviceName): Tensor {
    const count = this.shape.reduce((product, size) => product * size, 1);
    const rng = rngFromKey(diceKey(this.seed, 0, this.name, "init"));
    const numbers = Array.from({ length: count }, () => (rng.uniform() - 0.5) * 0.4);
    return tensor(numbers, this.shape, { device });
  }
  get decays(): boolean {
    return this.castable;
  }
  tensor(): Tensor {
    return this.front ?? this.storage;
  }
  substitute(front: Tensor | undefined): void {
    this.front = front;
  }
}

const D = 16;
/** Numbers of one picture: 3 · 4 · 8 and 3 · 8 · 4 alike. */
const PIXELS = 96;

/**
 * A diffusion-like model in four segments: embed, two blocks, final; the last block reads a long skip. It learns to
 * take noise off pictures of 96 numbers.
 */
export function tinyModel({ device: where, seed, withoutWeights }: ModelFacts): Model {
  const device = withoutWeights === true ? "meta" : where;
  const slots: ParameterSlot[] = [];
  const layer = (name: string, out: number, into: number) => {
    const weight = new TinySlot(`${name}.weight`, [out, into], seed, device);
    const bias = new TinySlot(`${name}.bias`, [out], seed, device);
    slots.push(weight, bias);
    return {
      parameters: [weight, bias],
      run: (x: Tensor): Tensor => {
        const w = weight.tensor();
        return linear(x.to({ dtype: w.dtype }), w, bias.tensor().to({ dtype: w.dtype }));
      },
    };
  };
  const embed = layer("embed", D, PIXELS);
  const time = layer("time", D, 1);
  const first = layer("blocks.0", D, D);
  const second = layer("blocks.1", D, 2 * D);
  const final = layer("final", PIXELS, D);
  const segments: Segment[] = [
    {
      name: "embed",
      reads: ["noised", "t"],
      writes: ["x", "c", "skip.0"],
      parameters: [...embed.parameters, ...time.parameters],
      run: ({ noised, t }) => {
        const x = embed.run(need(noised)).gelu("tanh");
        return { x, c: time.run(need(t)).tanh(), "skip.0": x };
      },
    },
    {
      name: "blocks.0",
      reads: ["x", "c"],
      writes: ["x"],
      parameters: first.parameters,
      run: ({ x, c }) => ({ x: need(x).add(first.run(need(x).add(need(c))).gelu("tanh")) }),
    },
    {
      name: "blocks.1",
      reads: ["x", "c", "skip.0"],
      writes: ["x"],
      parameters: second.parameters,
      run: ({ x, c, "skip.0": skip }) => ({
        x: need(x).add(
          second
            .run(cat([need(x), need(skip)], 1))
            .mul(need(c))
            .gelu("tanh"),
        ),
      }),
    },
    {
      name: "final",
      reads: ["x"],
      writes: ["prediction"],
      parameters: final.parameters,
      run: ({ x }) => ({ prediction: final.run(need(x)) }),
    },
  ];
  return {
    segments,
    parameters: slots,
    describe: () => [["model", "tiny"]],
    prepare: (batch) => prepare(batch),
    loss: ({ forLoss }, { prediction }) => {
      const square = need(prediction).float().sub(need(forLoss.target)).square();
      const perSample = square.mean([1]);
      return {
        mean: perSample.mean(),
        each: perSample,
        perSample: perSample.detach(),
        parts: { mse: perSample.detach().mean() },
      };
    },
    draw: async ({ prompts, resolution: { height, width }, seed: drawSeed, steps, onStep }, infer) => {
      const keys = prompts.map((prompt) => diceKey(drawSeed, 0, prompt, "draw"));
      const noised = keyedNormal(keys, [PIXELS]).keep();
      const t = tensor(
        prompts.map(() => 0.5),
        [prompts.length, 1],
      ).keep();
      const { prediction } = await infer({ noised, t });
      const drawn = tidy(() =>
        noGrad(() =>
          need(prediction)
            .reshape([prompts.length, 3, height, width])
            .add(1)
            .mul(127.5)
            .clamp(0, 255)
            .to({ dtype: "uint8" })
            .permute([0, 2, 3, 1])
            .contiguous(),
        ),
      ).keep();
      await onStep?.(steps, steps);
      for (const one of [noised, t, need(prediction)]) one.dispose();
      return drawn;
    },
    fileFacts: () => ({ version: "tiny" }),
  };
}

function prepare(batch: Batch): Prepared {
  return noGrad(() => {
    const count = batch.samples.length;
    const keys = batch.samples.map((_sample, n) => batch.key(n, "tiny/noise"));
    const timesteps = batch.samples.map((_sample, n) => rngFromKey(batch.key(n, "tiny/t")).uniform());
    const target = batch.images.reshape([count, PIXELS]);
    const t = tensor(timesteps, [count, 1]);
    const noised = target.mul(0.7).add(keyedNormal(keys, [PIXELS]).mul(t));
    return { values: { noised, t }, timesteps, forLoss: { target } };
  });
}

function need(value: Tensor | undefined): Tensor {
  if (value === undefined) throw new Error("a value that the segment reads is missing");
  return value;
}
