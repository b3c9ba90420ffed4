import t from "tap";
import { editDistance, suggest } from "./suggest.js";

t.test("edit distance counts insertions, deletions, substitutions and swaps", async (t) => {
  t.equal(editDistance("", "abc"), 3);
  t.equal(editDistance("lr", "lr"), 0);
  t.equal(editDistance("epohcs", "epochs"), 1, "a swap is one step");
  t.equal(editDistance("kitten", "sitting"), 3);
});

t.test("a slip finds its word, another word finds nothing", async (t) => {
  const words = ["batchSize", "lr", "epochs", "maxSteps"];
  t.equal(suggest("batch_size", words), "batchSize");
  t.equal(suggest("epoch", words), "epochs");
  t.equal(suggest("maxStep", words), "maxSteps");
  t.equal(suggest("temperature", words), undefined);
});
