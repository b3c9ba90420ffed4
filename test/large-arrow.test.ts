import { statSync } from "node:fs";
import { join } from "node:path";
import { DatasetOptions, openDataset } from "@hyfw/plugin-dataset-arrow";
import t from "tap";
import { writeSparseShard } from "../scripts/sparse-shards.mjs";

t.test("a shard with more than 4 GiB in one batch is read at its end as at its beginning", async (t) => {
  const folder = t.testdir();
  const path = join(folder, "large.arrow");
  const rows = 5000;
  const imageBytes = 1_000_000;
  writeSparseShard(path, { rows, imageBytes });
  t.ok(statSync(path).size > 2 ** 32);
  const before = process.memoryUsage.rss();
  const dataset = await openDataset(
    { name: "large", options: {} },
    DatasetOptions.parse({ arrowFiles: [path] }),
  );
  t.teardown(() => dataset.close());
  t.equal(dataset.length, rows);
  const [first, last] = [await dataset.row(0), await dataset.row(rows - 1)];
  t.match(first, { rowInFile: 0, imageBytes, texts: { text_zh: /^第0张/ } });
  t.match(last, { rowInFile: rows - 1, imageBytes, texts: { text_zh: /^第4999张/ } });
  t.not(first.id, last.id);
  const growth = process.memoryUsage.rss() - before;
  t.ok(growth < 200 * 2 ** 20, `${growth} bytes: the pictures are not read`);
});

t.test("the pictures of the last rows lie where they should, beyond 4 GiB", async (t) => {
  const path = join(t.testdir(), "large.arrow");
  writeSparseShard(path, { rows: 5000, imageBytes: 1_000_000 });
  const dataset = await openDataset(
    { name: "large", options: {} },
    DatasetOptions.parse({ arrowFiles: [path] }),
  );
  t.teardown(() => dataset.close());
  const row = await dataset.row(4999);
  const geometry = dataset.geometry(row, { height: 1024, width: 1024 });
  // The picture is a hole: a million zeros, which no decoder takes. The error names the row and is not one of reading.
  await t.rejects(dataset.readPixels(row, geometry, new Uint8Array(1024 * 1024 * 3)), {
    code: "HYFW_ARROW_ROW",
    message: /row 4999: its picture cannot be used/,
  });
});
