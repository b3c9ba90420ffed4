import { join } from "node:path";
import {
  fromTypedArray,
  full,
  keyedNormal,
  live,
  noGrad,
  openSafetensors,
  type Tensor,
  tidy,
  writeSafetensors,
} from "@hyfw/native";
import { loadFrozen, type NamedArrays } from "@hyfw/nn";
import t from "tap";
import { Mt5Encoder, WIDE_IN_HALF } from "./mt5.js";
import { Mt5Config } from "./mt5-config.js";
import { relativeBucket, relativeBuckets } from "./relative-positions.js";

const config = Mt5Config.parse({
  vocab_size: 20,
  d_model: 16,
  d_kv: 8,
  d_ff: 32,
  num_layers: 2,
  num_heads: 2,
  feed_forward_proj: "gated-gelu",
});

/** A file with weights of a small encoder, matrices of a given spread. */
function weightsFile(folder: string, spread: number): NamedArrays {
  const path = join(folder, `spread-${spread}.safetensors`);
  const drawing = new Mt5Encoder({ path: "", device: "meta", seed: 0 }, config);
  tidy(() => {
    const arrays = drawing.parameters().map(({ name, shape }, i): [string, Tensor] => {
      const isFeed = /wi_[01]|wo/.test(name);
      const scale = isFeed ? spread : 0.3;
      const matrix = () =>
        keyedNormal([{ low: i, high: 1 }], [...shape])
          .reshape([...shape])
          .mul(scale);
      return [name, shape.length === 1 ? full(shape, 1) : matrix()];
    });
    writeSafetensors(path, Object.fromEntries(arrays));
  });
  drawing.dispose();
  return openSafetensors(path);
}

function states(file: NamedArrays, dtype: "float32" | "float16" | "bfloat16", wide = WIDE_IN_HALF): Tensor {
  const network = loadFrozen((place) => new Mt5Encoder(place, config), file, {
    device: "cpu",
    dtype,
    ...(dtype === "float16" && { wide }),
  });
  const ids = fromTypedArray(BigInt64Array.from([3n, 4n, 5n, 1n, 0n, 0n]), [1, 6]);
  const mask = fromTypedArray(BigInt64Array.from([1n, 1n, 1n, 1n, 0n, 0n]), [1, 6]);
  const made = noGrad(() => tidy(() => network.forward(ids, mask)));
  network.dispose();
  return made;
}

t.test("mT5 in half precision gives nearly the same states", async (t) => {
  const file = weightsFile(t.testdir({}), 0.3);
  tidy(() => {
    const exact = states(file, "float32");
    for (const [dtype, limit] of [
      ["float16", 0.02],
      ["bfloat16", 0.1],
    ] as const) {
      const found = states(file, dtype);
      t.equal(found.dtype, "float32");
      const error = found.sub(exact).abs().max().item();
      t.ok(error > 0 && error < limit, `${dtype}: ${error}`);
    }
  });
});

t.test("mT5 in float16 does not overflow where its activations pass 65504", async (t) => {
  const file = weightsFile(t.testdir({}), 60);
  tidy(() => {
    t.equal(states(file, "float16").isFinite().all().item(), 1, "products and sums are float32");
    const narrow = states(file, "float16", /^never$/);
    t.equal(narrow.isFinite().all().item(), 0, "without that they would be too large");
  });
});

t.test("a network frees all that it took, and refuses a file of another one", async (t) => {
  const file = weightsFile(t.testdir({}), 0.3);
  const before = live();
  states(file, "float32").dispose();
  t.equal(live() - before, 2, "only the ids and the mask of the test are left");
  t.throws(
    () =>
      loadFrozen((place) => new Mt5Encoder(place, { ...config, d_ff: 33, num_layers: 3 }), file, {
        device: "cpu",
        dtype: "float32",
      }),
    /missing +encoder\.block\.2[\s\S]*misshapen +encoder\.block\.0\.layer\.1\.DenseReluDense\.wi_0\.weight must be \[33, 16\], found \[32, 16\]/,
  );
});

t.test("distances fall into buckets: each side its own, single up to 7, then logarithmic", async (t) => {
  const bucket = (distance: number): number => relativeBucket(distance, 32, 128);
  t.same([0, -1, -7, -8, 1, 7].map(bucket), [0, 1, 7, 8, 17, 23]);
  t.same([-16, -32, -64, -128, -1000, 1000].map(bucket), [10, 12, 14, 15, 15, 31]);
  const pairs = relativeBuckets(3, 32, 128);
  t.same([...pairs].map(Number), [0, 17, 18, 1, 0, 17, 2, 1, 0], "key minus query, row by query");
});
