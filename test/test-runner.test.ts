import t from "tap";
import { closingLine, reportReader, testFiles } from "../scripts/test.mjs";

const report = `TAP version 14
1..2
# Subtest: test/a.test.ts
    ok 1 - adds
    ok 2 - on the card # SKIP no card here
    1..2
ok 1 - test/a.test.ts # time=1200ms

# Subtest: test/b.test.ts
    not ok 1 - subtracts
      ---
      expected: 2
      ...
    1..1
not ok 2 - test/b.test.ts # time=30ms
# { total: 3, pass: 1, fail: 1, skip: 1 }
`;

t.test("the report names files, skipped tests with their reason, and what failed", async (t) => {
  let text = "";
  const { read, counts } = reportReader((part) => {
    text += part;
  });
  for (const line of report.split("\n")) read(line);
  t.same(counts(), { passed: 1, failed: 1, skipped: 1 });
  t.match(
    text,
    /^ok {5}test\/a\.test\.ts \(1\.2 s\)\n +ok 2 - on the card # SKIP no card here\nFAILED test\/b\.test\.ts/,
  );
  t.match(text, /not ok 1 - subtracts\n {6}---\n {6}expected: 2/);
  t.notMatch(text, /adds/);
});

t.test("a report that breaks off has no counts", async (t) => {
  const { read, counts } = reportReader(() => {});
  read("TAP version 14");
  t.equal(counts(), undefined);
});

t.test("the closing line has skipped tests only when there are some", async (t) => {
  t.equal(closingLine({ passed: 3, failed: 0, skipped: 0 }), "3 passed, 0 failed");
  t.equal(closingLine({ passed: 3, failed: 1, skipped: 2 }), "3 passed, 1 failed, 2 skipped");
});

t.test("tests are found beside their sources and filtered by words in their path", async (t) => {
  const root = t.testdir({
    packages: {
      core: {
        src: { "a.test.ts": "", "a.ts": "" },
        dist: { "a.test.ts": "" },
        node_modules: { "x.test.ts": "" },
      },
    },
    test: { "b.test.ts": "", "b.ts": "" },
  });
  t.same(testFiles([], root), ["packages/core/src/a.test.ts", "test/b.test.ts"]);
  t.same(testFiles(["packages/core"], root), ["packages/core/src/a.test.ts"]);
  t.same(testFiles(["./test", "nothing"], root), ["test/b.test.ts"]);
  t.same(testFiles(["nothing"], root), []);
});
