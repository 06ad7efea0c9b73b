import { readTestEnvironment } from "../../environment.ts";

const { seed: given } = readTestEnvironment();

/** Seed of this run; every failure prints it, and `SEED=n npm test` replays. */
export const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);

/** Whether somebody asks for one run to be replayed. */
export const isSeedGiven = given !== undefined;

/** Small deterministic generator (mulberry32) for fault tests: same seed, same faults. */
export function randomFrom(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
