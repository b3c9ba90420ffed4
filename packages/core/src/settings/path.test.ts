import t from "tap";
import { formatPath, parsePath } from "./path.js";

t.test("keys with dots survive formatting and parsing", async (t) => {
  const path = ["plugins", "./flip.ts", 'a "b" \\ c', "probability"];
  t.equal(formatPath(["train", "lr"]), "train.lr");
  t.same(parsePath(formatPath(path)), path);
  t.equal(formatPath(["phases", 1, "name"]), "phases.1.name");
});

t.test("a path with an empty key or an open quote is no path", async (t) => {
  for (const text of ["", ".", "a.", ".a", "a..b", '"a', '"a"b']) t.equal(parsePath(text), undefined, text);
});
