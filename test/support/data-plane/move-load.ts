import path from "node:path";
import type { EventLog } from "../../../data/event-log/event-log.ts";
import { randomFrom } from "../seed.ts";
import { sendSteadily } from "./gateway.ts";
import type { DataPlane, PlaneTenant } from "./plane.ts";
import { JournalWriter, send } from "./producer.ts";
import { RowWatcher } from "./row-watcher.ts";
import { Workload } from "./workload.ts";

/** Poison and batch ids that are used again, beside the gateway's steady stream: more often, its clocks ran away. */
const ODD_PAUSE_MS = 250;

/** A tenant's day while it moves: a gateway, a client that sends nonsense too, and a reader. */
export class MoveLoad {
  readonly journal: JournalWriter;
  readonly watcher: RowWatcher;
  readonly #log: EventLog;
  readonly #stop = new AbortController();
  readonly #working: Promise<unknown>;
  #stopped: Promise<void> | undefined;
  /** Of the gateway, acknowledged; known when it has stopped. */
  rowCount = 0;
  rowsPerSecond = 0;

  constructor(plane: DataPlane, tenant: PlaneTenant, random: () => number, rowsPerSecond: number) {
    const ownRandom = () => randomFrom(Math.floor(random() * 2 ** 31));
    this.journal = new JournalWriter(path.join(plane.folder, `journal-${tenant.tenant}`));
    this.watcher = new RowWatcher(plane.home, tenant.tenant, ownRandom());
    this.#log = plane.openLog();
    const { signal } = this.#stop;
    const client = (name: string) => ({
      ...{ ...tenant, connection: `${tenant.tenant}-${name}`, log: this.#log, journal: this.journal },
    });
    const odd = client("odd");
    const workload = new Workload(ownRandom(), odd.connection, Date.now());
    this.#working = Promise.all([
      sendSteadily(client("gateway"), { random: ownRandom(), rowsPerSecond }, signal).then((sent) =>
        Object.assign(this, sent),
      ),
      send({ ...odd, workload, pauseMs: ODD_PAUSE_MS }, signal),
      this.watcher.watch(signal),
    ]);
    this.#working.catch(() => undefined); // whoever stops the load hears of it
  }

  /** Resolves when the last repetition is acknowledged, and the reader has ended. */
  stop(): Promise<void> {
    this.#stop.abort();
    this.#stopped ??= this.#working.then(() => this.#log.close());
    return this.#stopped;
  }
}
