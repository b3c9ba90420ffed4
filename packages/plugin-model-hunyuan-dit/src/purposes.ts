/** Everything that this plugin draws for, by purpose; each belongs to one (seed, epoch, sample). */
export const PURPOSES = {
  /** Whether the first text encoder's caption is dropped. */
  uncond: "uncond",
  /** Whether the second text encoder's caption is dropped. */
  uncondT5: "uncond-t5",
  timestep: "timestep",
  noise: "noise",
  noiseOffset: "noise-offset",
  /** The VAE's own draw. */
  latents: "latents",
  /** The first latents of a picture to draw, and what the solver adds. */
  drawStart: "draw-start",
  drawStep: "draw-step",
} as const;
