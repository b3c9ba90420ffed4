import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TextEncoderHook, z } from "@hyfw/core";
import { load } from "@hyfw/core/golden";
import { openSafetensors, type Tensor, tidy, writeSafetensors } from "@hyfw/native";
import { frozenEncoders } from "../encoders.js";
import { BertMt5Options } from "../options.js";

const Pipeline = z.object({
  bert_config: z.record(z.string(), z.unknown()),
  mt5_config: z.record(z.string(), z.unknown()),
  bert_max_length: z.number(),
  mt5_max_length: z.number(),
});

/**
 * The encoders of `sampler_pipeline_e2e`, written out as the folders of a release and opened from there like any
 * other, so that the whole way from a folder to states is what is compared.
 */
export function openReferenceEncoders(folder: string): TextEncoderHook {
  const facts = load(folder, "sampler_pipeline_e2e.json", Pipeline);
  if (facts === undefined) throw new Error(`${folder} has no sampler_pipeline_e2e.json`);
  const root = mkdtempSync(join(tmpdir(), "hyfw-encoders-"));
  // Weights stay mapped until the process ends.
  process.once("exit", () => rmSync(root, { recursive: true, force: true }));
  const tensors = openSafetensors(join(folder, "sampler_pipeline_e2e.safetensors"));
  for (const [part, config] of [
    ["bert", facts.bert_config],
    ["mt5", facts.mt5_config],
  ] as const) {
    mkdirSync(join(root, part));
    writeFileSync(join(root, part, "config.json"), JSON.stringify(config));
    const prefix = `${part}.`;
    const own = tensors.names().filter((name) => name.startsWith(prefix));
    tidy(() => {
      const named = own.map((name): [string, Tensor] => [name.slice(prefix.length), tensors.get(name)]);
      writeSafetensors(join(root, part, "model.safetensors"), Object.fromEntries(named));
    });
  }
  const options = BertMt5Options.parse({
    bert: join(root, "bert"),
    mt5: join(root, "mt5"),
    bertTokenizer: join(folder, "tokenizer_bert"),
    mt5Tokenizer: join(folder, "tokenizer_mt5"),
    textLen: facts.bert_max_length,
    textLenT5: facts.mt5_max_length,
  });
  return frozenEncoders(options, root).hook;
}
