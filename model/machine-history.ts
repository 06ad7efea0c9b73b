import type { ReadingRefusal } from "./decode-reading.ts";

export const UNKNOWN_MACHINES = ["register", "refuse"] as const;
/** What a tenant wants of readings of machines that nobody has registered. */
export type UnknownMachines = (typeof UNKNOWN_MACHINES)[number];

/** Append times, in ms since the epoch: from the first one on, up to and without the second; Infinity: still so. */
export type Period = readonly [fromMs: number, toMs: number];

/** Whose readings a tenant takes, and when. A tenant that has never refused anything has no history. */
export interface MachineHistory {
  /** When unknown machines were refused. */
  readonly refusing: readonly Period[];
  readonly registered: ReadonlyMap<string, readonly Period[]>;
}

/**
 * Every change of policy or registry is valid so long after it is made. So whoever has read the catalog knows for sure
 * what holds for records appended up to this much later, without asking again. Lower: consumers ask the catalog more
 * often, and a catalog that is away stops them sooner; higher: people wait longer for what they have changed.
 */
export const CHANGE_DELAY_MS = 5_000;

/**
 * The decision about one reading: by the append time of its record alone, so whoever reads the log later, with
 * whatever the policy is by then, decides alike.
 * @returns undefined: it is taken
 */
export function refusalOfMachine(
  { refusing, registered }: MachineHistory,
  machineId: string,
  appendedAtMs: number,
): ReadingRefusal | undefined {
  const holds = ([fromMs, toMs]: Period) => fromMs <= appendedAtMs && appendedAtMs < toMs;
  if (!refusing.some(holds) || registered.get(machineId)?.some(holds) === true) return undefined;
  return {
    code: "machine-unknown",
    message: `machineId: ${machineId} is not registered, and unknown machines are refused; register it, then replay`,
  };
}
