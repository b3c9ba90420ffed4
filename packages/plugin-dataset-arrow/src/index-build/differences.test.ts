import { readFileSync } from "node:fs";
import t from "tap";
import { DIFFERENCES } from "./differences.js";

t.test(
  "every difference from the official tools has its section in the documentation, and no other has",
  (t) => {
    const page = readFileSync(new URL("../../../../docs/index-differences.md", import.meta.url), "utf8");
    t.same(
      [...page.matchAll(/^## (.+)$/gm)].map((match) => match[1]),
      [...DIFFERENCES],
    );
    t.end();
  },
);
