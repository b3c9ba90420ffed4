/** A stream of random numbers that belongs to one (seed, epoch, sample, purpose); see `run/dice.ts`. */
export interface Rng {
  /** A double in [0, 1) with 32 random bits. */
  uniform(): number;
  /** An integer in [0, bound), unbiased; bound ≥ 1. */
  int(bound: number): number;
}

/**
 * Gives the stream of one purpose for the sample at hand. The same arguments give the same numbers whatever else was
 * drawn, by whichever worker or rank: chance is keyed, never drawn in order.
 */
export interface Dice {
  stream(purpose: string): Rng;
}
