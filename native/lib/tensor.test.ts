import t from "tap";
import { arange, cat, full, live, NativeError, ones, Scope, Tensor, tensor, tidy, zeros } from "./index.js";

t.test("numbers go in and come out by type", async (t) => {
  t.same(tensor([1, 2.5, -3], [3]).toArray(), [1, 2.5, -3]);
  t.same(tensor([1, 2, 3, 4], [2, 2], { dtype: "int64" }).toTypedArray(), BigInt64Array.of(1n, 2n, 3n, 4n));
  t.same(tensor([1, 0, 2], [3], { dtype: "bool" }).toArray(), [1, 0, 1]);
  t.same(tensor([1, 0.5], [2], { dtype: "bfloat16" }).toTypedArray(), Uint16Array.of(0x3f80, 0x3f00));
  t.same(tensor([1, 0.5], [2], { dtype: "float16" }).toArray(), [1, 0.5]);
  t.same(arange(0, 3).dtype, "int64");
  t.same(zeros([0, 3]).toArray(), []);
});

t.test("operations follow the shapes", async (t) => {
  const a = tensor([1, 2, 3, 4, 5, 6], [2, 3]);
  t.same(a.transpose(0, 1).toArray(), [1, 4, 2, 5, 3, 6]);
  t.same(a.sum([1]).toArray(), [6, 15]);
  t.same(a.mean([0], true).shape, [1, 3]);
  t.same(a.narrow(1, 1, 2).toArray(), [2, 3, 5, 6]);
  t.same(
    a.chunk(2, 1).map((part) => part.shape),
    [
      [2, 2],
      [2, 1],
    ],
  );
  t.same(cat([a, a], 0).shape, [4, 3]);
  t.same(a.matmul(ones([3, 1])).toArray(), [6, 15]);
  t.same(a.add_(1).toArray(), [2, 3, 4, 5, 6, 7], "an underscore changes the tensor");
  t.equal(full([], 3).item(), 3);
});

t.test("a disposed tensor is refused, also when its place was taken again", async (t) => {
  const gone = zeros([2]);
  gone.dispose();
  gone.dispose();
  const next = ones([2]);
  t.throws(() => gone.add(1), { code: "HYFW_NATIVE_DISPOSED" });
  t.throws(() => gone.shape, { code: "HYFW_NATIVE_DISPOSED" });
  t.same(next.toArray(), [1, 1]);
  t.match(String(gone), /disposed/);
  t.equal(gone.isDisposed, true);
});

t.test("bad input is an error that names op, arguments and shapes, and the process lives on", async (t) => {
  const a = zeros([2, 2]);
  t.throws(() => a.add(zeros([3])), {
    code: "HYFW_NATIVE_OP",
    op: "add",
    message: /size of tensor[\s\S]*arguments {2}\[2, 2\] float32 cpu, \[3\] float32 cpu/,
  });
  t.throws(() => a.matmul(zeros([2, 2], { dtype: "int64" })), { code: "HYFW_NATIVE_OP" });
  t.throws(() => zeros([-1]), { code: /HYFW_NATIVE/ });
  t.throws(() => zeros([2 ** 40, 2 ** 10]), { code: /HYFW_NATIVE/ });
  t.throws(() => zeros([2 ** 40, 2 ** 40]), { code: /HYFW_NATIVE/ });
  t.throws(() => zeros([1.5]), { code: "HYFW_NATIVE_ARGUMENT", message: /expected an integer, found 1.5/ });
  t.throws(() => zeros([2], { device: "cuda:99" }), { code: "HYFW_NATIVE_DEVICE" });
  t.throws(() => tensor([1, 2], [3]), { code: "HYFW_NATIVE_SHAPE", message: /3 elements, found 2/ });
  t.throws(() => a.item(), { code: "HYFW_NATIVE_SHAPE" });
  t.throws(() => new Tensor(Number.NaN).shape, { code: "HYFW_NATIVE_DISPOSED" });
  t.throws(() => new Tensor(-5).shape, { code: "HYFW_NATIVE_DISPOSED" });
  t.throws(() => new Tensor(2 ** 60).shape, { code: "HYFW_NATIVE_DISPOSED" });
  // @ts-expect-error only element types that exist
  t.throws(() => zeros([1], { dtype: "float8" }), NativeError);
  t.same(a.toArray(), [0, 0, 0, 0]);
});

t.test("tidy frees what it does not return", async (t) => {
  const before = live();
  const kept = tidy(() => {
    const a = ones([4]);
    const parts = { sum: a.add(1), list: [a.mul(2)] };
    a.mul(3);
    return parts;
  });
  t.equal(live(), before + 2);
  t.same(kept.sum.toArray(), [2, 2, 2, 2]);
  kept.sum.dispose();
  kept.list[0]?.dispose();
  t.equal(live(), before);
  t.throws(() =>
    tidy(() => {
      ones([3]);
      throw new Error("inside");
    }),
  );
  t.equal(live(), before, "also when it throws");
});

t.test("nested scopes hand tensors outwards, and keep takes one out", async (t) => {
  const before = live();
  let kept: Tensor | undefined;
  tidy(() => {
    const inner = tidy(() => ones([1]).add(1));
    t.equal(inner.item(), 2);
    kept = inner.add(1).keep();
  });
  t.equal(live(), before + 1);
  t.equal(kept?.item(), 3);
  kept?.dispose();
});

t.test("an explicit scope lives across awaits and is closed by using", async (t) => {
  const before = live();
  {
    using scope = new Scope();
    const a = scope.run(() => ones([2]));
    await new Promise(setImmediate);
    const b = scope.run(() => a.add(1));
    t.same(b.toArray(), [2, 2]);
    t.equal(scope.size, 2);
    const stray = ones([1]);
    scope.adopt([stray]);
    t.equal(scope.size, 3);
  }
  t.equal(live(), before);
});

t.test("2,000 steps leave the number of live tensors as it was", async (t) => {
  const weight = ones([16, 16]).keep();
  const before = live();
  for (let step = 0; step < 2000; step++)
    tidy(() => {
      let x = weight;
      for (let k = 0; k < 5; k++) x = x.matmul(weight).tanh().add(x);
    });
  t.equal(live(), before);
  weight.dispose();
});

t.test(
  "tensors outside scopes are freed when JavaScript forgets them",
  { skip: !global.gc && "needs --expose-gc" },
  async (t) => {
    const before = live();
    for (let k = 0; k < 100; k++) ones([1]);
    for (let turn = 0; turn < 20 && live() > before; turn++) {
      global.gc?.();
      await new Promise((done) => setTimeout(done, 5));
    }
    t.ok(live() < before + 100);
  },
);
