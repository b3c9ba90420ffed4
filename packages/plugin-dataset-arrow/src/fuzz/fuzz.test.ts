import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HyfwError } from "@hyfw/core";
import { Binary, Bool, Dictionary, Float64, Int32, Int64, Utf8 } from "apache-arrow";
import t, { type Test } from "tap";
import { ArrowFile } from "../arrow/arrow-file.js";
import { arrowBytes, type TestColumns } from "../arrow/arrow-table.fixture.js";
import { batchCells, isValid } from "../arrow/batch-cells.js";
import { readIndex, writeIndex } from "../index-build/index-file.js";
import { readBaseYaml } from "../index-build/read-base-yaml.js";
import { readMultiresoYaml } from "../index-build/read-multireso-yaml.js";
import { mutate } from "./mutate.fixture.js";

// HYFW_FUZZ=20000 tries that many mutants of every kind together; without it a few, so that the test takes seconds.
const COUNT = Number(process.env.HYFW_FUZZ ?? 1600);
const SEED = Number(process.env.HYFW_FUZZ_SEED ?? 1);
/** One mutant may take this long and the whole process this much memory: nothing may hang or believe a lying length. */
const MOST_MS = 2000;
const MOST_BYTES = 700 * 2 ** 20;

interface Tally {
  refused: number;
  equal: number;
  other: number;
}

/**
 * Reads mutants of one input. Every one must be refused by an error of hyfw's own, or be read: then `read` itself
 * checks that what it gives is consistent.
 */
async function fuzz(
  t: Pick<Test, "ok" | "fail">,
  name: string,
  { original, share, read }: { original: Buffer; share: number; read: (bytes: Buffer) => Promise<string> },
): Promise<void> {
  const tally: Tally = { refused: 0, equal: 0, other: 0 };
  const expected = await read(original);
  for (let i = 0; i < COUNT * share; i++) {
    const seed = SEED * 1_000_003 + i;
    const start = performance.now();
    try {
      const found = await read(mutate(original, seed));
      tally[found === expected ? "equal" : "other"]++;
    } catch (error) {
      if (!(error instanceof HyfwError)) {
        t.fail(`${name}, mutant ${seed}: ${error instanceof Error ? error.stack : String(error)}`);
        return;
      }
      tally.refused++;
    }
    const ms = performance.now() - start;
    if (ms > MOST_MS) t.fail(`${name}, mutant ${seed} took ${ms.toFixed(0)} ms`);
    if (i % 200 === 0 && process.memoryUsage.rss() > MOST_BYTES)
      t.fail(`${name}, near mutant ${seed}: ${process.memoryUsage.rss()} bytes`);
  }
  t.ok(tally.refused > 0, `${name}: ${JSON.stringify(tally)}`);
}

const columns: TestColumns = {
  text_zh: {
    type: new Utf8(),
    batches: [
      ["猫", null, "a dog"],
      ["", "鱼"],
    ],
  },
  md5: {
    type: new Utf8(),
    batches: [
      ["a".repeat(32), "b".repeat(32), null],
      ["c".repeat(32), "d".repeat(32)],
    ],
  },
  width: {
    type: new Int64(),
    batches: [
      [100n, 200n, null],
      [300n, 400n],
    ],
  },
  height: {
    type: new Int32(),
    batches: [
      [1, 2, 3],
      [4, 5],
    ],
  },
  score: {
    type: new Float64(),
    batches: [
      [0.5, null, 2],
      [3, 4],
    ],
  },
  flag: {
    type: new Bool(),
    batches: [
      [true, null, false],
      [true, true],
    ],
  },
  tag: {
    type: new Dictionary(new Utf8(), new Int32()),
    batches: [
      ["x", "y", null],
      ["x", "x"],
    ],
  },
  image: {
    type: new Binary(),
    batches: [
      [Buffer.alloc(50, 1), null, Buffer.alloc(9)],
      [Buffer.from([7]), Buffer.alloc(0)],
    ],
  },
};

