import t from "tap";
import {
  callOp,
  callTensorOp,
  emaUpdate,
  globalNorm,
  grad,
  halfLinearKernel,
  imagesToBatch,
  keyedNormal,
  layerNorm,
  linear,
  live,
  noGrad,
  projectHeads,
  rotary,
  scaledDotProductAttention,
  setHalfLinearKernel,
  setLinearKernel,
  setThreads,
  type Tensor,
  tensor,
  threads,
  torchVersion,
} from "./index.js";

/** Numbers that look random and are always the same. */
function numbers(shape: readonly number[], seed: number): Tensor {
  return keyedNormal([{ low: seed, high: 77 }], shape).reshape(shape);
}

function gap(a: Tensor, b: Tensor): number {
  t.same(a.shape, b.shape);
  return a.float().sub(b.float()).abs().max().item();
}

t.test("the fused AdamW step is the plain one", async (t) => {
  const shapes = [[3], [70, 1000], [1], [5, 7, 2]];
  const copies = () => shapes.map((shape, k) => numbers(shape, k + 1).clone());
  const [fused, plain] = [0, 1].map(() => ({
    params: copies(),
    m: shapes.map((shape) => tensor(new Array(size(shape)).fill(0), shape)),
    v: shapes.map((shape) => tensor(new Array(size(shape)).fill(0), shape)),
  }));
  const scale = tensor([0.5], []);
  for (let step = 1; step <= 3; step++) {
    const grads = shapes.map((shape, k) => numbers(shape, 100 * step + k));
    for (const [op, { params, m, v }] of [
      ["hyfw::adamw_", fused],
      ["hyfw::adamw_reference_", plain],
    ] as const)
      callOp(op, params, grads, m, v, scale, 1e-2, 0.9, 0.999, 1e-8, 0.1, step);
  }
  // Three steps of lr 1e-2 in float32: a few rounding errors of numbers of size 4.
  for (const part of ["params", "m", "v"] as const)
    for (let k = 0; k < shapes.length; k++)
      t.ok(gap(fused[part][k] as Tensor, plain[part][k] as Tensor) < 2e-6, `${part} ${k}`);
  const [p0] = fused.params;
  t.throws(() => callOp("hyfw::adamw_", [p0], [numbers([4], 1)], [p0], [p0], scale, 1, 0, 0, 0, 0, 1), {
    message: /grads\[0\]: expected float32 \[3\]/,
  });
});

