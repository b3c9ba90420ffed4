import { z } from "zod";

const whole = z.number().int().min(0);

/** Where one data set of a mixed phase stands. */
export const TurnSchema = z.object({
  /** Its own epoch, from 0. */
  epoch: whole,
  /** Units of this epoch that were trained. */
  unitsDone: whole,
  /** Units of it that the phase has trained in all. */
  units: whole,
});

/** Where one data set of a mixed phase stands. */
export type SourceTurn = z.output<typeof TurnSchema>;

/**
 * Number of the data set that the next unit comes from: the one furthest behind its share of all units so far, of
 * equal ones the first. So no data set is ever a whole unit away from its share for two sets, nor more than a unit per
 * other set for several.
 * @param shares above 0, 1 together
 */
export function turnOf(shares: readonly number[], turns: readonly Pick<SourceTurn, "units">[]): number {
  const total = turns.reduce((sum, { units }) => sum + units, 0);
  let chosen = 0;
  let most = Number.NEGATIVE_INFINITY;
  for (const [number, share] of shares.entries()) {
    const behind = share * (total + 1) - (turns[number]?.units ?? 0);
    if (behind > most) {
      most = behind;
      chosen = number;
    }
  }
  return chosen;
}
