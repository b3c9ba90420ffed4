import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  Binary,
  Bool,
  Dictionary,
  Float32,
  Float64,
  Int16,
  Int32,
  Int64,
  LargeBinary,
  LargeUtf8,
  Null,
  Uint8,
  Utf8,
} from "apache-arrow";
import t from "tap";
import { ArrowFile } from "./arrow-file.js";
import { arrowBytes, type TestColumns, writeArrow } from "./arrow-table.fixture.js";
import { batchCells, isValid } from "./batch-cells.js";

const big = 2n ** 40n;
const columns: TestColumns = {
  text_zh: { type: new Utf8(), batches: [["猫", null, ""], [], ["🐈 ".repeat(3), "x"]] },
  large: { type: new LargeUtf8(), batches: [["a", "bc", null], [], ["", "déf"]] },
  flag: { type: new Bool(), batches: [[true, false, null], [], [false, true]] },
  small: { type: new Int16(), batches: [[-3, 4, null], [], [5, -32768]] },
  byte: { type: new Uint8(), batches: [[255, 0, 1], [], [2, null]] },
  wide: { type: new Int64(), batches: [[-1n, big, null], [], [-big, 7n]] },
  score: { type: new Float64(), batches: [[1.5, Number.NaN, null], [], [-0.25, 1e300]] },
  half: { type: new Float32(), batches: [[1.5, null, 2], [], [-0.25, 3]] },
  none: { type: new Null(), batches: [[null, null, null], [], [null, null]] },
  tag: { type: new Dictionary(new Utf8(), new Int32()), batches: [["b", "a", null], [], ["b", "b"]] },
  image: {
    type: new Binary(),
    batches: [[Buffer.from([1, 2]), null, Buffer.alloc(0)], [], [Buffer.alloc(70_000, 7), Buffer.from([9])]],
  },
  more: {
    type: new LargeBinary(),
    batches: [[Buffer.from([5]), null, null], [], [Buffer.from([6, 7]), null]],
  },
};

function expected(name: string): unknown[] {
  const cells = columns[name].batches.flat();
  return cells.map((cell) =>
    typeof cell === "bigint" ? Number(cell) : cell instanceof Uint8Array ? Buffer.from(cell) : cell,
  );
}

for (const packed of [undefined, "lz4", "zstd"] as const)
  t.test(`cells and whole columns are what another writer wrote, ${packed ?? "not"} packed`, async (t) => {
    const path = join(t.testdir(), "a.arrow");
    const bytes = arrowBytes(columns, packed);
    writeFileSync(path, bytes);
    const file = await ArrowFile.open(path);
    t.teardown(() => file.close());
    t.same(
      file.batches.map(({ rows }) => rows),
      [3, 0, 2],
    );
    t.same(
      file.fields.map(({ name }) => name),
      Object.keys(columns),
    );
    t.equal(file.codec !== undefined, packed !== undefined);
    for (const name of Object.keys(columns)) {
      const column = file.column(name);
      const single: unknown[] = [];
      for (let row = 0; row < file.rows; row++) single.push(await column.cell(row));
      t.same(single, expected(name), `${name}, cell by cell`);
      const whole: unknown[] = [];
      for (const batch of file.batches) {
        const cells = batchCells(column, batch);
        for (let i = 0; i < batch.rows; i++) {
          if (cells.kind === "nulls" || !isValid(cells.valid, i)) whole.push(null);
          else if (cells.kind === "numbers")
            whole.push(name === "flag" ? cells.values[i] === 1 : cells.values[i]);
          else {
            const piece = Buffer.from(cells.bytes.subarray(cells.starts[i], cells.ends[i]));
            whole.push(name === "image" || name === "more" ? piece : piece.toString("utf8"));
          }
        }
      }
      t.same(whole, expected(name), `${name}, by batch`);
    }
    t.equal(await file.column("image").byteLength(3), 70_000);
  });

