import type { StepName } from "../../../model/operation.ts";
import { OPERATION_STEPS } from "../../../model/operation.ts";
import type { MoveService } from "../move-service.ts";
import { canMountDisk, type DatabaseServer } from "./database-server.ts";
import type { DataPlane, Pair, PlaneCell } from "./plane.ts";

/** A named point of a move, and what breaks there. */
export interface MovePoint {
  /** Its place among all points of the pair. */
  readonly number: number;
  readonly step: StepName;
  /** `inside`: some milliseconds after the step's beginning, which the seed chooses. */
  readonly phase: "before" | "inside" | "after";
  readonly fault: string;
}

/** The parts of a plane between whose cells a tenant moves. */
export interface MovePlane {
  readonly plane: DataPlane;
  readonly target: PlaneCell;
}

/** A move under way, to be disturbed. */
export interface FaultContext extends MovePlane {
  /** Drives the move. */
  readonly service: MoveService;
  readonly startService: () => Promise<void>;
  readonly cancel: () => Promise<void>;
}

/** Breaks something and leaves it whole again; what they answer is awaited. */
interface MoveFault {
  readonly begin: (context: FaultContext) => unknown;
  readonly end: (context: FaultContext) => unknown;
  /** A `moment`; as long as what stands still does so; or until the move has given up. */
  readonly lasts: "moment" | "standstill" | "until given up";
}

/** What a machine does to each of the databases. */
function databaseFaults(name: string, serverOf: (context: FaultContext) => DatabaseServer) {
  return {
    [`${name} killed`]: {
      begin: (context) => serverOf(context).kill(),
      end: (context) => serverOf(context).up(),
      lasts: "moment",
    },
    [`${name} stopped`]: {
      begin: (context) => serverOf(context).freeze(),
      end: (context) => serverOf(context).thaw(),
      lasts: "standstill",
    },
    [`${name} cut off`]: {
      begin: (context) => serverOf(context).proxy.cut(),
      end: (context) => serverOf(context).proxy.mend(),
      lasts: "moment",
    },
  } as const satisfies Readonly<Record<string, MoveFault>>;
}

const targetDiskFull = {
  begin: ({ target }) => target.server.fillDisk(),
  async end({ target }) {
    await target.server.freeDisk();
    await target.server.up(); // without room for its log the server has ended itself
  },
} as const satisfies Omit<MoveFault, "lasts">;

const targetKilled = databaseFaults("target", ({ target }) => target.server)["target killed"]!;

const FAULTS: Readonly<Record<string, MoveFault>> = {
  "service killed": {
    begin: ({ service }) => service.kill(),
    end: ({ startService }) => startService(),
    lasts: "moment",
  },
  /** Another goes on with its work, and it wakes up as a zombie. */
  "service stopped": {
    begin({ service, startService }) {
      service.freeze();
      return startService();
    },
    end: ({ service }) => service.wake(),
    lasts: "standstill",
  },
  "host killed": {
    async begin({ plane }) {
      for (const host of plane.hosts) await plane.endHost(host, "kill");
    },
    end: ({ plane }) => plane.startHost(),
    lasts: "moment",
  },
  "host stopped": {
    begin: ({ plane }) => plane.hosts.forEach((host) => host.freeze()),
    end: ({ plane }) => plane.hosts.forEach((host) => host.wake()),
    lasts: "standstill",
  },
  ...databaseFaults("source", ({ plane }) => plane.cell),
  ...databaseFaults("target", ({ target }) => target.server),
  "target's disk full": { ...targetDiskFull, lasts: "moment" },
  /** Holds the embedded log, too: it is that pair's broker. */
  ...databaseFaults("catalog", ({ plane }) => plane.catalogServer),
  "broker killed": {
    begin: ({ plane }) => plane.broker?.kill(),
    end: ({ plane }) => plane.broker?.start(),
    lasts: "moment",
  },
  "broker stopped": {
    begin: ({ plane }) => plane.broker?.freeze(),
    end: ({ plane }) => plane.broker?.thaw(),
    lasts: "standstill",
  },
  "cancelled, service killed": {
    async begin({ cancel, service }) {
      await cancel();
      await service.kill();
    },
    end: ({ startService }) => startService(),
    lasts: "moment",
  },
  "cancelled, target killed": {
    async begin(context) {
      await context.cancel();
      await targetKilled.begin(context);
    },
    end: targetKilled.end,
    lasts: "moment",
  },
  "target killed for good": { ...targetKilled, lasts: "until given up" },
  "target's disk full for good": { ...targetDiskFull, lasts: "until given up" },
};

export function faultOf({ fault }: MovePoint): MoveFault {
  return FAULTS[fault]!;
}

/** Minutes each: left out of a sample. */
export function isSlow(point: MovePoint): boolean {
  return faultOf(point).lasts === "until given up";
}

/** Before, inside and after each step each fault that the pair and this machine can have; what is for good, before it. */
export function movePoints(pair: Pair): readonly MovePoint[] {
  const faults = Object.keys(FAULTS)
    .filter((fault) => pair === "real" || !fault.includes("broker"))
    .filter((fault) => canMountDisk || !fault.includes("disk"));
  return OPERATION_STEPS.move
    .flatMap((step) =>
      (["before", "inside", "after"] as const).flatMap((phase) =>
        faults.map((fault) => ({ step, phase, fault })),
      ),
    )
    .filter(({ phase, fault }) => phase === "before" || FAULTS[fault]?.lasts !== "until given up")
    .map((point, index) => ({ number: index + 1, ...point }));
}
