import t from "tap";
import { callOp, callTensorOp, loadLibrary, ones, opSchemas, type Tensor, tensor, zeros } from "./index.js";

t.test("any op by its schema name, with overloads found by the arguments", async (t) => {
  const a = tensor([1, 5, 3, 4], [2, 2]);
  t.same(callTensorOp("aten::add", a, 1).toArray(), [2, 6, 4, 5]);
  t.same(callTensorOp("aten::add", a, a).toArray(), [2, 10, 6, 8]);
  t.same(callTensorOp("aten::add.Tensor", a, a, { alpha: 2 }).toArray(), [3, 15, 9, 12]);
  const [values, places] = callOp("aten::max.dim", a, 1) as Tensor[];
  t.same(values?.toArray(), [5, 4]);
  t.same(places?.toArray(), [1, 1]);
  t.equal(callOp("aten::size.int", a, 0), 2);
  t.same(callTensorOp("aten::zeros", [2], { dtype: "int64", device: "cpu" }).dtype, "int64");
  t.equal(callOp("aten::equal", a, a), true);
  t.same(callTensorOp("aten::cat", [a, a]).shape, [4, 2]);
  t.same(callTensorOp("aten::index.Tensor", a, [tensor([1], [1], { dtype: "int64" })]).toArray(), [3, 4]);
  t.same(callTensorOp("aten::conv2d", ones([1, 1, 4, 4]), ones([1, 1, 2, 2]), null, 2).shape, [1, 1, 2, 2]);
});

t.test("what does not fit is refused with the schema", async (t) => {
  const a = zeros([2]);
  t.throws(() => callOp("aten::no_such_op", a), { code: "HYFW_NATIVE_NO_OP", message: /aten::no_such_op/ });
  t.throws(() => callOp("aten::isfinite", 3), {
    code: "HYFW_NATIVE_ARGUMENT",
    message: /self.*expected a tensor, found 3/,
  });
  t.throws(() => callOp("aten::isfinite", a, a), { message: /takes 1 arguments, found 2/ });
  t.throws(() => callOp("aten::isfinite"), { message: /argument self is missing/ });
  t.throws(() => callOp("aten::isfinite", a, { selfie: a }), { message: /is named that/ });
  t.throws(() => callOp("aten::mm", a, a), {
    code: "HYFW_NATIVE_OP",
    message: /arguments {2}\[2\] float32 cpu, \[2\] float32 cpu/,
  });
  a.dispose();
  t.throws(() => callOp("aten::relu", a), { code: "HYFW_NATIVE_DISPOSED" });
});

t.test("hyfw's own ops are there by name, with schemas", async (t) => {
  const schemas = opSchemas("hyfw::").join("\n");
  for (const name of ["adamw_", "keyed_normal", "rotary", "linear", "ema_"])
    t.match(schemas, `hyfw::${name}(`);
  t.same(callTensorOp("hyfw::global_norm", [tensor([3, 4])]).item(), 5);
});

t.test("a library that is not there is named", async (t) => {
  t.throws(() => loadLibrary("/no/such/library.so"), { code: "HYFW_NATIVE_LIBRARY", message: /no\/such/ });
});
