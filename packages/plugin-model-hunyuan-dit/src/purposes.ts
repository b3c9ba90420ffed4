/** Everything that this plugin draws for, by purpose; each belongs to one (seed, epoch, sample). */
export const PURPOSES = {
  timestep: "timestep",
  noise: "noise",
  noiseOffset: "noise-offset",
  /** Followed by `:` and the level, from 1. */
  pyramidNoise: "pyramid-noise",
  /** The VAE's own draw. */
  latents: "latents",
  /** The first latents of a picture to draw, and what the solver adds. */
  drawStart: "draw-start",
  drawStep: "draw-step",
} as const;

/** Those that a training sample is drawn for. */
export const TRAINING_PURPOSES: readonly string[] = [
  PURPOSES.timestep,
  PURPOSES.noise,
  PURPOSES.noiseOffset,
  PURPOSES.pyramidNoise,
  PURPOSES.latents,
];
