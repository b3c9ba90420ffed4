import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { fromTypedArray, live, openTorchFile, Scope, type TensorSource, writeTorchFile } from "../index.js";

/** Three tensors, one of them large enough to be worth mutating. */
function sources(): TensorSource[] {
  return [
    {
      name: "a.weight",
      dtype: "float32",
      shape: [2, 3],
      get: () => fromTypedArray(Float32Array.from([1, 2, 3, 4, 5, 6]), [2, 3]),
    },
    {
      name: "名字 with spaces",
      dtype: "int64",
      shape: [2],
      get: () => fromTypedArray(BigInt64Array.from([-1n, 7n]), [2]),
    },
    {
      name: "empty",
      dtype: "float32",
      shape: [0, 4],
      get: () => fromTypedArray(new Float32Array(0), [0, 4]),
    },
  ];
}

/** A file of the older layout: five pickles and no storages, with `object` as the fourth. */
function legacyFile(object: string): Buffer {
  const pickle = (body: string): Buffer => Buffer.from(`\x80\x02${body}.`, "latin1");
  const magic = pickle("\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19");
  return Buffer.concat([magic, pickle("M\xe9\x03"), pickle("}"), pickle(object), pickle("]")]);
}

const bytesOf = (text: string): string => `X${String.fromCharCode(text.length, 0, 0, 0)}${text}`;

t.test("what is written is read back, under a key or none", async (t) => {
  const before = live();
  for (const under of [undefined, "module"]) {
    const path = join(t.testdir(), "w.pt");
    writeTorchFile(path, sources(), under);
    using scope = new Scope();
    scope.run(() => {
      const file = openTorchFile(path);
      const prefix = under === undefined ? "" : `${under}.`;
      t.same(
        file.names(),
        sources().map(({ name }) => prefix + name),
      );
      for (const { name, dtype, shape, get } of sources()) {
        const found = file.get(prefix + name);
        t.equal(found.dtype, dtype);
        t.same(found.shape, shape);
        t.same(found.toArray(), get().toArray());
      }
    });
  }
  t.equal(live(), before);
});

t.test("plain values are facts under joined names, classes with fields only are read for them", async (t) => {
  const path = join(t.testdir(), "facts.pt");
  // {"steps": 12, "args": Namespace(lr=0.5), "list": [true, None]}
  const namespace = `cargparse\nNamespace\n)\x81}${bytesOf("lr")}G\x3f\xe0\0\0\0\0\0\0sb`;
  writeFileSync(
    path,
    legacyFile(`}(${bytesOf("steps")}K\x0c${bytesOf("args")}${namespace}${bytesOf("list")}](\x88Neu`),
  );
  const file = openTorchFile(path);
  t.same(Object.fromEntries(file.facts), { steps: 12, "args.lr": 0.5, "list.0": true, "list.1": null });
  t.same(file.names(), []);
});

t.test("whatever would call something is refused by name", async (t) => {
  const call = (global: string): string => `c${global}\n(${bytesOf("echo")}tR`;
  const hostile: readonly (readonly [body: string, name: string])[] = [
    [call("posix\nsystem"), "posix.system"],
    [call("os\nsystem"), "os.system"],
    [call("builtins\neval"), "builtins.eval"],
    [call("__builtin__\nexec"), "builtins.exec"],
    [call("torch\nload"), "torch.load"],
    [call("torch._utils\n_import_dotted_name"), "torch._utils._import_dotted_name"],
    [`}${bytesOf("x")}${call("subprocess\nPopen")}s`, "subprocess.Popen"],
    // Named, never called: nothing honest names it.
    ["cposix\nsystem\n", "posix.system"],
    [`${bytesOf("posix")}${bytesOf("system")}\x93`, "posix.system"],
    [`cargparse\nNamespace\n)\x81}${bytesOf("__class__")}cposix\nsystem\nsb`, "posix.system"],
  ];
  for (const [body, name] of hostile) {
    const path = join(t.testdir(), "hostile.pt");
    writeFileSync(path, legacyFile(body));
    t.throws(() => openTorchFile(path), { code: "HYFW_TORCH_FILE_UNSAFE", message: new RegExp(name) });
  }
});

t.test("values that hold themselves or unfold without end are refused", async (t) => {
  const selfish = `]q\0h\0a`;
  const laughs = Array.from(
    { length: 30 },
    (_, n) => `h${String.fromCharCode(n)}h${String.fromCharCode(n)}\x86q${String.fromCharCode(n + 1)}`,
  );
  for (const body of [selfish, `)q\0${laughs.join("")}`]) {
    const path = join(t.testdir(), "deep.pt");
    writeFileSync(path, legacyFile(body));
    t.throws(() => openTorchFile(path), {
      code: "HYFW_TORCH_FILE",
      message: /nested too deep|hold themselves/,
    });
  }
});

t.test("lengths that lie are refused before anything is taken for them", async (t) => {
  const bodies = [
    "X\xff\xff\xff\xff", // a text of 4 GiB
    "\x8e\xff\xff\xff\xff\xff\xff\x1f\0", // bytes, 2^53 of them
    "\x8b\xff\xff\xff\x7f", // an integer of 2 GiB
    "\x8d\xff\xff\xff\xff\xff\xff\xff\xff", // a text of 2^64 bytes
  ];
  for (const body of bodies) {
    const path = join(t.testdir(), "long.pt");
    writeFileSync(path, legacyFile(body));
    t.throws(() => openTorchFile(path), { code: "HYFW_TORCH_FILE" });
  }
});

t.test("a file cut anywhere is refused or keeps every tensor that it still has", async (t) => {
  const path = join(t.testdir(), "cut.pt");
  writeTorchFile(path, sources());
  const whole = readFileSync(path);
  for (let length = whole.length - 1; length > 0; length -= 7) {
    truncateSync(path, length);
    t.throws(() => openTorchFile(path), { code: "HYFW_TORCH_FILE" }, `${length} bytes`);
  }
});

t.test("mutated files give an error of the room or a result, never a crash", async (t) => {
  const path = join(t.testdir(), "mutated.pt");
  writeTorchFile(path, sources());
  const whole = readFileSync(path);
  // A fixed sequence, so that a failure can be repeated.
  let state = 0x2545f491;
  const next = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const count = Number(process.env.HYFW_FUZZ ?? 600);
  let refused = 0;
  for (let round = 0; round < count; round++) {
    const bytes = Buffer.from(whole);
    for (let change = 0; change <= next(4); change++) bytes[next(bytes.length)] = next(256);
    writeFileSync(path, bytes);
    using scope = new Scope();
    try {
      scope.run(() => {
        const file = openTorchFile(path);
        for (const name of file.names()) file.get(name).contiguous().toArray();
      });
    } catch (fault) {
      refused += 1;
      if (!/^HYFW_(TORCH_FILE|SAFETENSORS_NAME|NATIVE)/.test(String((fault as { code?: unknown }).code)))
        t.fail(`round ${round}: ${String(fault)}`);
    }
  }
  t.ok(refused > count / 20, `${refused} of ${count} refused`);
});
