/** Everything that this plugin draws for; each belongs to one (seed, epoch, sample). */
export const PURPOSES = {
  /** Where the window lies: top, then left. */
  crop: "crop-flip/crop",
  flip: "crop-flip/flip",
  /** Whether the source size is told smaller, then how much. */
  shrink: "crop-flip/shrink",
} as const;
