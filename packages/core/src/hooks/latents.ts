import type { Tensor } from "@hyfw/native";
import type { DiceKey } from "../run/dice.js";
import type { EncoderCache } from "./encoder-cache.js";
import { defineToken } from "./tokens.js";

/** Turns pictures into what the diffusion model sees and back: a VAE, or pixels as they are. */
export interface Latents {
  readonly channels: number;
  /** Pixels per latent cell on each side. */
  readonly cellSize: number;
  /** @param images [B, 3, H, W] in [-1, 1]. @returns [B, channels, H / cellSize, W / cellSize], float32. No grad. */
  encode(images: Tensor, keys: readonly DiceKey[]): Tensor;
  /** @param latents as `encode` gives them. @returns [B, 3, H, W] in about [-1, 1], float32. No grad. */
  decode(latents: Tensor): Tensor;
  /**
   * What every value of latents lies between, when there is such a bound: pixels have one, a VAE's latents have none.
   * Drawing then keeps what it takes for the finished picture inside it.
   */
  readonly range?: readonly [lowest: number, highest: number];
  describe(): string;
  /** Bytes of weights that stay on the device between batches, for plans. */
  readonly heldBytes?: number;
  /** Set when latents are kept on disk. */
  readonly cache?: EncoderCache;
}

/** Exactly one plugin provides latents, when the model asks for them. */
export const LATENTS = defineToken<Latents>("latents", "one");
