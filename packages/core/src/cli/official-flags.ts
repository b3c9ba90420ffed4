import type { HyfwError } from "../define-error.js";
import { flagRefused, flagUnknown } from "../errors/command-line.js";
import { suggest } from "../settings/suggest.js";
import type { FlagTable } from "./flags.js";
import { isFlag } from "./flags.js";

interface Refusal {
  readonly why: string;
  readonly todo: string;
}

const INFERENCE: Refusal = {
  why: "inference only; training does not read it",
  todo: "see hyfw sample --help for drawing pictures",
};
const ADAPTER: Refusal = {
  why: "for IP-Adapter or ControlNet only, which this version does not train",
  todo: "leave it out",
};
const NO_EFFECT: Refusal = { why: "has no effect in the official trainer either", todo: "leave it out" };
const DEEPSPEED: Refusal = {
  why: "steers DeepSpeed, which hyfw does not use",
  todo: "leave it out; sharding and offloading are plugins of hyfw",
};
const PYTHON: Refusal = {
  why: "steers Python's loader or garbage collector, which hyfw does not have",
  todo: "leave it out",
};
const missing = (what: string): Refusal => ({
  why: `needs a plugin that this version does not have (${what})`,
  todo: "leave it out, or add a plugin that declares this flag to plugins",
});
const declaredBy = (plugin: string): Refusal => ({
  why: `is an option of the plugin ${plugin}, which the settings do not load`,
  todo: `add ${plugin} to plugins, or start from a preset that has it: hyfw --preset base`,
});

/** Flags of the official trainer that the core's own settings do not declare, by why they may be refused. */
const REFUSALS: readonly (readonly [Refusal, string])[] = [
  [
    INFERENCE,
    "--seed --lora-ckpt --output-merge-path --prompt --dit-weight --load-key --cfg-scale --negative " +
      "--infer-mode --onnx-workdir --sampler --infer-steps --enhance --no-enhance --load-4bit --lang --server_name " +
      "--server_port --gradio_share --model_path --output_img_path",
  ],
  [
    ADAPTER,
    "--control-type --control-weight --condition-image-path --controlnet-weight --is-ipa --resume-ipa " +
      "--resume-ipa-root --ref-image-path --i-scale --uncond-p-img",
  ],
  [NO_EFFECT, "--sigma-small --model-var-type"],
  [
    DEEPSPEED,
    "--deepspeed --deepspeed_config --deepspeed-optimizer --local_rank --remote-device --zero-stage",
  ],
  [PYTHON, "--num-workers --gc-interval"],
  [declaredBy("accelerator-zero"), "--use-zero-stage"],
  [declaredBy("adapter-lora"), "--rank --target-modules"],
  [
    {
      why: "is decided by the plugins: with adapter-lora the adapter is trained, without it the whole model",
      todo: "use --preset lora, or leave it out",
    },
    "--training-parts",
  ],
  [
    {
      why: "sets the element type of three frozen networks at once",
      todo: "set plugins.text-bert-mt5.bertDtype and plugins.latents-vae.dtype to float16",
    },
    "--extra-fp16",
  ],
  [missing("restarting the data order"), "--reset-loader"],
  [missing("another dtype of the moving average"), "--ema-dtype --ema-reset-decay"],
  [declaredBy("accelerator-precision"), "--use-fp16 --no-fp16"],
  [declaredBy("accelerator-gradient-checkpointing"), "--gradient-checkpointing --gc-rate"],
  [declaredBy("accelerator-flash-attention"), "--use-flash-attn --no-flash-attn"],
  [declaredBy("accelerator-cpu-offload"), "--cpu-offloading"],
  [declaredBy("optimizer-adamw"), "--weight-decay"],
  [
    declaredBy("dataset-arrow"),
    "--index-file --image-size --multireso --reso-step --target-ratios --random-shrink-size-cond --merge-src-cond",
  ],
  [declaredBy("augmenter-crop-flip"), "--random-flip"],
  [
    declaredBy("model-hunyuan-dit"),
    "--model --qk-norm --norm --text-states-dim --text-len --text-states-dim-t5 --text-len-t5 --learn-sigma " +
      "--no-learn-sigma --predict-type --noise-schedule --beta-start --beta-end --mse-loss-weight-type --noise-offset " +
      "--use-style-cond --size-cond --rope-img --rope-real",
  ],
  [declaredBy("augmenter-caption"), "--uncond-p --uncond-p-t5"],
];

const OFFICIAL = new Map(
  REFUSALS.flatMap(([refusal, flags]) => flags.split(" ").map((flag) => [flag, refusal] as const)),
);

/** Why a flag that no loaded schema declares is refused: known from the official trainer, or a slip. */
export function refuseFlag(word: string, table: FlagTable): HyfwError {
  const flag = word.split("=", 1)[0] ?? word;
  const refusal = OFFICIAL.get(flag);
  if (refusal !== undefined) return flagRefused(flag, refusal.why, refusal.todo);
  return flagUnknown(flag, suggest(flag, [...table.keys(), ...OFFICIAL.keys()]), []);
}

/** One problem for each flag of `rest` that nobody declares; the words after such a flag belong to it. */
export function refuseRest(
  rest: readonly string[],
  table: FlagTable,
  onWord: (word: string) => HyfwError,
): HyfwError[] {
  const problems: HyfwError[] = [];
  let isAfterFlag = false;
  for (const word of rest) {
    if (isFlag(word)) {
      problems.push(refuseFlag(word, table));
      isAfterFlag = true;
    } else if (!isAfterFlag) problems.push(onWord(word));
  }
  return problems;
}

/** All flags of the official trainer that this file knows, for the test that none is forgotten. */
export const OFFICIAL_FLAGS: readonly string[] = [...OFFICIAL.keys()];
