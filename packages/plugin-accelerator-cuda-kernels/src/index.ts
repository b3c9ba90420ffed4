import { ACCELERATOR, definePlugin } from "@hyfw/core";
import { CudaKernelsOptions } from "./options.js";

export { CudaKernelsOptions } from "./options.js";

export default definePlugin({
  name: "accelerator-cuda-kernels",
  version: "0.1.0",
  core: "^0.1.0",
  options: CudaKernelsOptions,
  provides: [ACCELERATOR],
  setup: async ({ options: { kernels }, provide, onClose }) => {
    // Settings must be readable without the native addon; only a run needs it.
    const { KernelChoice } = await import("./kernel-choice.js");
    const choice = new KernelChoice(kernels);
    onClose("the choice of kernels", () => choice.dispose());
    provide(ACCELERATOR, choice);
  },
});
