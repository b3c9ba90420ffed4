import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { WeightFile } from "@hyfw/core";
import { chooseState, openWeights } from "@hyfw/core/weights";
import { fromTypedArray, Scope, streamSafetensors, type Tensor, tidy, writeSafetensors } from "@hyfw/native";
import t, { type Test } from "tap";
import { Network } from "../network/network.js";
import type { NetworkShape } from "../network/shape.js";
import { SMALL_SHAPE } from "../network/small-shape.fixture.js";
import { asComfyui, asDiffusers, asOfficial, layoutOf } from "./layout.js";
import { isLora, loraTensors, readLora } from "./lora-file.js";
import { compareWithNetwork, recognise } from "./recognise.js";

/** A file of a network's first weights under official names. */
function officialFile(folder: string, shape: NetworkShape): string {
  const network = new Network({ path: "", device: "cpu", seed: 3 }, shape);
  const path = join(folder, "official.safetensors");
  const weights = network.parameters().map(({ name, storage }) => [name, storage] as const);
  writeSafetensors(path, Object.fromEntries(weights), { from: "a test" });
  network.dispose();
  return path;
}

function save(file: WeightFile, path: string): WeightFile {
  const sources = file.names().map((name) => ({ name, ...file.entry(name), get: () => file.get(name) }));
  streamSafetensors(path, sources);
  return openWeights(path);
}

function sameTensors(t: Test, found: WeightFile, expected: WeightFile): void {
  t.same([...found.names()].sort(), [...expected.names()].sort());
  for (const name of expected.names())
    tidy(() => {
      const { dtype, shape } = expected.entry(name);
      t.match(found.entry(name), { dtype, shape }, name);
      t.same(found.get(name).toArray(), expected.get(name).toArray(), name);
    });
}

for (const shape of [
  SMALL_SHAPE,
  { ...SMALL_SHAPE, useStyleCond: true, sizeCond: true },
  { ...SMALL_SHAPE, norm: "rms" as const, learnSigma: false },
]) {
  const what = `${shape.norm} norm${shape.useStyleCond ? ", style and size" : ""}`;
  t.test(`official to diffusers and back is the same, tensor by tensor: ${what}`, async (t) => {
    const folder = t.testdir();
    const official = openWeights(officialFile(folder, shape));
    t.equal(layoutOf(official.names()), "official");
    const diffusers = save(asDiffusers(official), join(folder, "diffusers.safetensors"));
    t.equal(layoutOf(diffusers.names()), "diffusers");
    t.notOk(diffusers.has("blocks.0.attn1.Wqkv.weight"));
    sameTensors(t, save(asOfficial(diffusers), join(folder, "back.safetensors")), official);
    const comfyui = save(asComfyui(official), join(folder, "comfyui.safetensors"));
    sameTensors(t, chooseState(comfyui), official);
  });

  t.test(`sizes and version follow from names and shapes: ${what}`, async (t) => {
    const official = openWeights(officialFile(t.testdir(), shape));
    const found = recognise(official);
    t.same(found.shape, shape);
    t.equal(found.version, shape.useStyleCond ? "1.0 or 1.1" : "1.2");
    t.same(compareWithNetwork(official, found.shape), { missing: [], unexpected: [], misshapen: [] });
  });
}

t.test("a part that is missing and a tensor too many are named", async (t) => {
  const folder = t.testdir();
  const diffusers = asDiffusers(openWeights(officialFile(folder, SMALL_SHAPE)));
  const without = {
    ...diffusers,
    names: () => diffusers.names().filter((name) => !name.includes("1.attn1.to_k.w")),
  };
  const file = save(without, join(folder, "less.safetensors"));
  t.throws(() => asOfficial(file), {
    code: "HYFW_DIT_WEIGHTS_PARTIAL",
    message: /blocks\.1\.attn1\.to_k\.weight, a part of blocks\.1\.attn1\.Wqkv\.weight/,
  });
  const odd = openWeights(oddFile(folder));
  const faults = compareWithNetwork(odd, SMALL_SHAPE);
  t.same(
    faults.unexpected.map(({ name }) => name),
    ["blocks.0.atn1.Wqkv.bias"],
  );
  t.same(faults.missing, [{ name: "blocks.0.attn1.Wqkv.bias", near: "blocks.0.atn1.Wqkv.bias" }]);
});

/** Official weights with one name misspelt. */
function oddFile(folder: string): string {
  const file = openWeights(join(folder, "official.safetensors"));
  const path = join(folder, "odd.safetensors");
  const sources = file.names().map((name) => ({
    name: name === "blocks.0.attn1.Wqkv.bias" ? "blocks.0.atn1.Wqkv.bias" : name,
    ...file.entry(name),
    get: () => file.get(name),
  }));
  streamSafetensors(path, sources);
  return path;
}

