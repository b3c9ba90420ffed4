import { defineError } from "../define-error.js";

/** Settings that are drawn with load no model. */
export const samplesNoModel = defineError("HYFW_SAMPLES_MODEL", (weights: string) => ({
  summary: `no plugin of the settings builds a model that ${weights} could be loaded into`,
  todo: "name the model's preset: --preset hunyuan-dit-1.2 or --preset hunyuan-dit-1.1 for published weights",
}));

/** A run and a file of weights were both named. */
export const samplesTwoSources = defineError("HYFW_USAGE_SAMPLES_SOURCE", (flag: string) => ({
  summary: `--weights and ${flag} exclude each other`,
  todo: "draw either with a run (--run, whose settings are its own) or with a file (--weights and --preset)",
}));

/** An adapter was named without the weights that it belongs to. */
export const loraNeedsWeights = defineError("HYFW_USAGE_SAMPLES_LORA", () => ({
  summary: "--lora adds an adapter to weights that --weights names",
  todo: "name both: --weights base.safetensors --lora adapter.safetensors:0.8; a run that trained an adapter draws with it by itself",
}));
