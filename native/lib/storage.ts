import { addon } from "./addon.js";
import { Tensor } from "./tensor.js";

/** Bytes of the memory that a tensor lies in; views of one memory give the same number. */
export function storageBytes(tensor: Tensor): number {
  return addon.storageBytes(tensor.id);
}

/**
 * Frees the memory that a tensor lies in, under it and every view of it. Shapes and recorded graphs stay; reading
 * numbers before `fillStorage` is a crash, so only code that knows every reader may call it.
 * @throws HYFW_NATIVE_ARGUMENT for lent and mapped memory
 */
export function freeStorage(tensor: Tensor): void {
  addon.freeStorage(tensor.id);
}

/** Gives freed memory back, with whatever is in it. @param bytes as `storageBytes` said before */
export function fillStorage(tensor: Tensor, bytes: number): void {
  addon.fillStorage(tensor.id, bytes);
}

/** The same numbers without history: writing here does not count as a change of what backward has saved. */
export function untracked(tensor: Tensor): Tensor {
  return new Tensor(addon.untracked(tensor.id));
}
