/** Everything that this plugin draws for; each belongs to one (seed, epoch, sample). */
export const PURPOSES = {
  /** Whether all tags of a category leave: `tag-dropout/category:year`. */
  category: "tag-dropout/category",
  /** Whether one tag leaves, in categories drawn tag by tag: `tag-dropout/tag:general/long hair`. */
  tag: "tag-dropout/tag",
  /** Whether tags of a spelling leave: `tag-dropout/pattern:^score_`. */
  pattern: "tag-dropout/pattern",
} as const;
