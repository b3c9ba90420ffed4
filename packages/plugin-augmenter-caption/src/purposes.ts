/** Everything that this plugin draws for; each belongs to one (seed, epoch, sample). */
export const PURPOSES = {
  /** Which construction the caption is taken from; with `draw: encoder` the second encoder's has `-t5` behind it. */
  construction: "caption/construction",
  /** The order of a template's tags: `caption/shuffle:NAME`, NAME being the template's. */
  shuffle: "caption/shuffle",
  /** Whether the first text encoder's caption is dropped for guidance, and the second's. */
  uncond: "caption/uncond",
  uncondT5: "caption/uncond-t5",
} as const;
