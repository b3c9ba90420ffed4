import { definePlugin, LATENTS } from "@hyfw/core";
import { VaeOptions } from "./options.js";

export { type GoldenCase, goldenCases, referenceLatents } from "./golden.js";
export { VaeOptions } from "./options.js";

export default definePlugin({
  name: "latents-vae",
  version: "0.1.0",
  core: "^0.1.0",
  options: VaeOptions,
  provides: [LATENTS],
  setup: async ({ options, modelRoot, provide, onClose }) => {
    // Imported here, so that options can be listed and checked where the native addon is not built.
    const { findVaeFolder, openVae } = await import("./open-vae.js");
    const { vaeLatents } = await import("./vae-latents.js");
    const latents = vaeLatents(openVae(findVaeFolder(options.folder, modelRoot)), options);
    onClose("the VAE", () => latents.close());
    provide(LATENTS, latents);
  },
});
