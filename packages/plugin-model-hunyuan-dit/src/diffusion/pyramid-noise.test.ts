import { diceKey } from "@hyfw/core";
import { keyedNormal, Scope, type Tensor } from "@hyfw/native";
import t from "tap";
import { pyramidNoise } from "./pyramid-noise.js";

const SHAPE = [4, 32, 24];
const keysOf = (samples: readonly string[], purpose: string) =>
  samples.map((sample) => diceKey(1, 0, sample, purpose));

function made(samples: readonly string[], discount = 0.8): Tensor {
  const noise = keyedNormal(keysOf(samples, "noise"), SHAPE, { device: "cpu" });
  const keys = (level: number) => keysOf(samples, `pyramid-noise:${level}`);
  return pyramidNoise(noise, { discount, keys, device: "cpu" });
}

t.test("each sample has the spread of plain noise, is its own, and is coarser", async (t) => {
  using scope = new Scope();
  scope.run(() => {
    const both = made(["a", "b"]);
    const [a = [], b = []] = [0, 1].map((n) => both.select(0, n).reshape([-1]).toArray());
    t.same(b, made(["b"]).reshape([-1]).toArray(), "whatever stands beside it");
    t.notSame(a, b);
    const mean = a.reduce((sum, one) => sum + one, 0) / a.length;
    const spread = Math.sqrt(a.reduce((sum, one) => sum + (one - mean) ** 2, 0) / a.length);
    t.ok(Math.abs(spread - 1) < 1e-4);
    const alike = (numbers: readonly number[]): number =>
      numbers.reduce((sum, one, n) => sum + one * (numbers[n + 1] ?? 0), 0) / numbers.length;
    const plain = keyedNormal(keysOf(["a"], "noise"), SHAPE, { device: "cpu" })
      .reshape([-1])
      .toArray();
    t.ok(Math.abs(alike(plain)) < 0.06, "neighbours of plain noise have nothing in common");
    t.ok(alike(a) > 0.3, `those of pyramid noise have: ${alike(a)}`);
  });
});