/** An adapter on a fused, a plain and the swapped layer, every number its own. */
function adapterFile(folder: string, alpha: number): string {
  const path = join(folder, "adapter_model.safetensors");
  let next = 0;
  const array = (shape: readonly [number, number]): Tensor =>
    fromTypedArray(
      Float32Array.from({ length: shape[0] * shape[1] }, () => next++ / 7),
      shape,
    );
  using scope = new Scope();
  scope.run(() => {
    const at = (module: string, inner: number, outer: number): Record<string, Tensor> => ({
      [`base_model.model.${module}.lora_A.weight`]: array([2, inner]),
      [`base_model.model.${module}.lora_B.weight`]: array([outer, 2]),
    });
    writeSafetensors(path, {
      ...at("blocks.0.attn1.Wqkv", 32, 96),
      ...at("blocks.3.attn2.kv_proj", 24, 64),
      ...at("pooler.q_proj", 16, 16),
      ...at("final_layer.adaLN_modulation.1", 32, 64),
    });
  });
  writeFileSync(
    join(folder, "adapter_config.json"),
    JSON.stringify({ r: 2, lora_alpha: alpha, target_modules: ["Wqkv"] }),
  );
  return path;
}

for (const layout of ["kohya", "diffusers", "comfyui"] as const)
  t.test(`an adapter from peft to ${layout} and back is the same`, async (t) => {
    const folder = t.testdir();
    // Only kohya's files have a place for alpha.
    const alpha = layout === "kohya" ? 8 : 2;
    const peft = readLora(openWeights(adapterFile(folder, alpha)));
    const path = join(folder, `${layout}.safetensors`);
    streamSafetensors(path, loraTensors(peft.modules, layout));
    const other = openWeights(path);
    t.ok(isLora(other.names()));
    const back = readLora({ ...other, path: join(folder, "nowhere", "x.safetensors") });
    t.equal(back.layout, layout);
    t.same([...back.modules.keys()], [...peft.modules.keys()]);
    for (const [module, one] of peft.modules)
      tidy(() => {
        const found = back.modules.get(module);
        t.equal(found?.alpha, alpha, module);
        t.same(found?.down.get().toArray(), one.down.get().toArray(), module);
        t.same(found?.up.get().toArray(), one.up.get().toArray(), module);
      });
  });

t.test("adapters on split projections with down arrays of their own add the same when joined", async (t) => {
  const folder = t.testdir();
  const path = join(folder, "split.safetensors");
  let next = 0;
  const array = (rows: number, columns: number): Tensor =>
    fromTypedArray(
      Float32Array.from({ length: rows * columns }, () => (next++ % 13) - 6),
      [rows, columns],
    );
  using scope = new Scope();
  scope.run(() => {
    const tensors: Record<string, Tensor> = {};
    const expected: number[] = [];
    for (const part of ["to_k", "to_v"]) {
      const [down, up] = [array(2, 24), array(32, 2)];
      tensors[`transformer.blocks.1.attn2.${part}.lora_A.weight`] = down;
      tensors[`transformer.blocks.1.attn2.${part}.lora_B.weight`] = up;
      expected.push(...up.matmul(down).toArray());
    }
    writeSafetensors(path, tensors);
    const joined = readLora(openWeights(path)).modules.get("blocks.1.attn2.kv_proj");
    const [down, up] = [joined?.down.get(), joined?.up.get()];
    t.same(down?.shape, [4, 24]);
    if (down !== undefined) t.same(up?.matmul(down).toArray(), expected);
    t.equal(joined?.alpha, 4);
  });
});

t.test("names of no layer and arrays without a partner are refused", async (t) => {
  const folder = t.testdir();
  const write = (names: readonly string[]): WeightFile => {
    const path = join(folder, "bad.safetensors");
    using scope = new Scope();
    scope.run(() =>
      writeSafetensors(
        path,
        Object.fromEntries(names.map((name) => [name, fromTypedArray(Float32Array.of(1), [1, 1])])),
      ),
    );
    return openWeights(path);
  };
  for (const names of [
    ["base_model.model.blocks.0.attn1.Wqkv.lora_A.weight"],
    [
      "base_model.model.blocks.0.attn9.Wqkv.lora_A.weight",
      "base_model.model.blocks.0.attn9.Wqkv.lora_B.weight",
    ],
    ["lora_unet_down_blocks_0.lora_down.weight", "lora_unet_down_blocks_0.lora_up.weight"],
  ])
    t.throws(() => readLora(write(names)), { code: "HYFW_DIT_LORA" }, names[0] ?? "");
  t.notOk(existsSync(join(folder, "adapter_config.json")));
});
