/** A value that later ones are compared with. */
export interface Sample {
  readonly timeMs: number;
  readonly value: number;
}

/**
 * Samples kept per window. More: a change is measured over a time closer to the window. Fewer: the catalog is written
 * less often, which happens once per sample kept.
 */
export const SAMPLES_PER_WINDOW = 8;

export interface Measured {
  /** The same array where nothing has to be remembered. */
  readonly samples: readonly Sample[];
  /** Change per window; undefined until a whole window has been seen. */
  readonly change: number | undefined;
}

/**
 * Change per window: against the newest sample that is at least a window old, scaled to the window. Two readings that
 * lie closer together would make a rate of noise, and after a pause the mean over the pause is what is known.
 *
 * A counter that runs backwards was reset or replaced, which says nothing about its speed: measuring starts anew with
 * that reading, and for one window there is no rate, never a negative one.
 */
export function measureChange(
  samples: readonly Sample[],
  windowMs: number,
  seen: Sample,
  isCounter: boolean,
): Measured {
  const last = samples.at(-1);
  if (last === undefined || (isCounter && seen.value < last.value)) {
    return { samples: [{ timeMs: seen.timeMs, value: seen.value }], change: undefined };
  }
  const index = samples.findLastIndex(({ timeMs }) => timeMs <= seen.timeMs - windowMs);
  const reference = samples[index];
  const change =
    reference === undefined
      ? undefined
      : ((seen.value - reference.value) / (seen.timeMs - reference.timeMs)) * windowMs;
  if (seen.timeMs - last.timeMs < windowMs / SAMPLES_PER_WINDOW) return { samples, change };
  const kept = samples.slice(Math.max(index, 0)); // what is older than the reference is never asked for again
  return { samples: [...kept, { timeMs: seen.timeMs, value: seen.value }], change };
}
