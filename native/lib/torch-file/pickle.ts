import { torchFileUnsafe } from "../errors.js";
import { broken, isKnown, madeOf } from "./pickle-globals.js";
import { GlobalName, PickleDict, PickleList, PickleRecord, type PickleValue } from "./pickle-values.js";

/** A pickle's value and the byte after it. */
export interface Unpickled {
  readonly value: PickleValue;
  readonly end: number;
}

/** Thrown when bytes end before the pickle does: a reader with a window may come back with more. */
export class PickleTruncated extends Error {}

const MARK = Symbol("mark");
type Slot = PickleValue | typeof MARK;

/**
 * Reads one pickle of protocols 2 to 5.
 * @param persistent gives meaning to persistent ids: storages of PyTorch files
 * @throws HYFW_TORCH_FILE_UNSAFE naming the global, HYFW_TORCH_FILE, {@link PickleTruncated}
 */
export function unpickle(
  bytes: Uint8Array,
  start: number,
  path: string,
  persistent: (id: PickleValue) => PickleValue,
): Unpickled {
  return new Unpickler(bytes, start, path, persistent).run();
}

class Unpickler {
  private readonly view: DataView;
  private readonly stack: Slot[] = [];
  private readonly memo = new Map<number, PickleValue>();

  constructor(
    private readonly bytes: Uint8Array,
    private at: number,
    private readonly path: string,
    private readonly persistent: (id: PickleValue) => PickleValue,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): Unpickled {
    for (;;) {
      const code = this.byte();
      if (code === 0x2e) return { value: this.pop(), end: this.at };
      this.perform(code);
    }
  }

  private perform(code: number): void {
    const operation = OPERATIONS[code];
    if (operation === undefined)
      throw this.broken(`opcode 0x${code.toString(16).padStart(2, "0")} at byte ${this.at - 1} is not known`);
    operation(this);
  }

  byte(): number {
    return this.bytes[this.take(1)] ?? 0;
  }
  /** Moves over `count` bytes. @returns where they begin */
  take(count: number): number {
    const from = this.at;
    if (!Number.isSafeInteger(count) || count < 0) throw this.broken(`a length of ${count}`);
    if (from + count > this.bytes.length) throw new PickleTruncated();
    this.at = from + count;
    return from;
  }
  uint16(): number {
    return this.view.getUint16(this.take(2), true);
  }
  int32(): number {
    return this.view.getInt32(this.take(4), true);
  }
  uint32(): number {
    return this.view.getUint32(this.take(4), true);
  }
  length64(): number {
    const length = this.view.getBigUint64(this.take(8), true);
    if (length > BigInt(Number.MAX_SAFE_INTEGER)) throw this.broken(`a length of ${length}`);
    return Number(length);
  }
  float64(): number {
    return this.view.getFloat64(this.take(8), false);
  }
  text(length: number): string {
    const from = this.take(length);
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(this.bytes.subarray(from, from + length));
    } catch {
      throw this.broken(`a text at byte ${from} that is not UTF-8`);
    }
  }
  raw(length: number): Uint8Array {
    const from = this.take(length);
    return this.bytes.slice(from, from + length);
  }
  line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) throw new PickleTruncated();
    const text = this.text(end - this.at);
    this.take(1);
    return text;
  }
  /** A little-endian two's complement integer. */
  long(length: number): number | bigint {
    if (length > 1024) throw this.broken(`an integer of ${length} bytes`);
    let value = 0n;
    for (const [index, byte] of this.raw(length).entries()) value |= BigInt(byte) << BigInt(8 * index);
    value = BigInt.asIntN(8 * length, value);
    const small = Number(value);
    return Number.isSafeInteger(small) ? small : value;
  }

  push(value: Slot): void {
    this.stack.push(value);
  }
  pop(): PickleValue {
    const top = this.stack.pop();
    if (top === undefined || top === MARK) throw this.broken("its stack runs empty");
    return top;
  }
  top(): PickleValue {
    const top = this.stack.at(-1);
    if (top === undefined || top === MARK) throw this.broken("its stack runs empty");
    return top;
  }
  discard(): void {
    if (this.stack.pop() === undefined) throw this.broken("its stack runs empty");
  }
  mark(): void {
    this.stack.push(MARK);
  }
  /** Everything above the last mark, which goes too. */
  sinceMark(): PickleList {
    const from = this.stack.lastIndexOf(MARK);
    if (from < 0) throw this.broken("a mark is missing");
    const values = this.stack.splice(from);
    values.shift();
    return PickleList.from(values as PickleValue[]) as PickleList;
  }
  last(count: number): PickleList {
    const values = PickleList.from({ length: count }, () => this.pop()) as PickleList;
    return values.reverse() as PickleList;
  }

  remember(place: number): void {
    this.memo.set(place, this.top());
  }
  rememberNext(): void {
    this.remember(this.memo.size);
  }
  recall(place: number): void {
    const value = this.memo.get(place);
    if (value === undefined) throw this.broken(`memo ${place} was never written`);
    this.push(value);
  }

  append(values: readonly PickleValue[]): void {
    const list = this.top();
    if (!(list instanceof PickleList)) throw this.broken("it appends to what is no list");
    for (const value of values) list.push(value);
  }
  setItems(pairs: readonly PickleValue[]): void {
    const target = this.top();
    const dict = target instanceof PickleRecord ? target.fields : target;
    if (!(dict instanceof PickleDict) || pairs.length % 2 !== 0)
      throw this.broken("it sets items of what is no dict");
    for (let index = 0; index < pairs.length; index += 2)
      dict.set(pairs[index] ?? null, pairs[index + 1] ?? null);
  }
  build(state: PickleValue): void {
    const target = this.top();
    const fields =
      target instanceof PickleRecord
        ? target.fields
        : target instanceof PickleDict
          ? // Fields of a dict's own class, such as the metadata of a state dict: not among its items.
            new PickleDict()
          : undefined;
    if (fields === undefined) throw this.broken("it sets fields of what has none");
    // (dict fields, slot fields) where a class has slots.
    const parts = state instanceof PickleList ? state : [state];
    for (const part of parts)
      if (part instanceof PickleDict) for (const [name, value] of part) fields.set(name, value);
  }

  /** Names a global. @throws HYFW_TORCH_FILE_UNSAFE unless it is known as harmless */
  global(module: string, name: string): void {
    const full = `${module.replace(/^__builtin__$/, "builtins")} ${name}`;
    if (!isKnown(full)) throw torchFileUnsafe(this.path, full.replace(" ", "."));
    this.push(new GlobalName(full));
  }

  /** What a call would give, worked out from its arguments without calling. */
  reduce(callee: PickleValue, args: PickleValue): void {
    if (!(callee instanceof GlobalName) || !(args instanceof PickleList))
      throw this.broken("it calls what is no class");
    this.push(madeOf(callee.name, args, this.path));
  }

  persist(id: PickleValue): void {
    this.push(this.persistent(id));
  }

  broken(what: string): Error {
    return broken(this.path, what);
  }
}

