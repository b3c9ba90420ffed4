import t from "tap";
import { CsvSplitter } from "./csv-rows.js";
import { type CsvRow, tableOf } from "./csv-table.js";

async function read(text: string): Promise<{ columns: readonly string[]; rows: CsvRow[] }> {
  const splitter = new CsvSplitter("train.csv");
  const [header, ...body] = [...splitter.push(text), ...splitter.end()];
  const table = tableOf("train.csv", header?.fields ?? [], body);
  const rows: CsvRow[] = [];
  for await (const row of table.rows) rows.push(row);
  return { columns: table.columns, rows };
}

t.test("rows carry their number, their line and every column but the computed ones", async (t) => {
  const { columns, rows } = await read('text_en,image_path,md5,text_zh\n"a\nb",1.png,x,NA\n\n,2.png,,\n');
  t.same(columns, ["text_en", "text_zh"]);
  t.same(rows, [
    { row: 1, line: 2, imagePath: "1.png", cells: ["a\nb", "NA"] },
    { row: 2, line: 5, imagePath: "2.png", cells: [null, null] },
  ]);
});

t.test("the result does not depend on where the text is cut into pieces", async (t) => {
  const text = 'a,"b ""c"" \r\n d"e,f\r\n"",x y,"z"\rlast,1,2';
  const whole = new CsvSplitter("x.csv");
  const expected = [...whole.push(text), ...whole.end()];
  t.same(expected[0]?.fields, ["a", 'b "c" \r\n de', "f"]);
  t.same(
    expected.map(({ line }) => line),
    [1, 3, 4],
  );
  for (let cut = 0; cut <= text.length; cut++) {
    const splitter = new CsvSplitter("x.csv");
    const pieces = [
      ...splitter.push(text.slice(0, cut)),
      ...splitter.push(text.slice(cut)),
      ...splitter.end(),
    ];
    t.same(pieces, expected, `cut at ${cut}`);
  }
});

t.test("a row with a field too many names file, line and column", async (t) => {
  await t.rejects(read("img_path,text_zh\na.png,甲\nb.png,乙,丙\n"), {
    code: "HYFW_CSV_MALFORMED",
    message: /train\.csv, line 3: row 2 has 3 fields[\s\S]*"text_zh"[\s\S]*丙/,
  });
});

t.test("an open quote, a missing column and a double one are refused", async (t) => {
  await t.rejects(read('img_path,text_zh\na.png,"x\n'), { code: "HYFW_CSV_MALFORMED", message: /line 2/ });
  await t.rejects(read("img_path ,text_zh\na.png,x\n"), {
    code: "HYFW_CSV_HEADER",
    message: /without blanks/,
  });
  await t.rejects(read("img_path;text_zh\n"), { code: "HYFW_CSV_HEADER", message: /semicolons/ });
  await t.rejects(read("img_path,a,a\n"), { code: "HYFW_CSV_HEADER", message: /more than once/ });
});
