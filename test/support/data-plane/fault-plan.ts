import { setTimeout as delay } from "node:timers/promises";
import type { DataPlane } from "./plane.ts";
import { canMountDisk, type DatabaseServer } from "./database-server.ts";

/** What is broken in a run, when (after the start of the load) and for how long. */
export interface Fault {
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly lastsMs: number;
}

const LATEST_MS = 800;
const LONGEST_MS = 700;

type Inflict = (plane: DataPlane, lastsMs: number) => Promise<void>;

/** Each breaks something, waits, and leaves it whole again. */
const FAULTS = {
  "host killed": async (plane) => {
    const [host] = plane.hosts;
    if (host !== undefined) await plane.endHost(host, "kill");
    await plane.startHost();
  },
  /** A stopped process cannot know that it was replaced; it goes on where it was. */
  "zombie host": async (plane, lastsMs) => {
    const [zombie] = plane.hosts;
    zombie?.freeze();
    try {
      await plane.startHost();
      await delay(lastsMs);
    } finally {
      zombie?.wake();
    }
  },
  "second host joins and leaves": async (plane, lastsMs) => {
    const host = await plane.startHost();
    await delay(lastsMs);
    await plane.endHost(host, "leave");
  },
  "cell killed": (plane, lastsMs) => kill(plane.cell, lastsMs),
  "cell restarted": (plane, lastsMs) => restart(plane.cell, lastsMs),
  "cell cut off": (plane, lastsMs) => cut(plane.cell, lastsMs),
  "cell's disk full": async ({ cell }, lastsMs) => {
    await cell.fillDisk();
    await delay(lastsMs);
    await cell.freeDisk();
    await cell.up(); // without room for its log the server has ended itself
  },
  "catalog killed": (plane, lastsMs) => kill(plane.catalogServer, lastsMs),
  "catalog restarted": (plane, lastsMs) => restart(plane.catalogServer, lastsMs),
  "catalog cut off": (plane, lastsMs) => cut(plane.catalogServer, lastsMs),
} as const satisfies Record<string, Inflict>;

type FaultKind = keyof typeof FAULTS;

/** One to three faults: the seed decides which, when and for how long. */
export function planOf(random: () => number): Fault[] {
  const kinds = (Object.keys(FAULTS) as FaultKind[]).filter((kind) => canMountDisk || !kind.includes("disk"));
  return Array.from({ length: 1 + Math.floor(random() * 3) }, () => ({
    kind: kinds[Math.floor(random() * kinds.length)]!,
    atMs: Math.floor(random() * LATEST_MS),
    lastsMs: Math.floor(random() * LONGEST_MS),
  })).toSorted((a, b) => a.atMs - b.atMs);
}

/** Resolves when all is whole again. Faults of one part happen one after the other, of several at the same time. */
export async function inflict(plane: DataPlane, plan: readonly Fault[]): Promise<void> {
  const byPart = Map.groupBy(plan, ({ kind }) => (kind.includes("host") ? "host" : kind.slice(0, 4)));
  await Promise.all(
    [...byPart.values()].map(async (faults) => {
      const startedAt = performance.now();
      for (const { kind, atMs, lastsMs } of faults) {
        await delay(Math.max(0, startedAt + atMs - performance.now()));
        await FAULTS[kind](plane, lastsMs);
      }
    }),
  );
}

async function kill(server: DatabaseServer, lastsMs: number): Promise<void> {
  await server.kill();
  await delay(lastsMs);
  await server.up();
}

async function restart(server: DatabaseServer, lastsMs: number): Promise<void> {
  await server.stop();
  await delay(lastsMs);
  await server.up();
}

async function cut({ proxy }: DatabaseServer, lastsMs: number): Promise<void> {
  proxy.cut();
  await delay(lastsMs);
  proxy.mend();
}
