// A second model for hyfw: the class-conditional DiT with adaLN-Zero (Peebles & Xie 2023, figure 3), as one plugin.
// The caption is the name of a class; a dropped caption is the class of no name, for guidance.
import {
  type Batch,
  type DrawRequest,
  defineError,
  definePlugin,
  diceKey,
  givenText,
  type Inference,
  LATENTS,
  type Latents,
  MODEL,
  type Model,
  type ModelFacts,
  rngFromKey,
  type Segment,
  type Values,
  z,
} from "@hyfw/core";
import {
  cat,
  type DeviceName,
  fromTypedArray,
  keyedNormal,
  layerNorm,
  noGrad,
  Scope,
  type Tensor,
  tidy,
} from "@hyfw/native";
import * as nn from "@hyfw/nn";

const Options = z.strictObject({
  classes: z.array(z.string().min(1)).min(1).describe("Names of the classes, as captions have them."),
  hiddenSize: z.number().int().multipleOf(16).default(128).describe("Width D of tokens."),
  depth: z.number().int().min(1).default(6).describe("Number of blocks."),
  numHeads: z.number().int().min(1).default(4).describe("Heads of each attention; they divide the width."),
  patchSize: z.number().int().min(1).default(2).describe("Latent cells of a patch on each side."),
});
type Options = z.output<typeof Options>;

const classUnknown = defineError("HYFW_CLASS_DIT_CLASS", (name: string, classes: readonly string[]) => ({
  summary: `${JSON.stringify(name)} is not a class of this model`,
  where: { classes: classes.join(", ") },
  todo: "draw or train on names of plugins.<this plugin>.classes, or add the name there",
}));
const solverUnknown = defineError("HYFW_CLASS_DIT_SOLVER", (solver: string) => ({
  summary: `the class-conditional DiT draws with ddim only, not with ${solver}`,
  todo: "set samples.solver to ddim, or say --solver ddim",
}));

const T = 1000;
/** Cosine schedule by angle: x_t = cos(a)·x₀ + sin(a)·ε, v = cos(a)·ε − sin(a)·x₀ (Salimans & Ho 2022). */
const angle = (t: number): number => (((t + 0.5) / T) * Math.PI) / 2;
const column = (numbers: readonly number[]): Tensor =>
  fromTypedArray(Float32Array.from(numbers), [numbers.length, 1, 1, 1]);
const get = (values: Values, name: string): Tensor => {
  const found = values[name];
  if (found === undefined) throw new RangeError(`class-dit reads ${name}, which nobody wrote`);
  return found;
};
/** A tensor cut into equal parts. */
const parts = (x: Tensor, count: number, dim = 2) =>
  x.chunk(count, dim) as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
/** norm(x)·(1 + scale) + shift, the norm without weights; x [B, L, D], shift and scale [B, 1, D]. */
const modulate = (x: Tensor, shift: Tensor, scale: Tensor): Tensor =>
  layerNorm(x, [x.shape[2] ?? 0], undefined, undefined, 1e-6)
    .mul(scale.add(1))
    .add(shift);

/** Attention and feed-forward, each shifted, scaled and gated by the condition; gates begin at 0. */
class Block extends nn.Module {
  private readonly adaLN: nn.Linear;
  private readonly qkv: nn.Linear;
  private readonly proj: nn.Linear;
  private readonly fc1: nn.Linear;
  private readonly fc2: nn.Linear;

  constructor(
    place: nn.Place,
    { hiddenSize: d, numHeads }: Options,
    private readonly heads = numHeads,
  ) {
    super(place);
    const linear = (name: string, into: number, out: number, init?: nn.LinearInit): nn.Linear =>
      this.child(new nn.Linear(nn.within(place, name), into, out, init));
    this.adaLN = linear("adaLN_modulation.1", d, 6 * d, { weight: nn.zeroInit });
    this.qkv = linear("attn.qkv", d, 3 * d);
    this.proj = linear("attn.proj", d, d);
    this.fc1 = linear("mlp.fc1", d, 4 * d);
    this.fc2 = linear("mlp.fc2", 4 * d, d);
  }

  /** @param x tokens [B, L, D]; @param c condition after SiLU [B, D]. @returns [B, L, D] */
  forward(x: Tensor, c: Tensor): Tensor {
    const [shift1, scale1, gate1, shift2, scale2, gate2] = parts(this.adaLN.forward(c).unsqueeze(1), 6);
    const heads = nn.splitHeads(this.qkv.forward(modulate(x, shift1, scale1)), 3, this.heads);
    const [q, k, v] = heads.map((part) => part.transpose(1, 2)) as [Tensor, Tensor, Tensor];
    const h = x.add(gate1.mul(this.proj.forward(nn.joinHeads(nn.attention(q, k, v)))));
    return h.add(gate2.mul(this.fc2.forward(this.fc1.forward(modulate(h, shift2, scale2)).gelu("tanh"))));
  }
}

