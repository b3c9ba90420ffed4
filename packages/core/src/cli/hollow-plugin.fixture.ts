/** What a hollow plugin has beside its four empty hooks. */
export interface HollowParts {
  /** Source of a strict zod object. */
  readonly options: string;
  /** Source of statements that run when the hooks are provided; sees `options` and `onClose`. */
  readonly setup: string;
}

/** Source of a plugin file that provides all four hooks a run needs, with one row and a model without weights. */
export function hollowPlugin({ options, setup }: HollowParts): string {
  return `
import { DATASET, MODEL, OPTIMIZER, SAMPLER, definePlugin, z } from "@hyfw/core";
const resolution = { height: 8, width: 8 };
const positions = Uint32Array.of(0);
const dataset = {
  name: "hollow", fingerprint: "hollow", length: 1, buckets: [{ resolution, positions }],
  describe: () => ["one row"], close: async () => undefined,
};
const model = { segments: [], parameters: [], describe: () => [["model", "hollow"]], fileFacts: () => ({}) };
const optimizer = { state: () => ({ tensors: {}, counters: {} }), describe: () => "none" };
export default definePlugin({
  name: "all", version: "1.0.0", core: "^0.1.0", provides: [DATASET, SAMPLER, MODEL, OPTIMIZER],
  options: ${options},
  setup: async ({ options, provide, onClose }) => {
    provide(DATASET, { open: async () => dataset });
    provide(SAMPLER, { order: () => ({ units: 1, unit: () => ({ resolution, positions }), notes: [] }) });
    provide(MODEL, { name: "hollow", build: () => model });
    provide(OPTIMIZER, { name: "none", create: () => optimizer });
    ${setup}
  },
});
`;
}