type Operation = (reader: Unpickler) => void;

/** What each opcode does to the stack; names as in Python's pickletools. Absent ones are refused. */
const OPERATIONS: Readonly<Record<number, Operation>> = {
  128: (r) => {
    const protocol = r.byte(); // PROTO
    if (protocol > 5) throw r.broken(`protocol ${protocol}`);
  },
  149: (r) => void r.length64(), // FRAME
  40: (r) => r.mark(), // MARK
  48: (r) => r.discard(), // POP
  49: (r) => void r.sinceMark(), // POP_MARK
  50: (r) => r.push(r.top()), // DUP
  78: (r) => r.push(null), // NONE
  136: (r) => r.push(true), // NEWTRUE
  137: (r) => r.push(false), // NEWFALSE
  74: (r) => r.push(r.int32()), // BININT
  75: (r) => r.push(r.byte()), // BININT1
  77: (r) => r.push(r.uint16()), // BININT2
  138: (r) => r.push(r.long(r.byte())), // LONG1
  139: (r) => r.push(r.long(r.int32())), // LONG4
  71: (r) => r.push(r.float64()), // BINFLOAT
  88: (r) => r.push(r.text(r.uint32())), // BINUNICODE
  140: (r) => r.push(r.text(r.byte())), // SHORT_BINUNICODE
  141: (r) => r.push(r.text(r.length64())), // BINUNICODE8
  85: (r) => r.push(Buffer.from(r.raw(r.byte())).toString("latin1")), // SHORT_BINSTRING
  84: (r) => r.push(Buffer.from(r.raw(r.int32())).toString("latin1")), // BINSTRING
  67: (r) => r.push(r.raw(r.byte())), // SHORT_BINBYTES
  66: (r) => r.push(r.raw(r.uint32())), // BINBYTES
  142: (r) => r.push(r.raw(r.length64())), // BINBYTES8
  93: (r) => r.push(new PickleList()), // EMPTY_LIST
  41: (r) => r.push(new PickleList()), // EMPTY_TUPLE
  143: (r) => r.push(new PickleList()), // EMPTY_SET
  125: (r) => r.push(new PickleDict()), // EMPTY_DICT
  108: (r) => r.push(r.sinceMark()), // LIST
  116: (r) => r.push(r.sinceMark()), // TUPLE
  145: (r) => r.push(r.sinceMark()), // FROZENSET
  133: (r) => r.push(r.last(1)), // TUPLE1
  134: (r) => r.push(r.last(2)), // TUPLE2
  135: (r) => r.push(r.last(3)), // TUPLE3
  100: (r) => {
    const pairs = r.sinceMark(); // DICT
    r.push(new PickleDict());
    r.setItems(pairs);
  },
  97: (r) => r.append([r.pop()]), // APPEND
  101: (r) => r.append(r.sinceMark()), // APPENDS
  144: (r) => r.append(r.sinceMark()), // ADDITEMS
  115: (r) => r.setItems(r.last(2)), // SETITEM
  117: (r) => r.setItems(r.sinceMark()), // SETITEMS
  113: (r) => r.remember(r.byte()), // BINPUT
  114: (r) => r.remember(r.uint32()), // LONG_BINPUT
  148: (r) => r.rememberNext(), // MEMOIZE
  104: (r) => r.recall(r.byte()), // BINGET
  106: (r) => r.recall(r.uint32()), // LONG_BINGET
  99: (r) => {
    const module = r.line(); // GLOBAL
    r.global(module, r.line());
  },
  147: (r) => {
    const [module, name] = r.last(2); // STACK_GLOBAL
    r.global(String(module), String(name));
  },
  82: (r) => {
    const args = r.pop(); // REDUCE
    r.reduce(r.pop(), args);
  },
  129: (r) => {
    const args = r.pop(); // NEWOBJ
    r.reduce(r.pop(), args);
  },
  146: (r) => {
    r.pop(); // NEWOBJ_EX
    const args = r.pop();
    r.reduce(r.pop(), args);
  },
  98: (r) => r.build(r.pop()), // BUILD
  81: (r) => r.persist(r.pop()), // BINPERSID
};
