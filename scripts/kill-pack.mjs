// @ts-check
// Packs a small set and kills the process with SIGKILL at a random moment, again and again: a pack that goes on after
// any number of kills must end with the same bytes as one that nobody stopped, every row in it once.
//   node scripts/kill-pack.mjs [--kills 1000] [--seed 1] [--rows 60]
import { fork } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { rngFromKey } from "@hyfw/core";
import { pack } from "@hyfw/plugin-dataset-arrow";
import sharp from "sharp";

/** A pack is killed again with this chance before it may end. */
const AGAIN = 0.5;
const settings = /** @type {const} */ ({ rowsPerShard: 7, duplicates: "content" });

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    rows: { type: "string", default: "60" },
    child: { type: "boolean", default: false },
  },
});

if (values.child) await child();
else await main();

async function main() {
  const folder = mkdtempSync(join(tmpdir(), "hyfw-kill-pack-"));
  try {
    const source = await makeSet(folder, Number(values.rows));
    const whole = join(folder, "whole");
    await pack({ source, out: whole, settings });
    const start = performance.now();
    await pack({ source, out: join(folder, "again"), settings });
    const took = performance.now() - start;
    const expected = contents(whole);
    checkRows(whole, Number(values.rows));
    const { uniform } = rngFromKey({ low: Number(values.seed), high: 0x6b696c6c });
    const out = join(folder, "killed");
    const tally = { kills: 0, ended: 0, packs: 0, faults: 0 };
    while (tally.kills < Number(values.kills)) {
      rmSync(out, { recursive: true, force: true });
      /** @type {number[]} */
      const moments = [];
      do {
        const moment = uniform() * 1.2 * took;
        moments.push(moment);
        const wasKilled = await killedAfter({ source, out, settings }, moment);
        tally[wasKilled ? "kills" : "ended"]++;
      } while (uniform() < AGAIN && tally.kills < Number(values.kills));
      await pack({ source, out, settings });
      tally.packs++;
      const found = contents(out);
      if (JSON.stringify(found) !== JSON.stringify(expected)) {
        tally.faults++;
        const names = new Set([...expected, ...found].map(([name]) => name));
        const of = (/** @type {[string, string][]} */ all, /** @type {string} */ name) =>
          new Map(all).get(name);
        const other = [...names].filter((name) => of(expected, name) !== of(found, name));
        const when = moments.map((ms) => ms.toFixed(1)).join(", ");
        console.error(`killed after ${when} ms: ${other.join(", ")} have other bytes`);
      }
      if (tally.packs % 100 === 0) console.log(JSON.stringify(tally));
    }
    console.log(
      `${tally.kills} kills (${tally.ended} packs ended first), ${tally.packs} packs gone on to the end, ${tally.faults} with other bytes`,
    );
    if (tally.faults > 0) process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Starts a pack in a process of its own and kills it so many milliseconds after it began.
 * @param {import("@hyfw/plugin-dataset-arrow").PackRequest} request
 * @param {number} ms
 * @returns {Promise<boolean>} whether it was killed before it ended
 */
async function killedAfter(request, ms) {
  const made = fork(fileURLToPath(import.meta.url), ["--child"], { stdio: "inherit" });
  const ended = new Promise((resolve) => made.on("exit", (code, signal) => resolve({ code, signal })));
  const ready = new Promise((resolve) => made.once("message", resolve));
  await ready;
  made.send(request);
  await Promise.race([setTimeout(ms), ended]);
  made.kill("SIGKILL");
  const { code, signal } = await ended;
  if (signal !== "SIGKILL" && code !== 0) throw new Error(`the pack failed with ${code}`);
  return signal === "SIGKILL";
}

async function child() {
  process.once("message", async (/** @type {any} */ request) => {
    await pack(request);
    process.exit(0);
  });
  process.send?.("ready");
}

/** @param {string} out @returns {[string, string][]} */
function contents(out) {
  return readdirSync(out)
    .sort()
    .map((name) => [
      name,
      createHash("sha256")
        .update(readFileSync(join(out, name)))
        .digest("hex"),
    ]);
}

/**
 * Every row has one line in the ledger, and those kept a place of their own.
 * @param {string} out @param {number} rows
 */
function checkRows(out, rows) {
  const lines = readFileSync(join(out, "ledger.jsonl"), "utf8").trimEnd().split("\n");
  const read = lines.map((line) => JSON.parse(line));
  const places = read.filter(({ shard }) => shard !== undefined).map(({ shard, at }) => `${shard} ${at}`);
  const numbers = new Set(read.map(({ row }) => row));
  if (numbers.size !== rows || new Set(places).size !== places.length)
    throw new Error(`${numbers.size} of ${rows} rows, ${new Set(places).size} places of ${places.length}`);
}

/**
 * Small JPEGs; some are twins, some cut short, so that every kind of row is there.
 * @param {string} folder @param {number} rows
 */
async function makeSet(folder, rows) {
  mkdirSync(join(folder, "p"));
  const lines = ["img_path,text_zh"];
  for (let i = 0; i < rows; i++) {
    const look = i % 10 === 9 ? i - 4 : i;
    const pixels = Buffer.from(
      Array.from({ length: 40 * 32 * 3 }, (_, k) => (k * (look + 3) * 7 + (k >> 5)) % 256),
    );
    const jpeg = await sharp(pixels, { raw: { width: 40, height: 32, channels: 3 } })
      .jpeg()
      .toBuffer();
    writeFileSync(join(folder, "p", `${i}.jpg`), i % 13 === 12 ? jpeg.subarray(0, jpeg.length - 150) : jpeg);
    lines.push(`p/${i}.jpg,"第 ${i} 张, 图"`);
  }
  const source = join(folder, "a.csv");
  writeFileSync(source, `${lines.join("\n")}\n`);
  return source;
}