t.test("files that are none are refused by name, with what to do", async (t) => {
  const folder = t.testdir();
  const path = join(folder, "a.arrow");
  const refused = (message: RegExp) =>
    t.rejects(ArrowFile.open(path), { code: "HYFW_ARROW_UNREADABLE", message });
  await t.rejects(ArrowFile.open(join(folder, "gone.arrow")), { code: "HYFW_ARROW_UNREADABLE" });
  writeFileSync(path, "");
  await refused(/only 0 bytes/);
  writeArrow(path, columns);
  truncateSync(path, readFileSync(path).length - 7);
  await refused(/cut short/);
  writeFileSync(path, Buffer.alloc(500, 0xff));
  await refused(/Arrow stream/);
  writeFileSync(path, Buffer.alloc(500, 7));
  await refused(/wrong first bytes/);
});

t.test("a length that lies is an error, not an allocation", async (t) => {
  const path = join(t.testdir(), "a.arrow");
  const bytes = arrowBytes({ md5: { type: new Utf8(), batches: [["x".repeat(100)]] } });
  writeFileSync(path, bytes);
  const file = await ArrowFile.open(path);
  const { bodyAt, metadataAt, metadataBytes } = file.batches[0];
  const offsets = file.column("md5").bufferPlace(file.batches[0], 1).at;
  await file.close();
  const lying = Buffer.from(bytes);
  lying.writeInt32LE(0x7fffffff, offsets + 4);
  writeFileSync(path, lying);
  const open = await ArrowFile.open(path);
  await t.rejects(open.column("md5").cell(0), { code: "HYFW_ARROW_UNREADABLE", message: /2147483647 of 10/ });
  t.throws(() => batchCells(open.column("md5"), open.batches[0]), { code: "HYFW_ARROW_UNREADABLE" });
  await open.close();
  // Every 8 bytes of the batch's metadata that hold its one row, raised: rows, nodes and lengths no longer fit.
  let tried = 0;
  for (let at = metadataAt; at + 8 <= metadataAt + metadataBytes && at < bodyAt; at += 4) {
    if (bytes.readBigInt64LE(at) !== 1n) continue;
    const more = Buffer.from(bytes);
    more.writeBigInt64LE(2n ** 50n, at);
    writeFileSync(path, more);
    await t.rejects(ArrowFile.open(path), { code: "HYFW_ARROW_UNREADABLE" });
    tried++;
  }
  t.ok(tried >= 2, "the row count of the batch and of its column");
});

t.test("whole numbers beyond 2^53 and text that is not UTF-8 are errors with their row", async (t) => {
  const path = join(t.testdir(), "a.arrow");
  writeArrow(path, {
    n: { type: new Int64(), batches: [[1n, 2n ** 60n]] },
    s: { type: new Binary(), batches: [[Buffer.from([1]), Buffer.from([0xff])]] },
  });
  const file = await ArrowFile.open(path);
  t.teardown(() => file.close());
  await t.rejects(file.column("n").cell(1), { code: "HYFW_ARROW_ROW", message: /row 1/ });
  t.throws(() => batchCells(file.column("n"), file.batches[0]), {
    code: "HYFW_ARROW_COLUMN",
    message: /2\^53/,
  });
});

t.test("any number of files can be open at a time", async (t) => {
  const folder = t.testdir();
  const files: ArrowFile[] = [];
  for (let i = 0; i < 450; i++) {
    const path = join(folder, `${i}.arrow`);
    writeArrow(path, { n: { type: new Int32(), batches: [[i]] } });
    files.push(await ArrowFile.open(path));
  }
  t.teardown(() => Promise.all(files.map((file) => file.close())));
  if (existsSync("/proc/self/fd"))
    t.ok(readdirSync("/proc/self/fd").length < 300, "few of them hold a descriptor");
  const values = await Promise.all(files.map((file) => file.column("n").cell(0)));
  t.same(
    values,
    Array.from({ length: 450 }, (_, i) => i),
  );
  writeArrow(join(folder, "3.arrow"), { n: { type: new Int32(), batches: [[1, 2, 3]] } });
  await Promise.all(files.slice(200).map((file) => file.column("n").cell(0)));
  t.throws(() => files[3].file.readSync(0, 8), /changed by someone else/);
});
