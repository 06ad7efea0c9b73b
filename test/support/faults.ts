import { readTestEnvironment } from "../../environment.ts";
import { randomFrom, seed } from "./seed.ts";

/** `npm run faults`: every fault, many times. Who runs it watches: loops say on stderr where they are. */
export const isFullRun = readTestEnvironment().faults === "full";

/** How often each fault is tried: `npm run faults` tries it 20 times, otherwise once for a seeded sample. */
export const faultRounds = isFullRun ? 20 : 1;

/** All of these in a full run; otherwise `count` of them, chosen by the run's seed. */
export function faultSample<T>(all: readonly T[], count: number): readonly T[] {
  if (isFullRun) return all;
  const random = randomFrom(seed);
  return all
    .map((item) => ({ item, order: random() }))
    .toSorted((a, b) => a.order - b.order)
    .slice(0, count)
    .map(({ item }) => item);
}
