import t from "tap";
import { keptFiles, readText } from "./repository.js";

// Put together from parts, so that this file does not find itself.
const machinePath = new RegExp(`(^|[^\\w.$}/-])/(${["work", "root", "tmp", "home"].join("|")})/\\w`);
const isText = (path: string): boolean =>
  !/\.(png|jpg|jpeg|arrow|bin|safetensors|npz|npy|ico|woff2?)$/.test(path);

t.test("no file names a path of one machine", async (t) => {
  const found = keptFiles()
    .filter(isText)
    .flatMap((path) =>
      readText(path)
        .split("\n")
        .flatMap((line, row) =>
          machinePath.test(line) ? [`${path}:${row + 1}: ${line.trim().slice(0, 120)}`] : [],
        ),
    );
  t.same(found, []);
});

t.test("the machine path pattern finds such paths and leaves others", async (t) => {
  for (const top of ["work", "tmp", "root", "home"]) {
    t.match(`cd /${top}/somebody`, machinePath);
    t.match(`"/${top}/x"`, machinePath);
    t.notMatch(`packages/${top}/x`, machinePath);
  }
});

t.test("the lock file records no address to fetch from", async (t) => {
  const addresses = readText("package-lock.json").match(/"resolved": "[a-z+]+:\/\/[^"]*"/g) ?? [];
  t.same(addresses, [], "install with the .npmrc of this clone: omit-lockfile-registry-resolved=true");
});
