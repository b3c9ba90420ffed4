/**
 * What encoders keep their results in: `@hyfw/core/cache`. Unlike the package's main entry this one loads the native
 * addon.
 */

export { hashFolder } from "./cache/hash-folder.js";
export { type RowsFacts, TensorCache } from "./cache/tensor-cache.js";
