/** Everything that this plugin draws for; each belongs to one (seed, epoch, sample). */
export const PURPOSES = {
  /**
   * Whether a name is replaced, and by which of its variants: `name-substitution/name:hatsune miku`. A stream for each
   * name, so that one name fares alike throughout a caption, whatever other names stand there.
   */
  name: "name-substitution/name",
} as const;
