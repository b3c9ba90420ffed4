import type { WeightFile } from "@hyfw/core";
import { type Tensor, tidy } from "@hyfw/native";
import { loraUnknown } from "../errors.js";
import { isLora, readLora } from "./lora-file.js";

/**
 * Weights with an adapter's products added: W + strength · alpha / rank · B · A, in float32, each in its own type again.
 * Each is made when it is asked for.
 * @param base under official names; @param adapter in any layout that is read
 * @throws HYFW_DIT_LORA when it is no adapter, or a layer is not in the model or of another shape
 */
export function withLora(base: WeightFile, adapter: WeightFile, strength: number): WeightFile {
  if (!isLora(adapter.names())) throw loraUnknown(adapter.path, "it holds no adapter");
  const { modules } = readLora(adapter);
  for (const [module, { down, up }] of modules) {
    const shape = base.has(`${module}.weight`) ? base.entry(`${module}.weight`).shape : undefined;
    if (shape === undefined || shape[0] !== up.shape[0] || shape[1] !== down.shape[1])
      throw loraUnknown(
        adapter.path,
        `${module} is ${shape === undefined ? "not in the model" : `[${shape.join(", ")}] in the model`}, the adapter is for [${up.shape[0]}, ${down.shape[1]}]`,
      );
  }
  return {
    ...base,
    get: (name): Tensor => {
      const module = modules.get(name.replace(/\.weight$/, ""));
      if (module === undefined || !name.endsWith(".weight")) return base.get(name);
      return tidy(() => {
        const { down, up, alpha } = module;
        const product = up.get().float().matmul(down.get().float());
        const scale = (strength * alpha) / (down.shape[0] ?? 1);
        const weight = base.get(name);
        return weight.float().add(product.mul(scale)).to({ dtype: weight.dtype });
      });
    },
  };
}
