import {
  backwardSync,
  dtypeBytes,
  fromTypedArray,
  linear,
  Scope,
  type Tensor,
  tensor,
  tidy,
} from "@hyfw/native";
import t from "tap";
import {
  Embedding,
  frozenBytes,
  GroupNorm,
  kaimingUniformInit,
  LayerNorm,
  Linear,
  loadFrozen,
  Module,
  makeLowRank,
  normalInit,
  Parameter,
  PatchEmbed,
  type Place,
  RmsNorm,
  sinusoid,
  within,
  xavierUniformInit,
  zeroInit,
} from "./index.js";

const PLACE: Place = { path: "net", device: "cpu", seed: 7 };

/** Numbers without pattern that are the same in every run. */
function counted(shape: readonly number[], seed = 0): Tensor {
  const length = shape.reduce((product, size) => product * size, 1);
  return fromTypedArray(
    Float32Array.from({ length }, (_, i) => Math.sin(seed + 1.7 * i + i * i * 0.013)),
    shape,
  );
}

const far = (found: readonly number[], expected: readonly number[]): number =>
  found.length === expected.length
    ? found.reduce((most, value, i) => Math.max(most, Math.abs(value - (expected[i] ?? Number.NaN))), 0)
    : Number.POSITIVE_INFINITY;

/** Runs a body whose tensors all end with it. */
function scoped(body: () => void): void {
  using scope = new Scope();
  scope.run(body);
}

t.test("norms are their formulas written out, with weights and biases that are not 1 and 0", async (t) => {
  scoped(() => {
    const [rows, size] = [3, 8];
    const x = counted([rows, size]);
    const weight = counted([size], 5);
    const bias = counted([size], 9);
    const [w, b] = [weight.toArray(), bias.toArray()];
    const values = x.toArray();
    const expected = (center: boolean, shift: boolean): number[] =>
      Array.from({ length: rows }, (_, r) => values.slice(r * size, (r + 1) * size)).flatMap((row) => {
        const mean = center ? row.reduce((sum, v) => sum + v, 0) / size : 0;
        const square = row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / size;
        return row.map(
          (v, i) => ((v - mean) / Math.sqrt(square + 1e-6)) * (w[i] ?? 0) + (shift ? (b[i] ?? 0) : 0),
        );
      });
    const layer = new LayerNorm(PLACE, size);
    layer.weight.substitute(weight);
    layer.bias.substitute(bias);
    t.ok(far(layer.forward(x).toArray(), expected(true, true)) < 1e-5);
    const rms = new RmsNorm(PLACE, size);
    rms.weight.substitute(weight);
    t.ok(far(rms.forward(x).toArray(), expected(false, false)) < 1e-5);
    // Two groups of four channels of one cell each are two layer norms side by side.
    const group = new GroupNorm(PLACE, 2, size);
    const found = group.forward(x.reshape([rows, size, 1])).toArray();
    for (let r = 0; r < rows; r++)
      for (const g of [0, 1]) {
        const part = values.slice(r * size + 4 * g, r * size + 4 * g + 4);
        const mean = part.reduce((sum, v) => sum + v, 0) / 4;
        const square = part.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 4;
        const normed = part.map((v) => (v - mean) / Math.sqrt(square + 1e-6));
        t.ok(far(found.slice(r * size + 4 * g, r * size + 4 * g + 4), normed) < 1e-5);
      }
    for (const module of [layer, rms, group]) module.dispose();
  });
});

t.test("first numbers depend on seed and name only, and have the spread of their rule", async (t) => {
  scoped(() => {
    const make = (name: string, seed: number, init = xavierUniformInit): number[] => {
      const parameter = new Parameter(name, [64, 32], init, { device: "cpu", seed }, traits);
      const numbers = parameter.storage.toArray();
      parameter.dispose();
      return numbers;
    };
    const traits = { decays: true, castable: true };
    t.same(make("a.weight", 1), make("a.weight", 1));
    t.notSame(make("a.weight", 1), make("b.weight", 1));
    t.notSame(make("a.weight", 1), make("a.weight", 2));
    const rules = [
      [xavierUniformInit, Math.sqrt(6 / 96), Math.sqrt(6 / 96) / Math.sqrt(3)],
      [kaimingUniformInit, 1 / Math.sqrt(32), 1 / Math.sqrt(32) / Math.sqrt(3)],
      [normalInit(0.02), 0.02 * 5, 0.02],
    ] as const;
    for (const [init, bound, spread] of rules) {
      const numbers = make("c.weight", 3, init);
      const deviation = Math.sqrt(numbers.reduce((sum, v) => sum + v * v, 0) / numbers.length);
      t.ok(
        numbers.every((v) => Math.abs(v) <= bound),
        `within ${bound}`,
      );
      t.ok(Math.abs(deviation / spread - 1) < 0.06, `spread ${deviation} of ${spread}`);
    }
    t.ok(make("d.weight", 1, zeroInit).every((v) => v === 0));
  });
});

