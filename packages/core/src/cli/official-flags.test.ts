import t from "tap";
import { listOptions } from "../settings/options.js";
import { SettingsSchema } from "../settings/schema.js";
import { flagTable } from "./flags.js";
import { OFFICIAL_FLAGS, refuseFlag, refuseRest } from "./official-flags.js";

const table = flagTable(listOptions(SettingsSchema));

/** Every argument of the official trainer's parser, which is shared with its sampling and demo programs. */
const OFFICIAL = `
  task-flag batch-size seed use-fp16 no-fp16 extra-fp16 model image-size qk-norm norm text-states-dim text-len
  text-states-dim-t5 text-len-t5 training-parts rank lora-ckpt target-modules output-merge-path control-type
  control-weight condition-image-path is-ipa resume-ipa resume-ipa-root ref-image-path i-scale learn-sigma
  no-learn-sigma predict-type noise-schedule beta-start beta-end sigma-small mse-loss-weight-type model-var-type
  noise-offset prompt model-root dit-weight controlnet-weight load-key use-style-cond size-cond target-ratios cfg-scale
  negative infer-mode onnx-workdir sampler infer-steps enhance no-enhance load-4bit lang lr epochs max-training-steps
  gc-interval log-every ckpt-every ckpt-latest-every ckpt-every-n-epoch num-workers global-seed warmup-min-lr
  warmup-num-steps weight-decay rope-img rope-real uncond-p uncond-p-t5 uncond-p-img results-dir resume
  resume-module-root resume-ema-root no-strict index-file random-flip reset-loader multireso reso-step
  random-shrink-size-cond merge-src-cond use-ema ema-dtype ema-decay ema-warmup ema-warmup-power ema-reset-decay
  use-flash-attn no-flash-attn use-zero-stage grad-accu-steps gradient-checkpointing gc-rate cpu-offloading
  save-optimizer-state deepspeed deepspeed_config local_rank deepspeed-optimizer remote-device zero-stage server_name
  server_port gradio_share model_path output_img_path`
  .trim()
  .split(/\s+/)
  .map((name) => `--${name}`);

t.test("every official flag is a setting of the core, or is refused with a reason", async (t) => {
  for (const flag of OFFICIAL) {
    const isCore = table.has(flag);
    t.not(isCore, OFFICIAL_FLAGS.includes(flag), `${flag} is in exactly one of the two`);
    if (!isCore) t.equal(refuseFlag(flag, table).code, "HYFW_USAGE_OFFICIAL_FLAG", flag);
  }
  for (const flag of OFFICIAL_FLAGS) t.ok(OFFICIAL.includes(flag), `${flag} is official`);
});

t.test("a refusal says which of the reasons it is", async (t) => {
  const message = (flag: string) => refuseFlag(flag, table).message;
  t.match(message("--cfg-scale"), /inference only[\s\S]*hyfw sample/);
  t.match(message("--i-scale=2"), /IP-Adapter or ControlNet only/);
  t.match(message("--sigma-small"), /no effect in the official trainer[\s\S]*leave it out/);
  t.match(message("--reset-loader"), /plugin that this version does not have \(restarting the data order\)/);
  t.match(message("--use-zero-stage"), /accelerator-zero, which the settings do not load/);
  t.match(message("--image-size"), /dataset-arrow, which the settings do not load/);
});

t.test("a slip is met with the nearest flag, and its words are not refused one by one", async (t) => {
  t.match(refuseFlag("--epoch", table).message, /no flag --epoch; did you mean --epochs\?/);
  const onWord = (word: string) => refuseFlag(`--word-${word}`, table);
  t.equal(refuseRest(["--imagesize", "1024", "1024"], table, onWord).length, 1);
  t.match(refuseRest(["stray"], table, onWord)[0]?.message, /--word-stray/);
});