/** Every cell, read one by one and by batch: both ways must tell the same. */
async function readArrow(path: string): Promise<string> {
  const file = await ArrowFile.open(path);
  try {
    const all: unknown[] = [];
    for (const { name } of file.fields) {
      const column = file.column(name);
      for (const batch of file.batches) {
        const cells = batchCells(column, batch);
        for (let i = 0; i < batch.rows; i++) {
          const cell = await column.cell(batch.firstRow + i);
          let whole: unknown = null;
          if (cells.kind === "numbers" && isValid(cells.valid, i))
            whole = typeof cell === "boolean" ? cells.values[i] === 1 : cells.values[i];
          if (cells.kind === "texts" && isValid(cells.valid, i)) {
            const bytes = Buffer.from(cells.bytes.subarray(cells.starts[i], cells.ends[i]));
            whole = typeof cell === "string" ? bytes.toString("utf8") : bytes.toString("hex");
          }
          const single = cell instanceof Uint8Array ? Buffer.from(cell).toString("hex") : cell;
          if (!Object.is(single, whole))
            throw new Error(`${name}, row ${i}: ${String(single)}, by batch ${String(whole)}`);
          all.push(single);
        }
      }
    }
    return JSON.stringify([file.fields.map(({ name, type }) => [name, type]), all]);
  } finally {
    await file.close();
  }
}

for (const packed of [undefined, "lz4", "zstd"] as const)
  t.test(
    `mutated Arrow files, ${packed ?? "not"} packed: an error or cells that agree with each other`,
    async (t) => {
      const path = join(t.testdir(), "a.arrow");
      const read = (bytes: Buffer) => {
        writeFileSync(path, bytes);
        return readArrow(path);
      };
      await fuzz(t, `Arrow ${packed ?? ""}`, { original: arrowBytes(columns, packed), share: 0.2, read });
    },
  );

t.test("mutated index JSON and npz: an error or rows in order and in range", async (t) => {
  const folder = t.testdir();
  const path = join(folder, "i.json");
  const npz = join(folder, "i.index.npz");
  const read = async (): Promise<string> => {
    const index = await readIndex(path);
    const total = index.cumLength.at(-1) ?? 0;
    for (const rows of index.rows.values())
      for (let i = 0; i < rows.length; i++)
        if (!Number.isInteger(rows[i]) || rows[i] < 0 || rows[i] >= total || rows[i] < (rows[i - 1] ?? 0))
          throw new Error(`row ${rows[i]} of ${total}`);
    return JSON.stringify([
      index.arrowFiles,
      index.cumLength,
      [...index.rows].map(([key, rows]) => [key, Array.from(rows)]),
    ]);
  };
  const facts = {
    dataType: ["width>=3 (default=0)"],
    configFile: "",
    arrowFiles: ["a.arrow", "b.arrow"],
    cumLength: [50, 120],
  };
  await writeIndex(path, { ...facts, rows: new Map([["", [0, 1, 1, 49, 50, 119]]]) });
  await fuzz(t, "base JSON", {
    original: readFileSync(path),
    share: 0.15,
    read: (bytes) => {
      writeFileSync(path, bytes);
      return read();
    },
  });
  await writeIndex(path, {
    ...facts,
    rows: new Map([
      ["512x512", [0, 1, 60]],
      ["288x512", [5, 70, 71, 71, 119]],
    ]),
  });
  const json = readFileSync(path);
  const arrays = readFileSync(npz);
  await fuzz(t, "bucket JSON", {
    original: json,
    share: 0.1,
    read: (bytes) => {
      writeFileSync(path, bytes);
      return read();
    },
  });
  writeFileSync(path, json);
  await fuzz(t, "npz", {
    original: arrays,
    share: 0.1,
    read: (bytes) => {
      writeFileSync(npz, bytes);
      return read();
    },
  });
});

t.test("mutated YAML: an error that names a place, or a recipe", async (t) => {
  const base = `a: &f {name: width, type: int, action: ge, target: 0400, default: 0}
source:
  - data/*.arrow
  - more.arrow: {repeat: 2, exclude: ['0']}
filter:
  column:
    - *f
    - logical_or: [{<<: *f, name: height}, {name: s, type: str, action: contains, target: "a|b", default: ""}]
  md5:
    - {name: 清单, path: [a.txt], type: list, action: in, is_valid: yes}
repeater:
  arrow_file_keyword: [{repeat: 3, keyword: ["x"]}]
remove_md5_dup: off
`;
  await fuzz(t, "base YAML", {
    original: Buffer.from(base),
    share: 0.03 + 0.02,
    read: async (bytes) => JSON.stringify(readBaseYaml(bytes.toString("utf8"), "base.yaml").recipe),
  });
  await fuzz(t, "multireso YAML", {
    original: Buffer.from(
      'src: [a.json, b.json]\nbase_size: 1024\ntarget_ratios: ["1:1", "3:4"]\nmin_size: 64\nalign: 16\n',
    ),
    share: 0.05,
    read: async (bytes) => JSON.stringify(readMultiresoYaml(bytes.toString("utf8"), "multireso.yaml").given),
  });
});
