/**
 * The bucket of a distance between two positions, both directions (Raffel et al. 2019; Mesh TensorFlow's rule): half
 * the buckets for each direction, half of these for single distances, the rest logarithmic up to `maxDistance`.
 * Computed in float32 as the reference does, since an exact power of two lies on an edge.
 * @param distance key position − query position
 */
export function relativeBucket(distance: number, buckets: number, maxDistance: number): number {
  const perSide = Math.floor(buckets / 2);
  const side = distance > 0 ? perSide : 0;
  const far = Math.abs(distance);
  const exact = Math.floor(perSide / 2);
  if (far < exact) return side + far;
  const f = Math.fround;
  const share = f(f(Math.log(f(far / exact))) / f(Math.log(maxDistance / exact)));
  return side + Math.min(perSide - 1, exact + Math.trunc(f(share * (perSide - exact))));
}

/** Buckets of all pairs of S positions, row-major [query, key]. */
export function relativeBuckets(length: number, buckets: number, maxDistance: number): BigInt64Array {
  const byDistance = Array.from({ length: 2 * length - 1 }, (_, i) =>
    BigInt(relativeBucket(i - (length - 1), buckets, maxDistance)),
  );
  const all = new BigInt64Array(length * length);
  for (let query = 0; query < length; query++)
    for (let key = 0; key < length; key++)
      all[query * length + key] = byDistance[key - query + length - 1] ?? 0n;
  return all;
}
