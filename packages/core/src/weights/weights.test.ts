import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Scope, type Tensor, tensor, tidy, writeSafetensors, writeTorchFile } from "@hyfw/native";
import t, { type Test } from "tap";
import { Ema } from "../run/ema.js";
import { tinyModel } from "../run/tiny-model.fixture.js";
import { WeightSettings } from "../settings/schema.js";
import { chooseState, stateKeys } from "./choose-state.js";
import { loadStart } from "./load-start.js";
import { openWeights } from "./weight-file.js";

/** Writes named scalars. */
function write(path: string, values: Readonly<Record<string, number>>): string {
  using scope = new Scope();
  scope.run(() =>
    writeSafetensors(
      path,
      Object.fromEntries(Object.entries(values).map(([name, value]) => [name, tensor([value], [1])])),
    ),
  );
  return path;
}

/** The numbers of a file by name. */
function read(path: string, key = "auto"): Record<string, number[]> {
  const file = chooseState(openWeights(path), key);
  return tidy(() => Object.fromEntries(file.names().map((name) => [name, file.get(name).toArray()])));
}

t.test("states are told by their keys, and wrappers' prefixes are taken off", async (t) => {
  const folder = t.testdir();
  const both = write(join(folder, "both.safetensors"), { "ema.w": 1, "module.w": 2, steps: 3 });
  t.same(stateKeys(openWeights(both)), ["module", "ema"]);
  t.same(read(both), { w: [2] }, "the weights before their average");
  t.same(read(both, "ema"), { w: [1] });
  t.throws(() => read(both, "best"), { code: "HYFW_WEIGHTS_STATE", message: /module, ema/ });
  t.same(read(write(join(folder, "a"), { "module.module.w": 1, "module.module.b": 2 })), { w: [1], b: [2] });
  t.same(read(write(join(folder, "b"), { "model.diffusion_model.w": 1 })), { w: [1] });
  t.same(read(write(join(folder, "c"), { "_orig_mod.w": 1 })), { w: [1] });
  t.same(read(write(join(folder, "d"), { "module.w": 1, w: 2 })), { w: [1] }, "what lies beside is left");
});

t.test("a folder, an index of parts and a file by its bytes", async (t) => {
  const folder = t.testdir();
  write(join(folder, "one-00001.safetensors"), { a: 1 });
  write(join(folder, "one-00002.safetensors"), { b: 2 });
  t.throws(() => openWeights(folder), { code: "HYFW_WEIGHTS_UNCLEAR" });
  const index = join(folder, "model.safetensors.index.json");
  const weightMap = { a: "one-00001.safetensors", b: "one-00002.safetensors" };
  writeFileSync(index, JSON.stringify({ metadata: { total_size: 8 }, weight_map: weightMap }));
  t.same(read(folder), { a: [1], b: [2] });
  t.match(openWeights(index).layout, /in 2 parts/);
  const faults: readonly (readonly [Record<string, string>, RegExp])[] = [
    [
      { ...weightMap, b: "one-00001.safetensors" },
      /b is in one-00001\.safetensors, which has no such tensor/,
    ],
    [{ ...weightMap, b: "none.safetensors" }, /none\.safetensors, which is not there/],
    [{ a: "../a.safetensors" }, /must be a file beside the index/],
  ];
  for (const [broken, message] of faults) {
    writeFileSync(index, JSON.stringify({ weight_map: broken }));
    t.throws(() => openWeights(folder), { code: "HYFW_WEIGHTS_LAYOUT", message });
  }
  const pickled = join(folder, "named-oddly.safetensors");
  writeTorchFile(pickled, [{ name: "a", dtype: "float32", shape: [1], get: () => tensor([5], [1]) }]);
  t.same(read(pickled), { a: [5] });
  mkdirSync(join(folder, "empty"));
  for (const name of ["empty", "nowhere"])
    t.throws(() => openWeights(join(folder, name)), { code: "HYFW_WEIGHTS_NOT_FOUND" });
});

/** A model, its average, and a file of weights that are all `value`, changed by `edit`. */
function prepared(
  t: Test,
  value: number,
  edit: (weights: Record<string, Tensor>) => void = () => undefined,
): { model: ReturnType<typeof tinyModel>; ema: Ema; path: string } {
  const model = tinyModel({ device: "cpu", seed: 1 });
  const ema = new Ema(model.parameters, { enabled: true, warmup: false });
  const path = join(t.testdir(), "start.safetensors");
  using scope = new Scope();
  scope.run(() => {
    const weights: Record<string, Tensor> = {};
    for (const { name, storage } of model.parameters) weights[name] = storage.detach().mul(0).add(value);
    edit(weights);
    writeSafetensors(path, weights);
  });
  t.teardown(() => {
    ema.dispose();
    for (const { storage } of model.parameters) storage.dispose();
  });
  return { model, ema, path };
}

const firstOf = (tensors: readonly Tensor[]): number[] =>
  tensors.map((one) => one.toArray()[0] ?? Number.NaN);

t.test(
  "training starts from a file's weights, and its average from them or from a file of its own",
  async (t) => {
    const { model, ema, path } = prepared(t, 0.5);
    loadStart({ model, ema }, WeightSettings.parse({ model: path }));
    t.ok(model.parameters.every(({ storage }) => storage.toArray().every((one) => one === 0.5)));
    t.ok(firstOf(ema.held).every((one) => one === 0.5));
    const other = prepared(t, 0.25);
    loadStart({ model, ema }, WeightSettings.parse({ model: path, ema: other.path }));
    t.ok(firstOf(ema.held).every((one) => one === 0.25));
  },
);

t.test("names and shapes must all fit, for the average too, unless some may be missing", async (t) => {
  const change = (weights: Record<string, Tensor>): void => {
    const { "embed.bias": bias, ...rest } = weights;
    for (const name of Object.keys(weights)) if (!(name in rest)) delete weights[name];
    if (bias !== undefined) weights["embed.bais"] = bias;
  };
  const { model, ema, path } = prepared(t, 0.5, change);
  const before = model.parameters.map(({ storage }) => storage.toArray());
  for (const settings of [{ model: path }, { ema: path }])
    t.throws(() => loadStart({ model, ema }, WeightSettings.parse(settings)), {
      code: "HYFW_WEIGHTS",
      message: /embed\.bias: only in the model[\s\S]*embed\.bais: only in the file/,
    });
  t.same(
    model.parameters.map(({ storage }) => storage.toArray()),
    before,
    "nothing was copied",
  );
  const notes = loadStart({ model, ema }, WeightSettings.parse({ model: path, allowMissing: true }));
  t.match(notes.join("\n"), /1 tensors are not in it and begin anew: embed\.bias/);
  t.match(notes.join("\n"), /1 tensors of it are not in the model and left out: embed\.bais/);
  const misshapen = prepared(t, 0.5, (weights) => {
    weights["embed.bias"] = tensor([1], [1]);
  });
  t.throws(() => loadStart(misshapen, WeightSettings.parse({ model: misshapen.path, allowMissing: true })), {
    code: "HYFW_WEIGHTS",
    message: /embed\.bias: the model has \[16\], the file \[1\]/,
  });
});
