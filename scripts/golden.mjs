// @ts-check
// `npm run -s golden -- FOLDER`: runs every reference case that the folder holds, data or model side, one line each with
// the largest error and its limit. Ends with `N passed, N failed, N skipped` and fails when a case does.
import { existsSync, readdirSync, statSync } from "node:fs";
import { resolve } from "node:path";

/**
 * @typedef {object} GoldenCase
 * @property {string} name
 * @property {"passed" | "failed" | "skipped"} status
 * @property {string} detail
 * @property {number} [error]
 * @property {number} [limit]
 */

/** Who runs which files. A package is loaded only when the folder holds files for it: data sets need no native addon. */
const RUNNERS = [
  {
    package: "@hyfw/plugin-dataset-arrow",
    files: /^(source|index|pixels|buckets\.json|decoded\.json|items\.json|.+_arrow)/,
  },
  { package: "@hyfw/plugin-augmenter-caption", files: /^items\.json$/ },
  { package: "@hyfw/plugin-sampler-bucket", files: /^batches\.json$/ },
  {
    package: "@hyfw/plugin-model-hunyuan-dit",
    files: /^(dit_|rope_|init_|diffusion_|train_step_|sampler_|keys$|lora|ckpt$)/,
  },
  { package: "@hyfw/plugin-text-bert-mt5", files: /^(bert_|mt5_|tokenizer_|keys$)/ },
  { package: "@hyfw/plugin-latents-vae", files: /^(vae_|keys$)/ },
];

const [folder] = process.argv.slice(2).filter((word) => !word.startsWith("-"));
process.exitCode = folder === undefined ? usage() : await runFolder(resolve(folder));

function usage() {
  console.error("usage: npm run -s golden -- FOLDER");
  return 2;
}

/**
 * @param {string} path
 * @returns {Promise<number>} the exit code
 */
async function runFolder(path) {
  if (!existsSync(path) || !statSync(path).isDirectory()) {
    console.error(`there is no folder ${path}`);
    return 2;
  }
  const names = readdirSync(path);
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const runner of RUNNERS.filter(({ files }) => names.some((name) => files.test(name))))
    for await (const golden of casesOf(runner.package, path)) {
      counts[golden.status]++;
      console.log(line(golden));
    }
  const total = counts.passed + counts.failed + counts.skipped;
  if (total === 0) console.error(`${path} holds no reference cases`);
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed > 0 || total === 0 ? 1 : 0;
}

/**
 * @param {string} name
 * @param {string} path
 * @returns {AsyncGenerator<GoldenCase>}
 */
async function* casesOf(name, path) {
  try {
    const { goldenCases } = await import(name);
    yield* goldenCases(path, pipelineParts);
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    yield { name, status: "failed", detail: `stopped: ${what}` };
  }
}

/**
 * What cases of the whole pipeline take from several packages, none of which imports another.
 * @param {string} path
 */
async function pipelineParts(path) {
  const { referenceEncoders } = await import("@hyfw/plugin-text-bert-mt5");
  const { referenceLatents } = await import("@hyfw/plugin-latents-vae");
  return { textEncoders: await referenceEncoders(path), latents: await referenceLatents(path) };
}

/** @param {GoldenCase} golden */
function line({ name, status, detail, error, limit }) {
  const measured =
    error === undefined || limit === undefined
      ? ""
      : `error ${error.toExponential(2)} (limit ${limit.toExponential(0)}); `;
  return `${status.padEnd(7)}  ${name}  ${measured}${detail}`;
}
