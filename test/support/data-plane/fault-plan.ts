import { setTimeout as delay } from "node:timers/promises";
import type { ServerProcess } from "../../../automation/services/server-process.ts";
import type { DataPlane } from "./plane.ts";
import { eventually } from "../eventually.ts";
import { freezeInTransaction } from "./freeze-in-transaction.ts";
import { canMountDisk, type DatabaseServer } from "./database-server.ts";

/** What is broken in a run, when (after the start of the load) and for how long. */
export interface Fault {
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly lastsMs: number;
}

const LATEST_MS = 800;
const LONGEST_MS = 700;
/** An append is given up after some 10 s, its outcome unknown. */
const BEYOND_DEADLINE_MS = 11_000;

/** Far beyond what the servers leave to a silent session. */
const LOCKED_OUT_LIMIT_MS = 60_000;

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
  "one of two hosts killed": async (plane, lastsMs) => {
    const host = await plane.startHost();
    await delay(lastsMs);
    await plane.endHost(host, "kill");
  },
  /** What it has locked stays locked until the servers end its sessions, and not until it wakes. */
  "zombie in transactions": async (plane, lastsMs) => {
    const [zombie] = plane.hosts;
    if (zombie === undefined) throw new Error("no host to stop");
    await freezeInTransaction(plane, zombie);
    try {
      const before = await plane.positionSum();
      await plane.startHost();
      await eventually(
        "the replacement goes on",
        async () => {
          const now = await plane.positionSum();
          return now.stored > before.stored && now.evaluated > before.evaluated;
        },
        LOCKED_OUT_LIMIT_MS,
      );
      await delay(lastsMs);
    } finally {
      zombie.wake();
    }
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
  "broker killed": async (plane, lastsMs) => {
    const broker = brokerOf(plane);
    await broker.kill();
    await delay(lastsMs);
    await broker.start();
  },
  "broker restarted": async (plane, lastsMs) => {
    const broker = brokerOf(plane);
    await broker.stop();
    await delay(lastsMs);
    await broker.start();
  },
  /** Connections stay open, and nothing answers. */
  "broker frozen": freezeBroker,
  /** What was sent to it before comes into the log when nobody waits for it any more. */
  "broker frozen beyond deadlines": (plane, lastsMs) => freezeBroker(plane, BEYOND_DEADLINE_MS + lastsMs),
} as const satisfies Record<string, Inflict>;

type FaultKind = keyof typeof FAULTS;

/** Left to plans of their own. */
const NEEDS_OTHERS_WHOLE: ReadonlySet<FaultKind> = new Set(["zombie in transactions"]);

/** One to three faults that the plane can have: the seed decides which, when and for how long. */
export function planOf(random: () => number, { broker }: DataPlane): Fault[] {
  const kinds = (Object.keys(FAULTS) as FaultKind[])
    .filter((kind) => canMountDisk || !kind.includes("disk"))
    .filter((kind) => !NEEDS_OTHERS_WHOLE.has(kind))
    .filter((kind) => broker !== undefined || !kind.includes("broker"));
  return Array.from({ length: 1 + Math.floor(random() * 3) }, () => ({
    kind: kinds[Math.floor(random() * kinds.length)]!,
    atMs: Math.floor(random() * LATEST_MS),
    lastsMs: Math.floor(random() * LONGEST_MS),
  })).toSorted((a, b) => a.atMs - b.atMs);
}

/** Resolves when all is whole again. Faults of one part happen one after the other, of several at the same time. */
export async function inflict(plane: DataPlane, plan: readonly Fault[]): Promise<void> {
  const byPart = Map.groupBy(plan, ({ kind }) => (/host|zombie/.test(kind) ? "host" : kind.slice(0, 4)));
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

function brokerOf({ broker }: DataPlane): ServerProcess {
  if (broker === undefined) throw new Error("this log has no broker");
  return broker;
}

async function freezeBroker(plane: DataPlane, lastsMs: number): Promise<void> {
  const broker = brokerOf(plane);
  await broker.freeze();
  await delay(lastsMs);
  await broker.thaw();
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
