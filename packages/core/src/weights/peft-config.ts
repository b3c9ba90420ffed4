/** One adapted layer, as its configuration names it. */
export interface PeftLayer {
  /** The layer's name, without `.weight`. */
  readonly module: string;
  readonly rank: number;
}

/**
 * The adapter_config.json of peft's LoRA. Layers of another rank than `rank` are listed with alpha in proportion.
 * @param targets names of layers, whole or their ends
 */
export function peftConfig(
  layers: readonly PeftLayer[],
  {
    rank,
    alpha,
    targets,
  }: { readonly rank: number; readonly alpha: number; readonly targets: readonly string[] },
): string {
  const others = layers.filter((layer) => layer.rank !== rank);
  const config = {
    peft_type: "LORA",
    base_model_name_or_path: null,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    lora_alpha: alpha,
    lora_dropout: 0,
    r: rank,
    rank_pattern: Object.fromEntries(others.map((layer) => [layer.module, layer.rank])),
    alpha_pattern: Object.fromEntries(others.map((layer) => [layer.module, (layer.rank * alpha) / rank])),
    target_modules: targets,
    use_dora: false,
    use_rslora: false,
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
