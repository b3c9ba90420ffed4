import { execFile } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { callTensorOp, loadLibrary, tensor } from "@hyfw/native";
import t from "tap";
import { findNvcc } from "../scripts/setup/cuda.mjs";
import { recordPath } from "../scripts/setup/native-record.mjs";
import { root } from "../scripts/setup/paths.mjs";

const run = promisify(execFile);

t.test("a plugin's own library of ops is loaded and called by name", { timeout: 120_000 }, async (t) => {
  const folder = t.testdir();
  const source = join(folder, "ops.cc");
  writeFileSync(
    source,
    `#include <ATen/ATen.h>
#include <torch/library.h>
static at::Tensor twice(const at::Tensor& x) { return x * 2; }
TORCH_LIBRARY(hyfw_test_plugin, library) { library.def("twice(Tensor x) -> Tensor", twice); }
`,
  );
  const prefix = JSON.parse(readFileSync(recordPath(root), "utf8")).torch.prefix || "/usr";
  const library = join(folder, "libops.so");
  const include = ["", "torch/csrc/api/include"].map((path) => `-I${join(prefix, "include", path)}`);
  const lib = existsSync(join(prefix, "lib", "libc10.so"))
    ? join(prefix, "lib")
    : "/usr/lib/x86_64-linux-gnu";
  const link = ["-L", lib, "-lc10", "-ltorch_cpu"];
  await run("c++", ["-std=c++17", "-shared", "-fPIC", ...include, source, "-o", library, ...link]);
  t.throws(() => callTensorOp("hyfw_test_plugin::twice", tensor([1])), { code: "HYFW_NATIVE_NO_OP" });
  loadLibrary(library);
  t.same(callTensorOp("hyfw_test_plugin::twice", tensor([1, 2])).toArray(), [2, 4]);
});

const nvcc = findNvcc();
const noNvcc = nvcc === undefined && "there is no nvcc on this machine";

t.test("the CUDA kernels compile for sm_80 and sm_90", { timeout: 300_000, skip: noNvcc }, async (t) => {
  for (const kernel of ["adamw_cuda", "keyed_normal_cuda"]) {
    const object = join(t.testdirName, `${kernel}.o`);
    t.testdir();
    const cards = ["80", "90"].map((card) => `--generate-code=arch=compute_${card},code=sm_${card}`);
    const sources = join(root, "native", "src");
    await run(nvcc ?? "", [
      "-std=c++17",
      "-O3",
      "-I",
      sources,
      ...cards,
      "-c",
      join(sources, "ops", `${kernel}.cu`),
      "-o",
      object,
    ]);
    t.ok(existsSync(object), kernel);
  }
});
