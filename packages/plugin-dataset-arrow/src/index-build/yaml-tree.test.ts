import t from "tap";
import { readYaml, type YamlData, type YamlValue } from "./yaml-tree.js";

function plain({ data }: YamlValue): unknown {
  if (data.kind === "list") return data.items.map(plain);
  if (data.kind === "map")
    return Object.fromEntries([...data.entries].map(([key, { value }]) => [key, plain(value)]));
  return data.kind === "null" ? null : data.value;
}

function kindOf(text: string): [YamlData["kind"], unknown, boolean] {
  const value = readYaml(text);
  return [value.data.kind, plain(value), value.doubt !== undefined];
}

t.test("plain scalars are what YAML 1.1 makes of them", (t) => {
  const cases: [string, YamlData["kind"], unknown][] = [
    ["yes", "bool", true],
    ["Off", "bool", false],
    ["y", "str", "y"],
    ["0400", "int", 256],
    ["-0x1F", "int", -31],
    ["0b101", "int", 5],
    ["3_00", "int", 300],
    ["089", "str", "089"],
    ["1.5", "float", 1.5],
    ["1.0e+2", "float", 100],
    [".5", "float", 0.5],
    ["-.inf", "float", Number.NEGATIVE_INFINITY],
    ["~", "null", null],
    ["'yes'", "str", "yes"],
    ['"0400"', "str", "0400"],
    ["!!str 12", "str", "12"],
    ["国旗", "str", "国旗"],
  ];
  for (const [text, kind, value] of cases) t.same(kindOf(text), [kind, value, false], text);
  t.end();
});

t.test("what versions of YAML read differently, and nobody means, carries its doubt", (t) => {
  t.same(kindOf("16:9"), ["int", 969, true]);
  t.same(kindOf("1e2"), ["str", "1e2", true]);
  t.same(kindOf("0o17"), ["str", "0o17", true]);
  t.same(kindOf("2024-01-02"), ["str", "2024-01-02", true]);
  t.end();
});

t.test("anchors and merge keys are followed, own keys win, lines are kept", (t) => {
  const value = readYaml("a: &x {n: 1, m: 2}\nb:\n  <<: *x\n  m: 3\nc: *x\n");
  t.same(plain(value), { a: { n: 1, m: 2 }, b: { n: 1, m: 3 }, c: { n: 1, m: 2 } });
  const entries = value.data.kind === "map" ? value.data.entries : new Map();
  t.equal(entries.get("a")?.holdsUsedAnchor, true);
  t.equal(entries.get("b")?.holdsUsedAnchor, false);
  t.equal(entries.get("c")?.line, 5);
  t.end();
});

t.test("what cannot be meant is a fault with its line", (t) => {
  const fault = (text: string, line: number, message: RegExp) =>
    t.throws(() => readYaml(text), { line, message }, text);
  fault("a: 1\nb: 2\na: 3\n", 3, /"a" stands there twice/);
  fault("a: 1\nb: *gone\n", 2, /gone/);
  fault("a: &a [*a]\n", 1, /contains itself|Unresolved/);
  fault("a: [1, 2\n", 2, /./);
  fault(`${"[".repeat(60)}${"]".repeat(60)}`, 1, /deep/);
  fault("a: !!binary aGk=\n", 1, /tag/);
  t.end();
});

t.test("aliases of aliases do not multiply", (t) => {
  let text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (let i = 1; i < 30; i++) text += `a${i}: &a${i} [${new Array(9).fill(`*a${i - 1}`).join(", ")}]\n`;
  const start = Date.now();
  t.equal(readYaml(text).data.kind, "map");
  t.ok(Date.now() - start < 2000);
  t.end();
});
