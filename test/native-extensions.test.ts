import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
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

const sources = join(root, "native", "src");
const nvcc = findNvcc();
const noNvcc = nvcc === undefined && "there is no nvcc on this machine";

t.test("the CUDA kernels compile for sm_80 and sm_90", { timeout: 300_000, skip: noNvcc }, async (t) => {
  const folder = t.testdir();
  const kernels = readdirSync(join(sources, "ops")).filter((file) => file.endsWith(".cu"));
  t.ok(kernels.length >= 4, kernels.join(", "));
  for (const kernel of kernels) {
    const object = join(folder, `${kernel}.o`);
    const cards = ["80", "90"].map((card) => `--generate-code=arch=compute_${card},code=sm_${card}`);
    const source = join(sources, "ops", kernel);
    await run(nvcc ?? "", ["-std=c++17", "-O3", "-I", sources, ...cards, "-c", source, "-o", object]);
    t.ok(existsSync(object), kernel);
  }
});

const toolkit = [
  ...[process.env.CUDA_HOME, process.env.CUDA_PATH, "/usr/local/cuda"].map((path) =>
    join(path ?? "", "include"),
  ),
  ...(nvcc === undefined ? [] : [join(dirname(dirname(realpathSync(nvcc))), "include")]),
].find((path) => existsSync(join(path, "cuda_runtime_api.h")));

t.test(
  "what joins kernels and libtorch compiles, also against a libtorch without CUDA",
  { timeout: 300_000, skip: toolkit === undefined && "there are no CUDA headers on this machine" },
  async (t) => {
    const prefix = JSON.parse(readFileSync(recordPath(root), "utf8")).torch.prefix || "/usr";
    if (!existsSync(join(prefix, "include", "c10", "cuda", "CUDAStream.h"))) {
      t.comment("skipped: this libtorch comes without c10's CUDA headers");
      return;
    }
    // A CPU build lacks one generated header, which says how c10's CUDA half was built.
    const shim = t.testdir({
      c10: {
        cuda: { impl: { "cuda_cmake_macros.h": "#pragma once\n#define C10_CUDA_BUILD_SHARED_LIBS\n" } },
      },
    });
    const include = ["", "torch/csrc/api/include"].map((path) => `-I${join(prefix, "include", path)}`);
    const glue = readdirSync(join(sources, "ops")).filter((file) => file.endsWith("_cuda_glue.cc"));
    t.ok(glue.length >= 2, glue.join(", "));
    // Files that choose between CPU and CUDA are compiled here with the choice for CUDA.
    const choosing = ["heads_cpu.cc", "many_cpu.cc", "adamw_cpu.cc", "copies.cc", "memory_stats.cc"];
    for (const file of [...glue, ...choosing]) {
      const flags = ["-std=c++17", "-fsyntax-only", "-DHYFW_CUDA", "-I", sources, `-I${toolkit}`];
      await run("c++", [...flags, ...include, "-I", shim, join(sources, "ops", file)]);
      t.pass(file);
    }
  },
);
