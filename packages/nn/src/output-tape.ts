import { attentionKept, attentionToKeep, linear, linearKept, type Tensor } from "@hyfw/native";
import { tapeMismatch } from "./errors.js";

/** What one expensive operation gave. */
interface Kept {
  readonly name: "linear" | "attention";
  /** Absent for attention that is computed again, since its kernel does not tell what a gradient needs. */
  readonly out?: Tensor;
  /** log Σ exp of the scores; attention only. */
  readonly logSums?: Tensor;
}

/**
 * Outputs of linear layers and attention of a stretch of modules, in the order in which they were computed. `record`
 * runs the stretch and keeps them; `replay` runs it again with them at hand, so that only cheap operations (norms,
 * activations, sums) are computed twice.
 */
export class OutputTape {
  private readonly kept: Kept[] = [];
  private next = 0;

  /** Runs `work` without keeping anything for its gradient but the outputs. */
  record<Result>(work: () => Result): Result {
    return withTape({ tape: this, isReplay: false }, work);
  }

  /** Runs the same work again; each output is handed back once, then the tape is empty. */
  replay<Result>(work: () => Result): Result {
    try {
      const result = withTape({ tape: this, isReplay: true }, work);
      if (this.next !== this.kept.length)
        throw tapeMismatch(`${this.kept.length} outputs were kept, ${this.next} were asked for`);
      return result;
    } finally {
      this.dispose();
    }
  }

  push(one: Kept): void {
    one.out?.keep();
    one.logSums?.keep();
    this.kept.push(one);
  }

  take(name: Kept["name"]): Kept {
    const one = this.kept[this.next];
    if (one === undefined) throw tapeMismatch(`${name} is asked for once more than it was kept`);
    if (one.name !== name) throw tapeMismatch(`${name} is asked for where ${one.name} was kept`);
    this.next += 1;
    return one;
  }

  /** Frees what is kept. */
  dispose(): void {
    for (const { out, logSums } of this.kept.splice(0)) {
      out?.dispose();
      logSums?.dispose();
    }
    this.next = 0;
  }
}

/** The tape that modules write to or read from now; work on it is synchronous. */
let active: { readonly tape: OutputTape; readonly isReplay: boolean } | undefined;

function withTape<Result>(tape: NonNullable<typeof active>, work: () => Result): Result {
  const former = active;
  active = tape;
  try {
    return work();
  } finally {
    active = former;
  }
}

/** `linear`, kept on the tape or taken from it while there is one. */
export function tapedLinear(x: Tensor, weight: Tensor, bias: Tensor): Tensor {
  if (active === undefined) return linear(x, weight, bias);
  const { tape, isReplay } = active;
  if (isReplay) {
    const { out: kept } = tape.take("linear");
    return kept === undefined ? linear(x, weight, bias) : linearKept(x, weight, bias, kept);
  }
  const out = linear(x, weight, bias);
  tape.push({ name: "linear", out: out.alias() });
  return out;
}

/**
 * Attention, kept on the tape or taken from it while there is one and a kernel gives what a gradient needs; `compute`
 * is the way otherwise.
 */
export function tapedAttention(q: Tensor, k: Tensor, v: Tensor, compute: () => Tensor): Tensor {
  if (active === undefined) return compute();
  const { tape, isReplay } = active;
  if (isReplay) {
    const { out, logSums } = tape.take("attention");
    return out === undefined || logSums === undefined ? compute() : attentionKept(q, k, v, { out, logSums });
  }
  const both = attentionToKeep(q, k, v);
  if (both === undefined) {
    tape.push({ name: "attention" });
    return compute();
  }
  tape.push({ name: "attention", out: both.out.alias(), logSums: both.logSums });
  return both.out;
}
