import { appendFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import t from "tap";
import { addon } from "./addon.js";
import {
  fromTypedArray,
  Generator,
  ones,
  openSafetensors,
  readSafetensors,
  tensor,
  writeSafetensors,
} from "./index.js";

t.test("a typed array is lent without copying, and given back", async (t) => {
  const array = Float32Array.of(1, 2, 3, 4);
  const lent = fromTypedArray(array.subarray(1), [3]);
  array[1] = 20;
  t.same(lent.toArray(), [20, 3, 4]);
  lent.add_(1);
  t.same([...array], [1, 21, 4, 5]);
  const before = addon.drainReleased();
  lent.dispose();
  t.equal(addon.drainReleased(), before - 1);
  t.throws(() => fromTypedArray(array, [5]), { code: "HYFW_NATIVE_SHAPE" });
});

t.test("a view shares the tensor's memory and outlives the tensor's address", async (t) => {
  const a = ones([3]);
  const view = a.viewTypedArray();
  const again = a.viewTypedArray();
  view[0] = 7;
  t.same(a.toArray(), [7, 1, 1]);
  t.equal(again[0], 7);
  a.dispose();
  t.equal(view[0], 7);
  t.throws(() => ones([2, 3]).transpose(0, 1).viewTypedArray(), { message: /contiguous/ });
});

t.test("safetensors: what is written comes back mapped, with names, types and facts", async (t) => {
  const path = join(t.testdir(), "a.safetensors");
  const tensors = {
    b: tensor([1, 2, 3, 4, 5, 6], [2, 3]),
    a: tensor([1, 0.5], [2], { dtype: "bfloat16" }),
    empty: tensor([], [0, 4]),
    scalar: tensor([7], [], { dtype: "int64" }),
    turned: tensor([1, 2, 3, 4], [2, 2]).transpose(0, 1),
  };
  writeSafetensors(path, tensors, { note: "中文" });
  const file = openSafetensors(path);
  t.same(file.names(), ["b", "a", "empty", "scalar", "turned"]);
  t.same(file.metadata, { note: "中文" });
  const back = readSafetensors(path);
  for (const [name, expected] of Object.entries(tensors)) {
    t.same(back[name]?.toArray(), expected.toArray(), name);
    t.equal(back[name]?.dtype, expected.dtype);
    t.same(back[name]?.shape, expected.shape);
  }
  const bytes = readFileSync(path);
  back.b?.add_(1);
  t.same(readFileSync(path), bytes, "writing to a mapped tensor leaves the file alone");
  t.throws(() => file.get("c"), { code: "HYFW_SAFETENSORS_NAME" });
  t.throws(() => statSync(`${path}.partial`));
});

t.test("safetensors: broken files are refused by name", async (t) => {
  const folder = t.testdir();
  const path = join(folder, "broken.safetensors");
  const withHeader = (header: string, data = 0) => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
    writeFileSync(path, Buffer.concat([length, Buffer.from(header), Buffer.alloc(data)]));
  };
  writeFileSync(path, "abc");
  t.throws(() => openSafetensors(path), { code: "HYFW_SAFETENSORS", message: /3 bytes are too few/ });
  withHeader("{not json");
  t.throws(() => openSafetensors(path), { message: /not JSON/ });
  withHeader('{"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}', 8);
  t.throws(() => openSafetensors(path), { message: /ends at byte .* the file has/ });
  withHeader('{"w":{"dtype":"F32","shape":[4],"data_offsets":[0,8]}}', 8);
  t.throws(() => openSafetensors(path), { message: /needs 16 bytes, it has 8/ });
  withHeader('{"w":{"dtype":"F99","shape":[4],"data_offsets":[0,16]}}', 16);
  t.throws(() => openSafetensors(path), { message: /"F99"/ });
  withHeader('{"w":{"dtype":"F32","shape":[-4],"data_offsets":[0,16]}}', 16);
  t.throws(() => openSafetensors(path), { message: /no valid shape/ });
  appendFileSync(path, "");
  t.throws(() => openSafetensors(join(folder, "none")), { code: "ENOENT" });
});

t.test("generators repeat their numbers and can be restored", async (t) => {
  using a = new Generator(5);
  const first = a.normal([4]).toArray();
  const state = a.state();
  const second = a.normal([4]).toArray();
  a.restore(state);
  t.same(a.normal([4]).toArray(), second);
  using b = new Generator(5);
  t.same(b.normal([4]).toArray(), first);
  t.notSame(first, second);
});

t.test("worker threads have tables of their own and end cleanly", async (t) => {
  const code = `
    import { parentPort } from "node:worker_threads";
    const { ones, backward, live } = await import(${JSON.stringify(new URL("../dist/index.js", import.meta.url).href)});
    const w = ones([3]).setRequiresGrad();
    await backward([w.mul(2).sum()]);
    parentPort.postMessage({ grad: w.grad.toArray(), live: live() });`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
  const message = await new Promise((resolve, reject) =>
    worker.once("message", resolve).once("error", reject),
  );
  t.match(message, { grad: [2, 2, 2] });
  t.equal(await new Promise((resolve) => worker.once("exit", resolve)), 0);
});
