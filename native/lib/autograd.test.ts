import t from "tap";
import {
  backward,
  backwardSync,
  callOpAsync,
  enableGrad,
  grad,
  isGradEnabled,
  live,
  noGrad,
  ones,
  Tensor,
  tensor,
  tidy,
} from "./index.js";

t.test("backward collects gradients in leaves, on the native thread and on this one", async (t) => {
  const w = tensor([1, 2, 3, 4], [2, 2]).setRequiresGrad();
  await backward([w.square().sum()]);
  t.same(w.grad?.toArray(), [2, 4, 6, 8]);
  backwardSync([w.square().sum()]);
  t.same(w.grad?.toArray(), [4, 8, 12, 16], "they add up");
  w.setGrad(undefined);
  t.equal(w.grad, undefined);
});

t.test("grad gives gradients without touching leaves", async (t) => {
  const x = tensor([3], [1]).setRequiresGrad();
  const y = tensor([5], [1]).setRequiresGrad();
  const [dx, dy] = grad([x.mul(x)], [x, y]);
  t.same(dx?.toArray(), [6]);
  t.equal(dy, undefined);
  t.equal(x.grad, undefined);
});

t.test("a start gradient is needed for what is not a scalar, and must fit", async (t) => {
  const w = ones([3]).setRequiresGrad();
  t.throws(() => backward([w.mul(2)]), { code: "HYFW_NATIVE_SHAPE", message: /not a scalar/ });
  t.throws(() => backward([w.mul(2)], [ones([2])]), { code: "HYFW_NATIVE_SHAPE" });
  t.throws(() => backward([ones([])]), { code: "HYFW_NATIVE_GRAD", message: /not recorded/ });
  await backward([w.mul(2)], [tensor([1, 2, 3])]);
  t.same(w.grad?.toArray(), [2, 4, 6]);
});

t.test("noGrad and enableGrad nest and end with their function", async (t) => {
  const w = ones([1]).setRequiresGrad();
  t.equal(
    noGrad(() => w.add(1).requiresGrad),
    false,
  );
  t.equal(
    noGrad(() => enableGrad(() => w.add(1).requiresGrad)),
    true,
  );
  t.throws(() =>
    noGrad(() => {
      throw new Error("inside");
    }),
  );
  t.equal(isGradEnabled(), true);
});

t.test("the event loop lives while the native thread works", async (t) => {
  const w = ones([700, 700]).setRequiresGrad();
  const y = tidy(() => {
    let x: Tensor = w;
    for (let k = 0; k < 12; k++) x = x.matmul(w).mul(1e-3);
    return x.sum();
  });
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const start = performance.now();
  await backward([y]);
  clearInterval(timer);
  t.ok(performance.now() - start < 3 || ticks > 0, "timers fired during backward");
});

t.test("the native thread takes the caller's grad mode along", async (t) => {
  const w = ones([2]).setRequiresGrad();
  const recorded = await callOpAsync("aten::mul.Scalar", w, 2);
  const plain = await noGrad(() => callOpAsync("aten::mul.Scalar", w, 2));
  t.equal(recorded instanceof Tensor && recorded.requiresGrad, true);
  t.equal(plain instanceof Tensor && plain.requiresGrad, false);
});

t.test("errors of the native thread reject, and later jobs run", async (t) => {
  await t.rejects(callOpAsync("aten::mm", ones([2, 3]), ones([2, 3])), {
    code: "HYFW_NATIVE_OP",
    message: /aten::mm[\s\S]*\[2, 3\] float32 cpu/,
  });
  const w = ones([1]).setRequiresGrad();
  const y = w.square().sum();
  await backward([y]);
  await t.rejects(backward([y]), { code: "HYFW_NATIVE_OP", message: /second time/ });
  const sum = await callOpAsync("aten::sum", ones([3]));
  t.equal(sum instanceof Tensor && sum.item(), 3);
});

t.test("50 async steps leave no tensor behind", async (t) => {
  const w = ones([8, 8]).setRequiresGrad().keep();
  const before = live();
  for (let step = 0; step < 50; step++) {
    const y = tidy(() => w.matmul(w).tanh().sum());
    await backward([y]);
    y.dispose();
    w.setGrad(undefined);
  }
  t.equal(live(), before);
});