t.test("a linear layer computes in its weight's type, substitutes included", async (t) => {
  scoped(() => {
    const layer = new Linear(PLACE, 4, 3);
    const x = counted([2, 4]);
    const plain = linear(x, layer.weight.storage, layer.bias.storage).toArray();
    t.ok(far(layer.forward(x).toArray(), plain) < 1e-6);
    const half = layer.weight.storage.to({ dtype: "bfloat16" });
    layer.weight.substitute(half);
    layer.bias.substitute(layer.bias.storage.to({ dtype: "bfloat16" }));
    const found = layer.forward(x);
    t.equal(found.dtype, "bfloat16");
    t.ok(far(found.float().toArray(), plain) < 0.05);
    t.throws(() => layer.weight.substitute(counted([4, 3])), { code: "HYFW_NN_SUBSTITUTE" });
    layer.weight.substitute(undefined);
    t.equal(layer.weight.dtype, "float32");
    layer.dispose();
  });
});

t.test("a low-rank term adds scale · B · A · x, learns, and can be taken away", async (t) => {
  scoped(() => {
    const layer = new Linear(PLACE, 4, 3);
    const x = counted([2, 4]);
    const plain = layer.forward(x).toArray();
    const names = { down: "net.lora_A", up: "net.lora_B" };
    const term = makeLowRank(layer.weight, names, { rank: 2, alpha: 6, birth: PLACE });
    layer.weight.adapt(term);
    t.same(layer.forward(x).toArray(), plain, "with B zero nothing changes");
    const up = counted([3, 2], 4);
    term.up.substitute(up.setRequiresGrad());
    const merged = layer.weight.storage.detach().add(up.detach().matmul(term.down.storage.detach()).mul(3));
    t.ok(far(layer.forward(x).toArray(), linear(x, merged, layer.bias.storage).toArray()) < 1e-5);
    backwardSync([layer.forward(x).sum()]);
    t.ok(
      up.grad?.toArray().some((v) => v !== 0),
      "B gets a gradient",
    );
    layer.weight.adapt(undefined);
    t.same(layer.forward(x).toArray(), plain);
    const wrong = makeLowRank({ shape: [5, 4] }, names, { rank: 2, alpha: 2, birth: PLACE });
    t.throws(() => layer.weight.adapt(wrong), { code: "HYFW_NN_ADAPT" });
    for (const one of [wrong.down, wrong.up, term.down, term.up]) one.dispose();
    layer.dispose();
  });
});

t.test("sinusoids: cosines first, frequencies from 1 to 1/10000", async (t) => {
  scoped(() => {
    const found = sinusoid([[0], [3]], { width: 8 }).toArray();
    t.same(found.slice(0, 8), [1, 1, 1, 1, 0, 0, 0, 0]);
    const frequencies = [0, 1, 2, 3].map((i) => Math.exp((-Math.log(10000) * i) / 4));
    const expected = [...frequencies.map((f) => Math.cos(3 * f)), ...frequencies.map((f) => Math.sin(3 * f))];
    t.ok(far(found.slice(8), expected) < 1e-6);
  });
});

