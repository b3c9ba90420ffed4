import type { Model } from "@hyfw/core";
import {
  attentionChoice,
  backwardSync,
  type DType,
  keyedNormal,
  noGrad,
  type Tensor,
  tensor,
  tidy,
} from "@hyfw/native";
import { attention } from "@hyfw/nn";
import t from "tap";
import { AttentionChoice, plainAttention } from "./attention-choice.js";
import type { FlashAttentionOptions } from "./options.js";

const model = (headSize: number): Pick<Model, "parameters"> => ({
  parameters: [
    {
      name: "blocks.0.attn1.q_norm.weight",
      shape: [headSize],
      storage: tensor([0]),
      decays: false,
      castable: false,
      tensor: () => tensor([0]),
      substitute: () => undefined,
    },
  ],
});

function heads(name: number, shape: readonly number[], dtype: DType): Tensor {
  return noGrad(() =>
    keyedNormal([{ low: name, high: 5 }], shape)
      .reshape(shape)
      .to({ dtype }),
  )
    .keep()
    .setRequiresGrad();
}

/** Output and gradients of attention under a kernel. */
function run(
  kernel: FlashAttentionOptions["kernel"],
  dtype: DType,
  headSize: number,
  [length, other]: [number, number],
) {
  const choice = new AttentionChoice(kernel);
  choice.prepare(model(headSize), { device: "cpu" });
  try {
    const q = heads(1, [2, 3, length, headSize], dtype);
    const k = heads(2, [2, 3, other, headSize], dtype);
    const v = heads(3, [2, 3, other, headSize], dtype);
    return tidy(() => {
      const out = attention(q, k, v);
      const g = keyedNormal([{ low: 4, high: 5 }], out.shape)
        .reshape(out.shape)
        .to({ dtype });
      backwardSync([out], [g]);
      return [out.detach(), q.grad, k.grad, v.grad].map((one) => one?.float().toArray() ?? []);
    });
  } finally {
    choice.dispose();
  }
}

/** The largest difference in units of the largest element. */
function apart(a: number[][], b: number[][]): number {
  return Math.max(
    ...a.map((ours, n) => {
      const scale = Math.max(...ours.map(Math.abs));
      return Math.max(...ours.map((value, k) => Math.abs(value - (b[n]?.[k] ?? Number.NaN)) / scale));
    }),
  );
}

// Head sizes of HunyuanDiT (88), of small models, and one that is no multiple of 8.
for (const headSize of [88, 32, 20])
  for (const lengths of [
    [64, 64],
    [33, 77],
    [1, 40],
  ] as [number, number][]) {
    t.test(
      `every kernel gives the plain one's numbers: heads of ${headSize}, ${lengths.join(" to ")}`,
      async (t) => {
        const plain = run("plain", "float32", headSize, lengths);
        for (const kernel of ["auto", "flash", "math"] as const) {
          // Sums in another order: a few units of float32's last place.
          const float = apart(plain, run(kernel, "float32", headSize, lengths));
          t.ok(float < 5e-6, `${kernel} in float32: ${float}`);
          // bfloat16 has 8 bits, and scores and probabilities are rounded too.
          const half = apart(plain, run(kernel, "bfloat16", headSize, lengths));
          t.ok(half < 3e-2, `${kernel} in bfloat16: ${half}`);
        }
      },
    );
  }

t.test("the choice is libtorch's again after it ends, and the plan says what it was", async (t) => {
  const choice = new AttentionChoice("math");
  choice.prepare(model(88), { device: "cpu" });
  const x = tidy(() => keyedNormal([{ low: 1, high: 1 }], [1, 2, 8, 88]).reshape([1, 2, 8, 88])).keep();
  t.equal(attentionChoice(x, x, x), "math");
  t.match(choice.describe(), /^math only: math in bfloat16, math in float32 for heads of 88 on cpu$/);
  choice.dispose();
  t.equal(attentionChoice(x, x, x), "flash");
  const auto = new AttentionChoice("auto");
  auto.prepare(model(88), { device: "cpu" });
  t.match(auto.describe(), /^libtorch's choice: flash in bfloat16, flash in float32 for heads of 88 on cpu$/);
  auto.dispose();
});

t.test("a kernel that this device does not have is refused with libtorch's own choice", async (t) => {
  const choice = new AttentionChoice("efficient");
  t.throws(() => choice.prepare(model(88), { device: "cpu" }), {
    code: "HYFW_ATTENTION_SETTING_KERNEL",
    message: /efficient.*heads of 88.*on cpu/,
  });
  choice.dispose();
});

t.test("plain attention gives the same for tensors of any strides", async (t) => {
  const x = tidy(() => keyedNormal([{ low: 9, high: 1 }], [2, 5, 3, 8]).reshape([2, 5, 3, 8])).keep();
  const strided = x.transpose(1, 2);
  t.same(
    plainAttention(strided, strided, strided).toArray(),
    plainAttention(strided.contiguous(), strided.contiguous(), strided.contiguous()).toArray(),
  );
});
