import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { diceKey } from "@hyfw/core";
import { keyedNormal, live, type Tensor, tidy, writeSafetensors } from "@hyfw/native";
import t from "tap";
import { VaeConfig } from "./network/config.js";
import { Vae } from "./network/vae.js";
import { findVaeFolder, openVae } from "./open-vae.js";
import { VaeOptions } from "./options.js";
import { decodeTiled } from "./tiles.js";
import { vaeLatents } from "./vae-latents.js";

const config = { block_out_channels: [8, 16], layers_per_block: 1, norm_num_groups: 4, scaling_factor: 0.5 };

/** A folder of a small VAE. @param rename of tensors, as other files have them */
function makeVae(
  folder: string,
  rename = (name: string): string => name,
  reshape = (tensor: Tensor): Tensor => tensor,
): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  const drawing = new Vae({ path: "", device: "meta", seed: 0 }, VaeConfig.parse(config));
  tidy(() => {
    const arrays = drawing.parameters().map(({ name, shape }, i): [string, Tensor] => {
      const made = keyedNormal([{ low: i, high: 2 }], [...shape])
        .reshape([...shape])
        .mul(0.2);
      return [rename(name), /attentions.*to_.*weight/.test(name) ? reshape(made) : made];
    });
    writeSafetensors(join(folder, "diffusion_pytorch_model.safetensors"), Object.fromEntries(arrays));
  });
  drawing.dispose();
  return folder;
}

const images = (): Tensor => keyedNormal([diceKey(1, 0, "a", "p"), diceKey(1, 0, "b", "p")], [3, 32, 48]);
const keys = [diceKey(1, 0, "a", "latents"), diceKey(1, 0, "b", "latents")];
const largest = (a: Tensor, b: Tensor): number => tidy(() => a.sub(b).abs().max().item());

t.test("latents are drawn by the sample's key, whatever its place in the batch", async (t) => {
  const latents = vaeLatents(openVae(makeVae(t.testdir({}))), VaeOptions.parse({}));
  t.match(latents, { channels: 4, cellSize: 2 });
  tidy(() => {
    const both = latents.encode(images(), keys);
    t.same(both.shape, [2, 4, 16, 24]);
    const second = latents.encode(images().narrow(0, 1, 1), keys.slice(1));
    t.ok(largest(both.narrow(0, 1, 1), second) < 1e-5, "the same alone");
    const other = latents.encode(images(), [...keys].reverse());
    t.ok(largest(both, other) > 0.01, "other keys draw others");
    t.same(latents.decode(both).shape, [2, 3, 32, 48]);
  });
  t.throws(() => latents.encode(keyedNormal(keys, [3, 31, 48]), keys), { code: "HYFW_VAE_SIZE" });
  latents.close();
});

t.test("slices give the same, and unloading frees everything", async (t) => {
  const stored = openVae(makeVae(t.testdir({})));
  const [whole, sliced] = [{}, { slice: true, unload: true }].map((options) =>
    vaeLatents(stored, VaeOptions.parse(options)),
  );
  if (whole === undefined || sliced === undefined) throw new Error("none");
  tidy(() => {
    const latent = whole.encode(images(), keys);
    t.ok(largest(latent, sliced.encode(images(), keys)) < 1e-5);
    t.ok(largest(whole.decode(latent), sliced.decode(latent)) < 1e-5);
  });
  whole.close();
  const before = live();
  tidy(() => {
    sliced.encode(images(), keys);
  });
  t.equal(live(), before, "nothing stays");
});

t.test("half precision is near, and what overflows is refused", async (t) => {
  const stored = openVae(makeVae(t.testdir({})));
  const exact = vaeLatents(stored, VaeOptions.parse({}));
  const half = vaeLatents(stored, VaeOptions.parse({ dtype: "bfloat16" }));
  tidy(() => {
    const a = exact.encode(images(), keys);
    const b = half.encode(images(), keys);
    t.equal(b.dtype, "float32");
    t.ok(largest(a, b) < 0.2, `${largest(a, b)}`);
    t.throws(() => half.decode(a.mul(Number.POSITIVE_INFINITY)), { code: "HYFW_VAE_FINITE" });
  });
  exact.close();
  half.close();
});

t.test("files of older programs are read: other names, attention as 1x1 convolutions", async (t) => {
  const old: Record<string, string> = { to_q: "query", to_k: "key", to_v: "value", "to_out.0": "proj_attn" };
  const folder = t.testdir({});
  const now = makeVae(join(folder, "now"));
  const then = makeVae(
    join(folder, "then"),
    (name) => name.replace(/to_out\.0|to_[qkv]/, (part) => old[part] ?? part),
    (matrix) => matrix.unsqueeze(2).unsqueeze(3),
  );
  const [a, b] = [now, then].map((one) => vaeLatents(openVae(one), VaeOptions.parse({})));
  tidy(() => {
    const [x, y] = [a, b].map((one) => one?.encode(images(), keys));
    t.equal(x === undefined || y === undefined ? 1 : largest(x, y), 0);
  });
  a?.close();
  b?.close();
});

t.test("what is not there or another network is refused by name", async (t) => {
  const folder = t.testdir({});
  t.throws(() => findVaeFolder(null, folder), { code: "HYFW_VAE_ABSENT", message: /run\.modelRoot/ });
  t.throws(() => findVaeFolder(folder, "x"), { code: "HYFW_VAE_ABSENT", message: /latents-vae\.folder/ });
  const made = makeVae(join(folder, "vae"));
  t.equal(findVaeFolder(null, folder), made);
  const change = (changed: object): void =>
    writeFileSync(join(folder, "vae", "config.json"), JSON.stringify({ ...config, ...changed }));
  change({ act_fn: "relu" });
  t.throws(() => openVae(join(folder, "vae")), { code: "HYFW_VAE_CONFIG", message: /act_fn/ });
  change({ norm_num_groups: 3 });
  t.throws(() => openVae(join(folder, "vae")), { code: "HYFW_VAE_CONFIG", message: /norm_num_groups/ });
});

t.test("tiles: one that covers the picture changes nothing, many give its size and no seams", async (t) => {
  tidy(() => {
    const latents = keyedNormal(keys, [4, 20, 28]);
    const double = (x: Tensor): Tensor =>
      x
        .narrow(1, 0, 3)
        .add(0)
        .reshape([...x.narrow(1, 0, 3).shape]);
    const decode = (x: Tensor): Tensor => {
      const [b = 0, , h = 0, w = 0] = x.shape;
      return double(x)
        .unsqueeze(3)
        .unsqueeze(5)
        .expand([b, 3, h, 2, w, 2])
        .reshape([b, 3, 2 * h, 2 * w]);
    };
    const whole = decode(latents);
    t.equal(largest(decodeTiled(latents, decode, { tileSize: 64, cellSize: 2 }), whole), 0);
    let tiles = 0;
    const counted = (x: Tensor): Tensor => {
      tiles += 1;
      return decode(x);
    };
    const tiled = decodeTiled(latents, counted, { tileSize: 16, cellSize: 2 });
    t.same(tiled.shape, whole.shape);
    t.equal(tiles, 15, "3 rows of 5 tiles of 8 cells, 6 apart");
    t.ok(largest(tiled, whole) < 1e-6, "where decoding a tile is exact, blending is too");
  });
});