function size(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

t.test("the first AdamW step moves every weight by lr", async (t) => {
  const p = tensor([1, 1]);
  callOp(
    "hyfw::adamw_",
    [p],
    [tensor([3, -0.01])],
    [tensor([0, 0])],
    [tensor([0, 0])],
    tensor([1], []),
    0.1,
    0.9,
    0.999,
    1e-8,
    0,
    1,
  );
  const [a = 0, b = 0] = p.toArray();
  t.ok(Math.abs(a - 0.9) < 1e-5 && Math.abs(b - 1.1) < 1e-5);
});

t.test("rotary turns neighbours, and its gradient is that of the plain form", async (t) => {
  for (const dtype of ["float32", "bfloat16"] as const) {
    const angles = numbers([6, 4], 5);
    const double = callTensorOp("aten::repeat_interleave.self_int", angles, 2, 1);
    const [cos, sin] = [double.cos(), double.sin()];
    const x = numbers([2, 6, 3, 8], 9).to({ dtype }).permute([0, 2, 1, 3]).detach().setRequiresGrad();
    const out = rotary(x, cos, sin);
    const plain = callTensorOp("hyfw::rotary_reference", x, cos, sin);
    // float32: two products each; bfloat16: one rounding to 8 bits of numbers up to 4.
    const limit = dtype === "float32" ? 1e-6 : 3e-2;
    t.ok(gap(out, plain) <= limit, `${dtype} forward`);
    const upstream = numbers([2, 3, 6, 8], 11).to({ dtype });
    const [dx] = grad([out], [x], [upstream]);
    const [expected] = grad([plain], [x], [upstream]);
    t.ok(dx !== undefined && expected !== undefined && gap(dx, expected) <= limit, `${dtype} backward`);
  }
  t.throws(() => rotary(numbers([1, 1, 2, 4], 1), numbers([3, 4], 1), numbers([3, 4], 1)), {
    message: /tables: expected/,
  });
});

t.test("heads are split, normed and rotated in one pass as by plain ops, with all gradients", async (t) => {
  const [batch, tokens, heads, width] = [2, 70, 3, 16];
  const angles = callTensorOp("aten::repeat_interleave.self_int", numbers([tokens, width / 2], 5), 2, 1);
  const tables = { cos: angles.cos(), sin: angles.sin() };
  for (const dtype of ["float32", "bfloat16"] as const)
    for (const rules of ["QKv", "Q", "kv", "qK", "v"]) {
      const x = numbers([batch, tokens, rules.length * heads * width], 9)
        .to({ dtype })
        .detach()
        .setRequiresGrad();
      const [qw, qb, kw, kb] = [1, 2, 3, 4].map((seed) =>
        numbers([width], seed).setRequiresGrad(),
      ) as Tensor[] & {
        length: 4;
      };
      const q = { weight: qw, bias: qb } as { weight: Tensor; bias: Tensor };
      const k = { weight: kw, bias: kb } as { weight: Tensor; bias: Tensor };
      const norms = [q.weight, q.bias, k.weight, k.bias];
      const fused = projectHeads(x, heads, rules, { q, k, eps: 1e-6 }, tables);
      const plain = callOp(
        "hyfw::project_heads_reference",
        x,
        heads,
        rules,
        ...norms,
        1e-6,
        tables.cos,
        tables.sin,
      ) as Tensor[];
      // float32: sums of 16 to 420 terms; bfloat16: the plain form rounds to 8 bits between norm and rotation too.
      const [limit, gradLimit] = dtype === "float32" ? [4e-6, 2e-4] : [8e-2, 3];
      t.equal(fused.length, rules.length);
      for (const [part, expected] of plain.entries())
        t.ok(gap(fused[part] as Tensor, expected) <= limit, `${dtype} ${rules} part ${part}`);
      const upstream = plain.map((_, part) =>
        numbers([batch, heads, tokens, width], 20 + part).to({ dtype }),
      );
      const inputs = [x, ...norms];
      const found = grad(fused, inputs, upstream);
      for (const [place, expected] of grad(plain, inputs, upstream).entries()) {
        const own = found[place];
        if (expected === undefined) t.equal(own, undefined);
        else
          t.ok(own !== undefined && gap(own, expected) <= gradLimit, `${dtype} ${rules} gradient ${place}`);
      }
    }
  const x = numbers([1, 4, 16], 1);
  t.same(projectHeads(x, 2, "v", { eps: 1e-6 })[0]?.toArray().length, 64, "without norms and tables");
  t.throws(() => projectHeads(x, 3, "Q", { eps: 1e-6 }, tables), {
    message: /x: expected \[B, L, 1 · 3 · K\]/,
  });
  t.throws(() => projectHeads(x, 2, "Q", { eps: 1e-6 }), { message: /no tables/ });
  t.throws(() => projectHeads(x, 2, "Z", { eps: 1e-6 }), { message: /rules: expected letters/ });
});

t.test("attention is softmax(q kT / sqrt K) v", async (t) => {
  const [q, k, v] = [1, 2, 3].map((seed) => numbers([2, 3, seed === 1 ? 5 : 7, 8], seed)) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  t.ok(gap(scaledDotProductAttention(q, k, v), callTensorOp("hyfw::attention_reference", q, k, v)) < 2e-6);
  t.throws(() => scaledDotProductAttention(q, k.narrow(1, 0, 2), v), {
    message: /expected q \[B, N, L, K\]/,
  });
});

t.test("both kernels of linear agree, with gradients", async (t) => {
  const x = numbers([4, 64, 96], 1).setRequiresGrad();
  const w = numbers([128, 96], 2).setRequiresGrad();
  const b = numbers([128], 3).setRequiresGrad();
  const upstream = numbers([4, 64, 128], 4);
  const run = (kernel: "aten" | "onednn", bias: Tensor | undefined) => {
    setLinearKernel(kernel);
    const y = linear(x, w, bias);
    return [y, ...grad([y], bias === undefined ? [x, w] : [x, w, bias], [upstream])] as Tensor[];
  };
  try {
    for (const bias of [b, undefined]) {
      const plain = run("aten", bias);
      let fast: Tensor[];
      try {
        fast = run("onednn", bias);
      } catch (fault) {
        t.pass(`skipped: ${String(fault)} on libtorch ${torchVersion()}`);
        return;
      }
      // Sums of 96 to 256 products of numbers about 1.
      for (const [k, expected] of plain.entries())
        t.ok(gap(expected, fast[k] as Tensor) < 2e-4, `result ${k}`);
    }
    noGrad(() => t.equal(linear(x, w, b).requiresGrad, false));
  } finally {
    setLinearKernel("auto");
  }
});

t.test("both ways to multiply bfloat16 agree, with gradients", async (t) => {
  const half = (shape: number[], seed: number) =>
    numbers(shape, seed).to({ dtype: "bfloat16" }).setRequiresGrad();
  const [x, w, b] = [half([4, 64, 96], 1), half([128, 96], 2), half([128], 3)];
  const upstream = numbers([4, 64, 128], 4).to({ dtype: "bfloat16" });
  const run = (kernel: "aten" | "float32", bias: Tensor | undefined) => {
    setHalfLinearKernel(kernel);
    const y = linear(x, w, bias);
    return [y, ...grad([y], bias === undefined ? [x, w] : [x, w, bias], [upstream])] as Tensor[];
  };
  try {
    // Sums of bfloat16 products in float32, rounded at the end, are what both should give.
    const wide = [x, w, b].map((one) => one.detach().float().setRequiresGrad()) as [Tensor, Tensor, Tensor];
    const full = linear(...wide);
    const expected = [full, ...(grad([full], wide, [upstream.float()]) as Tensor[])];
    // Debian's 1.13 also sums in bfloat16, so only the way through float32 is right there.
    const kernels = torchVersion().startsWith("1.") ? (["float32"] as const) : (["aten", "float32"] as const);
    for (const kernel of kernels)
      for (const bias of [b, undefined])
        for (const [k, found] of run(kernel, bias).entries()) {
          t.equal(found.dtype, "bfloat16");
          if (k === 0 && bias === undefined) continue;
          const right = expected[k] as Tensor;
          // One rounding is 2⁻⁹ of a number, and the order of a sum may tip it to the next.
          t.ok(gap(right, found.float()) <= 2 ** -7 * right.abs().max().item(), `${kernel}, result ${k}`);
        }
    setHalfLinearKernel("auto");
    linear(x, w, b);
    t.match(halfLinearKernel(), /^(aten|float32) \(measured \[128, 512\]/);
    noGrad(() => t.equal(linear(x, w, b).requiresGrad, false));
  } finally {
    setHalfLinearKernel("auto");
  }
});

t.test("layer norm takes half inputs with float32 weights", async (t) => {
  const x = numbers([5, 16], 1);
  const [w, b] = [numbers([16], 2), numbers([16], 3)];
  const full = layerNorm(x, [16], w, b, 1e-6);
  const half = layerNorm(x.to({ dtype: "bfloat16" }), [16], w, b, 1e-6);
  t.equal(half.dtype, "bfloat16");
  t.ok(gap(full, half) < 0.1);
});

t.test("images become planes in [-1, 1], mirrored where asked", async (t) => {
  const bytes = tensor([0, 128, 255, 10, 20, 30, 0, 128, 255, 10, 20, 30], [2, 1, 2, 3], { dtype: "uint8" });
  const batch = imagesToBatch(bytes, tensor([0, 1], [2], { dtype: "uint8" }));
  t.same(batch.shape, [2, 3, 1, 2]);
  const expected = [0, 10, 128, 20, 255, 30].map((byte) => Math.fround((byte / 255 - 0.5) / 0.5));
  const found = batch.toArray();
  for (const [k, level] of expected.entries()) t.ok(Math.abs((found[k] ?? 9) - level) < 1e-7);
  t.same(batch.select(0, 1).flip([2]).toArray(), batch.select(0, 0).toArray());
});

t.test("keyed noise depends on key and place only", async (t) => {
  const keys = [
    { low: 1, high: 2 },
    { low: 0xffffffff, high: 0x80000000 },
  ];
  const both = keyedNormal(keys, [3, 5]);
  t.same(
    keyedNormal(keys.slice(1), [3, 5]).toArray(),
    both.select(0, 1).toArray(),
    "not on the place in the batch",
  );
  t.same(
    keyedNormal(keys, [7]).select(0, 0).toArray(),
    both.select(0, 0).reshape([15]).narrow(0, 0, 7).toArray(),
  );
  const before = threads();
  const many = keyedNormal(keys, [50_000]);
  setThreads(1);
  t.same(keyedNormal(keys, [50_000]).eq(many).all().item(), 1, "not on threads");
  setThreads(before);
  // 100,000 normal numbers: mean within 4 of its deviations 0.0032, variance likewise.
  t.ok(Math.abs(many.mean().item()) < 0.013);
  t.ok(Math.abs(many.square().mean().item() - 1) < 0.018);
  t.same(keyedNormal([{ low: 0, high: 0 }], [0]).shape, [1, 0]);
});

t.test("global norm and moving average over lists", async (t) => {
  t.equal(globalNorm([tensor([3]), tensor([4, 0])]).item(), 5);
  t.ok(Number.isNaN(globalNorm([tensor([Number.NaN])]).item()));
  const target = tensor([1, 2]);
  emaUpdate([target], [tensor([3, 2])], 0.75);
  t.same(target.toArray(), [1.5, 2]);
  t.throws(() => emaUpdate([target], [], 0.5), { message: /expected 1 sources, found 0/ });
});

t.test("nothing of this file is left but what it holds", async (t) => {
  t.ok(live() < 5000);
});
