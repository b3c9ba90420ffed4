import { join } from "node:path";
import type { Latents, Resolution } from "@hyfw/core";
import { hashFolder, TensorCache } from "@hyfw/core/cache";
import { cat, type DeviceName, keyedNormal, noGrad, type Tensor, tidy } from "@hyfw/native";
import { vaeNotFinite, vaeSize } from "./errors.js";
import { cellSizeOf, type VaeConfig } from "./network/config.js";
import type { Vae } from "./network/vae.js";
import type { StoredVae } from "./open-vae.js";
import type { VaeOptions } from "./options.js";
import { decodeTiled } from "./tiles.js";

/** Latents by a VAE, and how to free what it holds. */
export interface VaeLatents extends Latents {
  /** `encode` with the noise given: [B, C, h, w], float32. For reference numbers. */
  encodeWith(images: Tensor, noise: Tensor): Tensor;
  close(): void;
}

/**
 * Pictures as samples of the VAE's posterior, times its scaling factor (Rombach et al. 2021):
 * (mean + exp(½ · logvar) · ε) · factor, log variance clamped to [−30, 20]. ε is keyed by the sample. The weights are
 * read with the first picture.
 */
export function vaeLatents(stored: StoredVae, options: VaeOptions): VaeLatents {
  const { config } = stored;
  const { dtype, slice, tileSize, unload } = options;
  const channels = config.latent_channels;
  const cellSize = cellSizeOf(config);
  const momentsShape = ({ height, width }: Resolution): number[] => [
    2 * channels,
    Math.floor(height / cellSize),
    Math.floor(width / cellSize),
  ];
  const cache = openCache(stored, options);
  const held = new Map<DeviceName, Vae>();
  const close = (): void => {
    for (const vae of held.values()) vae.dispose();
    held.clear();
  };
  const use = (given: Tensor, run: (vae: Vae, there: Tensor) => Tensor): Tensor => {
    const home = given.device === "meta" ? "cpu" : given.device;
    const device = options.device === "same" ? home : (options.device as DeviceName);
    const vae = held.get(device) ?? stored.load(device, dtype);
    held.set(device, vae);
    const one = (part: Tensor): Tensor => tidy(() => run(vae, part.to({ device }))).to({ device: home });
    try {
      return tidy(() => noGrad(() => (slice ? cat(rows(given).map(one), 0) : one(given))));
    } finally {
      if (unload) close();
    }
  };
  const finite = (what: string, numbers: Tensor): Tensor => {
    if (dtype !== "float32" && tidy(() => numbers.isFinite().all().item()) === 0)
      throw vaeNotFinite(what, dtype);
    return numbers;
  };
  const momentsOf = (images: Tensor): Tensor => {
    const made = (part: Tensor): Tensor => use(part, (vae, there) => vae.moments(there).float());
    if (cache === undefined) return made(images);
    const own = images.to({ device: "cpu" }).contiguous();
    return cache.rows({
      shape: momentsShape({ height: images.shape[2] ?? 0, width: images.shape[3] ?? 0 }),
      device: images.device === "meta" ? "cpu" : images.device,
      contents: rows(own).map((row) => [bytesOf(row)]),
      make: (row) => made(images.narrow(0, row, 1)),
    });
  };
  const encodeWith = (images: Tensor, noise: Tensor): Tensor => {
    const [, , height = 0, width = 0] = images.shape;
    if (height % cellSize !== 0 || width % cellSize !== 0) throw vaeSize(height, width, cellSize);
    const moments = momentsOf(images);
    return finite(
      "latents",
      noGrad(() => tidy(() => sampled(moments, noise, config))),
    );
  };
  return {
    channels,
    cellSize,
    encodeWith,
    encode: (images, keys) => {
      const [, , height = 0, width = 0] = images.shape;
      const device = images.device === "meta" ? "cpu" : images.device;
      return tidy(() => {
        const shape = [channels, Math.floor(height / cellSize), Math.floor(width / cellSize)];
        return encodeWith(images, keyedNormal(keys, shape, { device }));
      });
    },
    decode: (latents) =>
      finite(
        "pictures",
        tidy(() => {
          const shifted = latents.mul(1 / config.scaling_factor).add(config.shift_factor ?? 0);
          const whole = (vae: Vae, part: Tensor): Tensor => vae.decode(part).float();
          return use(shifted, (vae, part) =>
            tileSize === null
              ? whole(vae, part)
              : decodeTiled(part, (tile) => whole(vae, tile), { tileSize, cellSize }),
          );
        }),
      ),
    describe: () =>
      `VAE with ${channels} channels${cache === undefined ? "" : `, kept in ${cache.folder}`}, cells of ${cellSize}x${cellSize} pixels, factor ${config.scaling_factor}, in ${dtype}${options.device === "same" ? "" : ` on ${options.device}`}${tileSize === null ? "" : `, decoded in tiles of ${tileSize} pixels`}`,
    // On a device of its own, or read for each batch, it takes nothing from where the model trains.
    heldBytes: options.device === "same" && !unload ? stored.bytes(dtype) : 0,
    close,
    ...(cache !== undefined && {
      cache: {
        name: "latents",
        folder: cache.folder,
        bytesPerSample: (resolution) => cache.bytes(momentsShape(resolution)),
        counts: () => cache.counts(),
      },
    }),
  };
}

/** (mean + exp(½ · clamp(logvar)) · ε − shift) · factor. @param moments [B, 2·C, h, w], the mean first */
function sampled(moments: Tensor, noise: Tensor, config: VaeConfig): Tensor {
  const channels = config.latent_channels;
  const mean = moments.narrow(1, 0, channels);
  const std = moments.narrow(1, channels, channels).clamp(-30, 20).mul(0.5).exp();
  const drawn = mean.add(std.mul(noise));
  return drawn.sub(config.shift_factor ?? 0).mul(config.scaling_factor);
}

function rows(batch: Tensor): Tensor[] {
  return Array.from({ length: batch.shape[0] ?? 0 }, (_, i) => batch.narrow(0, i, 1));
}

/** Moments of pictures on disk. @param options `cache` names the folder; none is kept without */
function openCache({ folder }: StoredVae, { cache, dtype, device }: VaeOptions): TensorCache | undefined {
  if (cache === null) return undefined;
  const facts = () => ({ of: "vae", weights: hashFolder(folder, join(cache, "hashes.json")), dtype, device });
  return new TensorCache(cache, facts, dtype);
}

function bytesOf(tensor: Tensor): Uint8Array {
  const numbers = tensor.contiguous().toTypedArray();
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}
