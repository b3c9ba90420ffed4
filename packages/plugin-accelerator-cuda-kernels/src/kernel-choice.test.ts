import {
  backwardSync,
  callOp,
  emaUpdate,
  full,
  type HeadNorms,
  keyedNormal,
  noGrad,
  projectHeads,
  type Tensor,
  tidy,
  zeros,
} from "@hyfw/native";
import t from "tap";
import { KernelChoice } from "./kernel-choice.js";

/** Runs work with the kernels of a choice. */
function under<Result>(kernels: "fused" | "plain", work: () => Result): Result {
  const choice = new KernelChoice(kernels);
  choice.prepare();
  try {
    return work();
  } finally {
    choice.dispose();
  }
}

const numbers = (name: number, shape: readonly number[], scale = 1): Tensor =>
  tidy(() =>
    noGrad(() =>
      keyedNormal([{ low: name, high: 3 }], shape)
        .reshape(shape)
        .mul(scale),
    ),
  ).keep();

/** The largest difference in units of the largest element. */
function apart(a: number[][], b: number[][]): number {
  let most = 0;
  for (const [n, ours] of a.entries()) {
    const scale = ours.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    for (const [k, value] of ours.entries())
      most = Math.max(most, Math.abs(value - (b[n]?.[k] ?? Number.NaN)) / scale);
  }
  return most;
}

// DiT-g/2's heads of 88; rows that do not fill a chunk of work.
for (const dtype of ["float32", "bfloat16"] as const)
  t.test(`q/k norm with rotation in one pass gives what single operations give, in ${dtype}`, async (t) => {
    const [B, L, N, K] = [2, 33, 3, 88];
    const run = (kernels: "fused" | "plain"): number[][] =>
      under(kernels, () => {
        const x = tidy(() => noGrad(() => numbers(1, [B, L, 3 * N * K]).to({ dtype })))
          .keep()
          .setRequiresGrad();
        const weights = [2, 3, 4, 5].map((name) =>
          tidy(() => noGrad(() => numbers(name, [K]).add(1)))
            .keep()
            .setRequiresGrad(),
        );
        const [qw, qb, kw, kb] = weights as [Tensor, Tensor, Tensor, Tensor];
        const norms: HeadNorms = { q: { weight: qw, bias: qb }, k: { weight: kw, bias: kb }, eps: 1e-6 };
        return tidy(() => {
          const tables = { cos: numbers(6, [L, K]), sin: numbers(7, [L, K]) };
          const outs = projectHeads(x, N, "QKv", norms, tables);
          backwardSync(
            outs,
            outs.map((out, n) => numbers(10 + n, out.shape).to({ dtype })),
          );
          return [...outs, x.grad, ...weights.map((one) => one.grad)].map(
            (one) => one?.detach().float().toArray() ?? [],
          );
        });
      });
    const found = apart(run("plain"), run("fused"));
    // bfloat16: single operations round after norm and again after rotation.
    t.ok(found < (dtype === "float32" ? 3e-6 : 2e-2), `${found}`);
  });

t.test(
  "AdamW over many tensors gives what single operations give, also from bfloat16 gradients",
  async (t) => {
    for (const dtype of ["float32", "bfloat16"] as const) {
      const run = (kernels: "fused" | "plain"): number[][] =>
        under(kernels, () =>
          tidy(() =>
            noGrad(() => {
              const shapes = [[70_000], [3, 5], [1], [0]];
              const params = shapes.map((shape, n) => numbers(20 + n, shape));
              const firsts = shapes.map((shape) => zeros(shape));
              const seconds = shapes.map((shape) => zeros(shape));
              for (let step = 1; step <= 3; step++) {
                const grads = shapes.map((shape, n) => numbers(30 + 10 * step + n, shape).to({ dtype }));
                callOp(
                  "hyfw::adamw_",
                  params,
                  grads,
                  firsts,
                  seconds,
                  full([], 0.5),
                  0.01,
                  0.9,
                  0.999,
                  1e-8,
                  0.1,
                  step,
                );
              }
              return [...params, ...firsts, ...seconds]
                .filter(({ numel }) => numel > 0)
                .map((one) => one.toArray());
            }),
          ),
        );
      const found = apart(run("plain"), run("fused"));
      t.ok(found < 2e-6, `${dtype}: ${found}`);
    }
  },
);

t.test("the moving average over many tensors gives what single operations give", async (t) => {
  const run = (kernels: "fused" | "plain"): number[][] =>
    under(kernels, () =>
      tidy(() =>
        noGrad(() => {
          const targets = [numbers(40, [66_000]), numbers(41, [7])];
          emaUpdate(targets, [numbers(42, [66_000]), numbers(43, [7])], 0.9);
          return targets.map((one) => one.toArray());
        }),
      ),
    );
  t.ok(apart(run("plain"), run("fused")) < 2e-7);
});

t.test("the plan says which kernels run", async (t) => {
  t.match(new KernelChoice("fused").describe(), /^fused: q\/k norm with rotation/);
  t.match(new KernelChoice("plain").describe(), /^plain: single operations/);
});
