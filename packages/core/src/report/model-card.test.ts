import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { parse } from "yaml";
import { encodePng } from "../run/png.js";
import type { RunRecord } from "../run/run-record.js";
import { licenseNotice, writeModelCard } from "./model-card.js";

const HUNYUAN = { "model-hunyuan-dit": { model: "DiT-g/2" } };
const RECORD: RunRecord = {
  format: "hyfw-run-1",
  name: "001-cats",
  created: "2026-01-01T00:00:00Z",
  status: "done",
  step: 40,
  lastStep: 40,
  settingsHash: "abc",
  settings: {
    run: { seed: 42 },
    train: { lr: 1e-4, batchSize: 2 },
    weights: { model: "/somewhere/else/base.safetensors" },
    plugins: { ...HUNYUAN, "adapter-lora": { rank: 8 } },
  },
  origins: {},
  versions: { hyfw: "0.1.0" },
  machine: {},
  data: [{ phase: "main", fingerprint: "f00d", length: 12 }],
  model: { version: "1.2" },
  unitSize: 2,
  plan: [],
  resumed: [],
};

t.test("a card that Hugging Face can read: front matter, terms, pictures, data", async (t) => {
  const runDir = t.testdir({});
  const folder = join(runDir, "samples", "step-000040");
  mkdirSync(folder, { recursive: true });
  const png = encodePng({ height: 1, width: 1, pixels: new Uint8Array(3) }, { prompt: "一只猫: a|b" });
  writeFileSync(join(folder, "01-一只猫.png"), png);
  writeModelCard(runDir, RECORD);
  const card = readFileSync(join(runDir, "README.md"), "utf8");
  const [, front = "", body = ""] = card.split(/^---$/m);
  const url = `samples/step-000040/${encodeURIComponent("01-一只猫.png")}`;
  t.match(parse(front), {
    pipeline_tag: "text-to-image",
    license: "other",
    tags: ["hyfw", "text-to-image", "diffusion", "lora"],
    widget: [{ text: "一只猫: a|b", output: { url } }],
  });
  t.match(body, /starting from `base\.safetensors`[\s\S]*Community License/);
  t.match(body, /12 rows, fingerprint f00d/);
  t.notMatch(card, /somewhere/, "no path of this machine");
});

t.test("terms of published weights hold only for what began with them", async (t) => {
  const weights = { model: "base.safetensors" };
  t.match(licenseNotice({ weights, plugins: HUNYUAN }), /Tencent Hunyuan Community License/);
  t.equal(licenseNotice({ plugins: HUNYUAN }), undefined, "from scratch");
  t.equal(licenseNotice({ weights, plugins: { "model-hunyuan-dit": { model: "custom" } } }), undefined);
  t.equal(licenseNotice({ weights, plugins: { "./other.ts": {} } }), undefined);
});
