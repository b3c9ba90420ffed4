// @ts-check
// BERT, the mT5 encoder and the VAE of hyfw against the same networks in PyTorch eager, on the same libtorch and the
// same weights, taking turns in one run. Widths are those of the release, layers fewer.
//   node benchmarks/encoders.mjs [--only bert|mt5|vae-encode|vae-decode] [--threads 1] [--rounds 5] [--out FILE]
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { diceKey } from "@hyfw/core";
import {
  fromTypedArray,
  keyedNormal,
  linearKernel,
  noGrad,
  setThreads,
  tidy,
  torchVersion,
  writeSafetensors,
} from "@hyfw/native";
import latentsVae, { VaeOptions } from "@hyfw/plugin-latents-vae";
import textBertMt5, { BertMt5Options } from "@hyfw/plugin-text-bert-mt5";
import { readRecord, recordPath } from "../scripts/setup/native-record.mjs";
import { root } from "../scripts/setup/paths.mjs";
import { startPython } from "./python-side.mjs";

/** @typedef {import("@hyfw/native").Tensor} Tensor */

const VOCABULARY = 700;
const bertConfig = {
  vocab_size: VOCABULARY,
  hidden_size: 1024,
  num_hidden_layers: 4,
  num_attention_heads: 16,
  intermediate_size: 4096,
  max_position_embeddings: 512,
  layer_norm_eps: 1e-12,
};
const mt5Config = {
  vocab_size: VOCABULARY,
  d_model: 2048,
  d_kv: 64,
  d_ff: 5120,
  num_layers: 2,
  num_heads: 32,
  feed_forward_proj: "gated-gelu",
  layer_norm_epsilon: 1e-6,
};
const smallBert = {
  ...bertConfig,
  hidden_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 16,
};
const smallMt5 = { ...mt5Config, d_model: 16, d_kv: 8, d_ff: 16, num_layers: 1, num_heads: 2 };
const vaeConfig = {
  block_out_channels: [128, 256, 512, 512],
  layers_per_block: 2,
  norm_num_groups: 32,
  latent_channels: 4,
  scaling_factor: 0.13025,
};
const CAPTION = "一只小猫坐在窗台上，水彩风格";

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    threads: { type: "string", default: "1" },
    rounds: { type: "string", default: "5" },
    side: { type: "string", default: "128" },
    out: { type: "string" },
  },
});
const threads = Number(values.threads);
const side = Number(values.side);
setThreads(threads);
const prefix = readRecord(recordPath(root))?.torch.prefix ?? "";
const folder = mkdtempSync(join(tmpdir(), "hyfw-encoders-"));
/** @type {(() => Promise<object | undefined>)[]} */
const jobs = [
  () => text("bert", bertConfig, smallMt5),
  () => text("mt5", smallBert, mt5Config),
  () => vae("vae-encode"),
  () => vae("vae-decode"),
];
const results = [];
try {
  for (const job of jobs) {
    const result = await job();
    if (result !== undefined) results.push(result);
  }
} finally {
  rmSync(folder, { recursive: true });
}
const record = {
  date: new Date().toISOString().slice(0, 10),
  cpu: cpus()[0]?.model,
  cores: cpus().length,
  threads,
  libtorch: torchVersion(),
  linear: linearKernel(),
  results,
};
if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(record, null, 2)}\n`);

/**
 * Both encoders as a run has them; the other one is so small that it takes no time.
 * @param {"bert" | "mt5"} kind
 * @param {object} bert
 * @param {object} mt5
 */
async function text(kind, bert, mt5) {
  if (values.only !== undefined && values.only !== kind) return undefined;
  const place = join(folder, kind);
  const parts = { bert: join(place, "bert"), mt5: join(place, "mt5") };
  writeNetwork(parts.bert, bert, bertShapes(bert));
  writeNetwork(parts.mt5, mt5, mt5Shapes(mt5));
  const golden = join(root, "test", "golden", "model");
  copyFileSync(join(golden, "tokenizer_mt5", "spiece.model"), join(parts.mt5, "spiece.model"));
  writeFileSync(join(parts.mt5, "tokenizer_config.json"), '{"extra_ids": 0}');
  const options = BertMt5Options.parse({
    ...parts,
    bertTokenizer: join(golden, "tokenizer_bert"),
    mt5Tokenizer: parts.mt5,
  });
  const hook = await provided(textBertMt5, options);
  const encoder = hook.build({ device: "cpu", seed: 0 });
  const tokens = encoder.tokenize([CAPTION, ""], [CAPTION, ""], true);
  const [ids, mask] =
    kind === "bert" ? [tokens.inputIds, tokens.attentionMask] : [tokens.inputIdsT5, tokens.attentionMaskT5];
  const run = () => {
    const states = encoder.segment.run({ ...tokens });
    return kind === "bert" ? states.textStates : states.textStatesT5;
  };
  return compare(kind, run, {
    weights: join(parts[kind], "model.safetensors"),
    config: kind === "bert" ? bert : mt5,
    inputs: { ids: ids.to({ dtype: "float32" }), mask: mask.to({ dtype: "float32" }) },
  });
}

/** @param {"vae-encode" | "vae-decode"} kind */
async function vae(kind) {
  if (values.only !== undefined && values.only !== kind) return undefined;
  const place = join(folder, kind);
  writeNetwork(place, vaeConfig, vaeShapes());
  const codec = await provided(latentsVae, VaeOptions.parse({ folder: place }));
  const keys = [diceKey(1, 0, "a", "x")];
  const images = random("images", [1, 3, side, side]);
  const noise = keyedNormal(keys, [4, side / 8, side / 8]);
  const latents = random("latents", [1, 4, side / 8, side / 8]);
  const run = () => (kind === "vae-encode" ? codec.encode(images, keys) : codec.decode(latents));
  return compare(kind, run, {
    weights: join(place, "model.safetensors"),
    config: vaeConfig,
    inputs: { images, noise, latents },
  });
}

/**
 * What a plugin provides, set up as a run does it.
 * @param {any} plugin
 * @param {object} options
 * @returns {Promise<any>}
 */
async function provided(plugin, options) {
  let found;
  await plugin.setup({
    options,
    seed: 0,
    modelRoot: folder,
    provide: (/** @type {unknown} */ _token, /** @type {unknown} */ value) => {
      found = value;
    },
    onClose: () => undefined,
  });
  return found;
}

/**
 * @param {string} kind
 * @param {() => Tensor} run
 * @param {{ weights: string, config: object, inputs: Record<string, Tensor> }} given
 */
async function compare(kind, run, { weights, config, inputs }) {
  const inputFile = join(folder, `${kind}.safetensors`);
  writeSafetensors(inputFile, inputs);
  const python = await pythonSide({ kind, threads, weights, config, inputs: inputFile });
  const own = tidy(() => {
    const out = run();
    return { shape: out.shape, sum: out.to({ dtype: "float64" }).abs().sum().item() };
  });
  const difference = Math.abs(own.sum - python.sum) / python.sum;
  if (own.shape.join() !== python.shape.join() || !(difference < 1e-5))
    throw new Error(`${kind}: ${JSON.stringify(own)} here, ${JSON.stringify(python)} in Python`);
  /** @type {number[]} */ const ours = [];
  /** @type {number[]} */ const theirs = [];
  turn(run, 1);
  await python.turn(1);
  for (let round = 0; round < Number(values.rounds); round++) {
    ours.push(...turn(run, 2));
    theirs.push(...(await python.turn(2)));
  }
  python.end();
  const [a, b] = [Math.min(...ours), Math.min(...theirs)];
  const result = {
    kind,
    ownMs: round4(a),
    pythonMs: round4(b),
    ratio: round4(a / b),
    medianRatio: round4(median(ours) / median(theirs)),
    difference,
  };
  console.log(
    `${kind.padEnd(10)}  hyfw ${result.ownMs} ms, PyTorch ${result.pythonMs} ms, ratio ${result.ratio} (of medians ${result.medianRatio})`,
  );
  return result;
}

/** @param {() => Tensor} run @param {number} count */
function turn(run, count) {
  return Array.from({ length: count }, () => {
    const start = performance.now();
    noGrad(() => run()).dispose();
    return performance.now() - start;
  });
}

/** @param {object} job */
async function pythonSide(job) {
  const { facts, turn, end } = await startPython("encoders.py", job, prefix);
  return { .../** @type {{ shape: number[], sum: number }} */ (facts), turn, end };
}

/** @param {string} place @param {object} config @param {Record<string, number[]>} shapes */
function writeNetwork(place, config, shapes) {
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, "config.json"), JSON.stringify(config));
  tidy(() => {
    const named = Object.entries(shapes).map(([name, shape]) => [name, firstNumbers(name, shape)]);
    writeSafetensors(join(place, "model.safetensors"), Object.fromEntries(named));
  });
}

/** Norms 1, biases 0, matrices and kernels of a spread that keeps that of their input. @param {string} name @param {number[]} shape */
function firstNumbers(name, shape) {
  if (shape.length === 1) {
    const isNorm = name.endsWith("weight");
    return fromTypedArray(new Float32Array(shape[0] ?? 0).fill(isNorm ? 1 : 0), shape);
  }
  const isTable = /embed|shared|relative/.test(name);
  const fanIn = shape.slice(1).reduce((product, size) => product * size, 1);
  return random(name, shape).mul(isTable ? 0.5 : 1 / Math.sqrt(fanIn));
}

/** @param {string} name @param {number[]} shape */
function random(name, shape) {
  return keyedNormal([diceKey(1, 0, name, "benchmark")], shape).reshape(shape);
}

/** @param {any} config @returns {Record<string, number[]>} */
function bertShapes({
  vocab_size,
  hidden_size: width,
  num_hidden_layers,
  intermediate_size: inner,
  max_position_embeddings,
}) {
  /** @type {Record<string, number[]>} */
  const shapes = {
    "embeddings.word_embeddings.weight": [vocab_size, width],
    "embeddings.position_embeddings.weight": [max_position_embeddings, width],
    "embeddings.token_type_embeddings.weight": [2, width],
  };
  const both = (/** @type {string} */ name, /** @type {number[]} */ shape) => {
    shapes[`${name}.weight`] = shape;
    shapes[`${name}.bias`] = [shape[0] ?? 0];
  };
  both("embeddings.LayerNorm", [width]);
  for (let i = 0; i < num_hidden_layers; i++) {
    const at = `encoder.layer.${i}.`;
    for (const name of ["self.query", "self.key", "self.value", "output.dense"])
      both(`${at}attention.${name}`, [width, width]);
    both(`${at}attention.output.LayerNorm`, [width]);
    both(`${at}intermediate.dense`, [inner, width]);
    both(`${at}output.dense`, [width, inner]);
    both(`${at}output.LayerNorm`, [width]);
  }
  return shapes;
}

/** @param {any} config @returns {Record<string, number[]>} */
function mt5Shapes({ vocab_size, d_model, d_kv, d_ff, num_layers, num_heads }) {
  const inner = d_kv * num_heads;
  /** @type {Record<string, number[]>} */
  const shapes = { "shared.weight": [vocab_size, d_model], "encoder.final_layer_norm.weight": [d_model] };
  shapes["encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"] = [32, num_heads];
  for (let i = 0; i < num_layers; i++) {
    const at = `encoder.block.${i}.layer.`;
    for (const name of ["q", "k", "v"]) shapes[`${at}0.SelfAttention.${name}.weight`] = [inner, d_model];
    shapes[`${at}0.SelfAttention.o.weight`] = [d_model, inner];
    for (const layer of [0, 1]) shapes[`${at}${layer}.layer_norm.weight`] = [d_model];
    for (const name of ["wi_0", "wi_1"]) shapes[`${at}1.DenseReluDense.${name}.weight`] = [d_ff, d_model];
    shapes[`${at}1.DenseReluDense.wo.weight`] = [d_model, d_ff];
  }
  return shapes;
}

/** @returns {Record<string, number[]>} */
function vaeShapes() {
  const { block_out_channels: widths, layers_per_block: layers, latent_channels: latents } = vaeConfig;
  /** @type {Record<string, number[]>} */
  const shapes = {};
  const both = (/** @type {string} */ name, /** @type {number[]} */ shape) => {
    shapes[`${name}.weight`] = shape;
    shapes[`${name}.bias`] = [shape[0] ?? 0];
  };
  const res = (/** @type {string} */ at, /** @type {number} */ from, /** @type {number} */ to) => {
    both(`${at}.norm1`, [from]);
    both(`${at}.conv1`, [to, from, 3, 3]);
    both(`${at}.norm2`, [to]);
    both(`${at}.conv2`, [to, to, 3, 3]);
    if (from !== to) both(`${at}.conv_shortcut`, [to, from, 1, 1]);
  };
  const half = (
    /** @type {"encoder" | "decoder"} */ name,
    /** @type {number[]} */ order,
    /** @type {number} */ count,
  ) => {
    const isEncoder = name === "encoder";
    const [first = 0] = order;
    const last = order.at(-1) ?? 0;
    both(`${name}.conv_in`, [first, isEncoder ? 3 : latents, 3, 3]);
    order.forEach((to, i) => {
      const block = `${name}.${isEncoder ? "down" : "up"}_blocks.${i}`;
      for (let j = 0; j < count; j++)
        res(`${block}.resnets.${j}`, j === 0 ? (order[i - 1] ?? first) : to, to);
      if (i < order.length - 1) both(`${block}.${isEncoder ? "down" : "up"}samplers.0.conv`, [to, to, 3, 3]);
    });
    const wide = isEncoder ? last : first;
    for (const j of [0, 1]) res(`${name}.mid_block.resnets.${j}`, wide, wide);
    both(`${name}.mid_block.attentions.0.group_norm`, [wide]);
    for (const part of ["to_q", "to_k", "to_v", "to_out.0"])
      both(`${name}.mid_block.attentions.0.${part}`, [wide, wide]);
    both(`${name}.conv_norm_out`, [last]);
    both(`${name}.conv_out`, [isEncoder ? 2 * latents : 3, last, 3, 3]);
  };
  half("encoder", widths, layers);
  half("decoder", [...widths].reverse(), layers + 1);
  both("quant_conv", [2 * latents, 2 * latents, 1, 1]);
  both("post_quant_conv", [latents, latents, 1, 1]);
  return shapes;
}

/** @param {number[]} numbers */
function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** @param {number} number */
function round4(number) {
  return Number(number.toPrecision(4));
}