t.test("a patch embedding is the convolution that its weight is stored as", async (t) => {
  scoped(() => {
    const [channels, patchSize, hiddenSize] = [3, 2, 5];
    const embed = new PatchEmbed(PLACE, { channels, patchSize, hiddenSize });
    const x = counted([1, channels, 4, 6]);
    const found = embed.forward(x);
    t.same(found.shape, [1, 6, hiddenSize]);
    const [weight, bias] = embed.parameters().map(({ storage }) => storage.toArray());
    const values = x.toArray();
    const expected: number[] = [];
    for (let row = 0; row < 2; row++)
      for (let column = 0; column < 3; column++)
        for (let out = 0; out < hiddenSize; out++) {
          let sum = bias?.[out] ?? 0;
          for (let c = 0; c < channels; c++)
            for (let i = 0; i < patchSize; i++)
              for (let j = 0; j < patchSize; j++)
                sum +=
                  (weight?.[((out * channels + c) * patchSize + i) * patchSize + j] ?? 0) *
                  (values[(c * 4 + row * 2 + i) * 6 + column * 2 + j] ?? 0);
          expected.push(sum);
        }
    t.ok(far(found.toArray(), expected) < 1e-5);
    embed.dispose();
  });
});

/** Two layers under names with a level that has no module. */
class Pair extends Module {
  readonly first: Linear;
  readonly second: Embedding;
  constructor(place: Place) {
    super(place);
    this.first = this.child(new Linear(within(place, "mlp.0"), 2, 2));
    this.second = this.child(new Embedding(within(place, "table"), 3, 2, normalInit(1)));
  }
}

t.test("names are paths in order; loading checks names and shapes before it copies anything", async (t) => {
  scoped(() => {
    const pair = new Pair(PLACE);
    t.same(
      pair.parameters().map(({ name }) => name),
      ["net.mlp.0.weight", "net.mlp.0.bias", "net.table.weight"],
    );
    const before = pair.first.weight.storage.toArray();
    const whole = {
      "net.mlp.0.weight": tensor([1, 2, 3, 4], [2, 2]),
      "net.mlp.0.bias": tensor([5, 6], [2]),
      "net.table.weight": tensor([1, 2, 3, 4, 5, 6], [3, 2]),
    };
    const { "net.mlp.0.bias": bias, ...rest } = whole;
    t.throws(() => pair.load({ ...rest, "net.mlp.0.bais": bias }), {
      code: "HYFW_NN_LOAD",
      message: /missing +net\.mlp\.0\.bias \(near net\.mlp\.0\.bais\)/,
    });
    t.throws(() => pair.load({ ...whole, "net.table.weight": tensor([1, 2], [1, 2]) }), {
      code: "HYFW_NN_LOAD",
      message: /net\.table\.weight must be \[3, 2\], found \[1, 2\]/,
    });
    t.same(pair.first.weight.storage.toArray(), before, "nothing was copied");
    pair.load(whole);
    t.same(pair.first.weight.storage.toArray(), [1, 2, 3, 4]);
    const ids = fromTypedArray(BigInt64Array.from([2n, 0n]), [2]);
    t.same(
      tidy(() => pair.second.forward(ids).toArray()),
      [5, 6, 1, 2],
    );
    pair.dispose();
  });
});

t.test("frozen arrays take the bytes that were foretold, in each element type", async (t) => {
  scoped(() => {
    const arrays: Readonly<Record<string, Tensor>> = {
      "net.mlp.0.weight": tensor([1, 2, 3, 4], [2, 2]),
      "net.mlp.0.bias": tensor([5, 6], [2]),
      "net.table.weight": tensor([1, 2, 3, 4, 5, 6], [3, 2]),
    };
    const arrayOf = (name: string): Tensor => {
      const found = arrays[name];
      if (found === undefined) throw new RangeError(name);
      return found;
    };
    // Each call gives a tensor of its own, as a mapped file does.
    const get = (name: string): Tensor => arrayOf(name).alias();
    const file = { names: () => Object.keys(arrays), entry: arrayOf, get };
    const build = (place: Place): Pair => new Pair({ ...place, path: "net" });
    const drawing = build({ path: "", device: "meta", seed: 0 });
    for (const [types, expected] of [
      [{ dtype: "float32" }, 48],
      [{ dtype: "bfloat16" }, 24],
      [{ dtype: "float16", wide: /table/ }, 36],
    ] as const) {
      t.equal(frozenBytes(drawing, types), expected);
      const loaded = loadFrozen(build, file, { device: "cpu", ...types });
      const held = loaded
        .parameters()
        .reduce((sum, { storage }) => sum + storage.numel * dtypeBytes(storage.dtype), 0);
      t.equal(held, expected, "and takes them");
      loaded.dispose();
    }
    drawing.dispose();
  });
});
