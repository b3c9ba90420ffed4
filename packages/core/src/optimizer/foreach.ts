import { callOp, type OpArgument, type OpKeywords, Tensor } from "@hyfw/native";

/** Calls `aten::_foreach_<name>`, one op over many arrays, and gives what it made; nothing of one that works in place. */
export function foreach(name: string, ...args: readonly (OpArgument | OpKeywords)[]): Tensor[] {
  const made = callOp(`aten::_foreach_${name}`, ...args);
  return Array.isArray(made) ? made.filter((one) => one instanceof Tensor) : [];
}