/** What stands before and behind the blocks. */
class Ends extends nn.Module {
  private readonly patches: nn.PatchEmbed;
  private readonly t1: nn.Linear;
  private readonly t2: nn.Linear;
  private readonly labels: nn.Embedding;
  private readonly adaLN: nn.Linear;
  private readonly out: nn.Linear;

  constructor(
    place: nn.Place,
    private readonly options: Options,
    private readonly channels: number,
  ) {
    super(place);
    const { hiddenSize: d, patchSize, classes } = options;
    const at = (name: string): nn.Place => nn.within(place, name);
    this.patches = this.child(new nn.PatchEmbed(at("x_embedder"), { channels, patchSize, hiddenSize: d }));
    this.t1 = this.child(new nn.Linear(at("t_embedder.mlp.0"), nn.SINUSOID_WIDTH, d));
    this.t2 = this.child(new nn.Linear(at("t_embedder.mlp.2"), d, d));
    this.labels = this.child(new nn.Embedding(at("y_embedder"), classes.length + 1, d, nn.normalInit(0.02)));
    this.adaLN = this.child(
      new nn.Linear(at("final_layer.adaLN_modulation.1"), d, 2 * d, { weight: nn.zeroInit }),
    );
    const numbers = patchSize ** 2 * channels;
    this.out = this.child(new nn.Linear(at("final_layer.linear"), d, numbers, { weight: nn.zeroInit }));
  }

  /** @param xt [B, C, H, W]; @param label int64 [B]. @returns x [B, L, D] and c [B, D] */
  embed(xt: Tensor, tSinusoid: Tensor, label: Tensor): Values {
    const { hiddenSize, patchSize } = this.options;
    const [, , height = 0, width = 0] = xt.shape;
    const places = Array.from({ length: height / patchSize }, (_, y) =>
      Array.from({ length: width / patchSize }, (__, x) => [y, x]),
    ).flat();
    const device = xt.device as DeviceName;
    const positions = nn.sinusoid(places, { width: hiddenSize / 2, device }); // [L, D]
    const time = this.t2.forward(this.t1.forward(tSinusoid).silu());
    return { x: this.patches.forward(xt).add(positions), c: time.add(this.labels.forward(label)).silu() };
  }
  /** Tokens to latents, float32 [B, C, H, W]. */
  final(x: Tensor, c: Tensor, [batch = 0, , height = 0, width = 0]: readonly number[]): Tensor {
    const { patchSize: p } = this.options;
    const [shift, scale] = parts(this.adaLN.forward(c).unsqueeze(1), 2);
    return this.out
      .forward(modulate(x, shift, scale))
      .float()
      .reshape([batch, height / p, width / p, p, p, this.channels])
      .permute([0, 5, 1, 3, 2, 4])
      .reshape([batch, this.channels, height, width]);
  }
}

function build(options: Options, latents: Latents, { device, seed, withoutWeights }: ModelFacts): Model {
  const born: nn.Place = { path: "", seed, device: withoutWeights === true ? "meta" : device };
  const ends = new Ends(born, options, latents.channels);
  const blocks = Array.from(
    { length: options.depth },
    (_, i) => new Block(nn.within(born, `blocks.${i}`), options),
  );
  const own = ends.parameters();
  const isLast = ({ name }: nn.Parameter): boolean => name.startsWith("final_layer.");
  const where = device === "meta" ? "cpu" : device;
  const segments: Segment[] = [
    {
      name: "embed",
      reads: ["xt", "tSinusoid", "label"],
      writes: ["x", "c"],
      parameters: own.filter((one) => !isLast(one)),
      run: (values) => ends.embed(get(values, "xt"), get(values, "tSinusoid"), get(values, "label")),
    },
    ...blocks.map((block, i) => ({
      name: `blocks.${i}`,
      reads: ["x", "c"],
      writes: ["x"],
      parameters: block.parameters(),
      run: (values: Values) => ({ x: block.forward(get(values, "x"), get(values, "c")) }),
    })),
    {
      name: "final",
      reads: ["x", "c", "xt"],
      writes: ["prediction"],
      parameters: own.filter(isLast),
      run: (values) => ({
        prediction: ends.final(get(values, "x"), get(values, "c"), get(values, "xt").shape),
      }),
    },
  ];
  /** What the network reads beside x_t. */
  const conditions = (names: readonly string[], timesteps: readonly number[]): Values => {
    const { classes } = options;
    const unknown = names.find((name) => name !== "" && !classes.includes(name));
    if (unknown !== undefined) throw classUnknown(unknown, classes);
    // indexOf gives -1 for "", so that the class of no name has number 0.
    const numbers = BigInt64Array.from(names, (name) => BigInt(classes.indexOf(name) + 1));
    return {
      label: fromTypedArray(numbers, [names.length]).to({ device: where }),
      tSinusoid: nn.sinusoid(
        timesteps.map((t) => [t]),
        { device: where },
      ),
    };
  };
  const prepare = (batch: Batch) => {
    const keys = (purpose: string) => batch.samples.map((_, i) => batch.key(i, purpose));
    const timesteps = keys("class-dit/timestep").map((key) => rngFromKey(key).int(T));
    const clean = latents.encode(batch.images, keys("class-dit/latents"));
    const noise = keyedNormal(keys("class-dit/noise"), clean.shape.slice(1), { device: where });
    const cos = column(timesteps.map((t) => Math.cos(angle(t)))).to({ device: where });
    const sin = column(timesteps.map((t) => Math.sin(angle(t)))).to({ device: where });
    const xt = clean.mul(cos).add(noise.mul(sin));
    const names = batch.samples.map(({ caption }) => givenText(caption));
    const forLoss = { target: noise.mul(cos).sub(clean.mul(sin)) };
    return { values: { xt, ...conditions(names, timesteps) }, timesteps, forLoss };
  };
  return {
    segments,
    parameters: segments.flatMap(({ parameters }) => parameters),
    timestepCount: T,
    describe: () => [
      ["model", `class-conditional DiT: width ${options.hiddenSize}, ${options.depth} blocks`],
      ["classes", options.classes.join(", ")],
      ["latents", latents.describe()],
    ],
    prepare: (batch) => noGrad(() => prepare(batch)),
    loss: ({ forLoss }, output) => {
      const error = get(output, "prediction").sub(get(forLoss, "target")).square().mean([1, 2, 3]);
      return { mean: error.mean(), perSample: error.detach(), parts: { mse: error.detach().mean() } };
    },
    draw: (request, infer) => draw(request, infer, latents, where, conditions),
    fileFacts: () => ({ model: "class-dit", classes: JSON.stringify(options.classes) }),
  };
}

/** DDIM (Song et al. 2021) by angles, with guidance u + s·(c − u). */
async function draw(
  request: DrawRequest,
  infer: Inference,
  latents: Latents,
  device: DeviceName,
  conditions: (names: readonly string[], timesteps: readonly number[]) => Values,
): Promise<Tensor> {
  const { prompts, negative, resolution, solver, steps, cfgScale, seed, first = 0 } = request;
  if (solver !== "ddim") throw solverUnknown(solver);
  const [height, width] = [resolution.height / latents.cellSize, resolution.width / latents.cellSize];
  const keys = prompts.map((_, i) => diceKey(seed, 0, `draw-${first + i}`, "class-dit/start"));
  const names = [...prompts.map(() => negative), ...prompts];
  using whole = new Scope();
  let xt = whole.run(() => keyedNormal(keys, [latents.channels, height, width], { device }));
  for (let step = 0; step < steps; step++) {
    const t = Math.floor(((steps - step) * T) / steps) - 1;
    const [now, next] = [angle(t), step === steps - 1 ? 0 : angle(t - Math.floor(T / steps))];
    using scope = new Scope();
    const values = scope.run(() => ({
      xt: cat([xt, xt], 0),
      ...conditions(
        names,
        names.map(() => t),
      ),
    }));
    const output = scope.adopt(await infer(values));
    const moved = scope.run(() =>
      noGrad(() => {
        const [u, c] = parts(get(output, "prediction"), 2, 0);
        const v = u.add(c.sub(u).mul(Math.max(1, cfgScale)));
        const found = xt.mul(Math.cos(now)).sub(v.mul(Math.sin(now)));
        const clean = latents.range === undefined ? found : found.clamp(...latents.range);
        const noise = xt.sub(clean.mul(Math.cos(now))).mul(1 / Math.sin(now));
        return clean.mul(Math.cos(next)).add(noise.mul(Math.sin(next)));
      }),
    );
    xt.dispose();
    xt = whole.adopt(moved);
    await request.onStep?.(step + 1, steps);
  }
  return tidy(() =>
    noGrad(() => {
      const pictures = latents.decode(xt).mul(127.5).add(127.5).clamp(0, 255).round();
      return pictures.permute([0, 2, 3, 1]).to({ dtype: "uint8", device: "cpu" }).contiguous();
    }),
  ).keep();
}

export default definePlugin({
  name: "class-dit",
  version: "1.0.0",
  core: "^0.1.0",
  options: Options,
  provides: [MODEL],
  needs: [LATENTS],
  setup: ({ options, need, provide }) => {
    const latents = need(LATENTS);
    const purposes = ["class-dit/timestep", "class-dit/latents", "class-dit/noise"];
    provide(MODEL, { name: "class-dit", purposes, build: (facts) => build(options, latents, facts) });
  },
});
