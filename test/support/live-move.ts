import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type pg from "pg";
import { topicsOfCell } from "../../data/catalog/topic.ts";
import { openIngestPool } from "../../data/cell/cell-pool.ts";
import { cellAddress, type CellSecret } from "../../data/cell/cell-secret.ts";
import type { EventLog } from "../../data/event-log/event-log.ts";
import { openKafkaLog } from "../../data/event-log/kafka/kafka-log.ts";
import type { DatabaseAddress } from "../../data/pool.ts";
import { ingestSubscription } from "../../handlers/ingest/subscription.ts";
import { pause } from "../../data/wait.ts";
import { queryReadings } from "../../handlers/query/process.ts";
import { tenantCells } from "../../handlers/query/tenant-cells.ts";
import { HOUR_MS } from "../../model/duration.ts";
import { MillwrightError } from "../../model/errors.ts";
import { tenantId, topicName, type TenantId, type TopicKind } from "../../model/tenant.ts";
import { ownerHeaders, SHARED_READINGS } from "../../model/topic-name.ts";
import { findings } from "../checker/check.ts";
import { isAcked, readJournal } from "../checker/journal.ts";
import { readEmbeddedLog, readKafkaLog, type LogEntry } from "../checker/log-entries.ts";
import { readCell } from "../checker/stored.ts";
import { testCatalog, type TestCatalog } from "./catalog.ts";
import { asCellRole, testCell, testTenant } from "./cell.ts";
import { PARTITIONS, type PlaneTenant } from "./data-plane/plane.ts";
import { JournalWriter, recordOf, send } from "./data-plane/producer.ts";
import { Workload } from "./data-plane/workload.ts";
import { eventually } from "./eventually.ts";
import { placeTestTenant, registerTestCells } from "./flip-tenant.ts";
import { testEmbeddedLog } from "./log.ts";
import { everyMachine } from "./machines.ts";
import { startKafka, usesRealServices } from "./real-services.ts";
import { randomFrom } from "./seed.ts";

export type CellName = "S" | "T";

/** The log and what it is to the checker. */
interface CheckedLog {
  readonly log: EventLog;
  readonly entries: (topic: string, starts: readonly bigint[]) => Promise<LogEntry[]>;
  readonly close: () => Promise<void>;
}

async function checkedLog(admin: DatabaseAddress, isReal: boolean): Promise<CheckedLog> {
  if (!isReal) {
    const { log } = await testEmbeddedLog(admin);
    return {
      log,
      entries: (topic, starts) => readEmbeddedLog(admin, topic, starts),
      close: () => log.close(),
    };
  }
  const { brokers, server } = await startKafka();
  const log = openKafkaLog({ brokers: [brokers] }, { clientId: "test", replicationFactor: 1 });
  const close = async () => {
    await log.close();
    await server.remove();
  };
  return { log, entries: (topic, starts) => readKafkaLog([brokers], topic, starts), close };
}

/** Two cells, each with its consumers, that follow placements and shadows as hosts do; and tenants under load. */
export class MovePlant {
  readonly test: TestCatalog;
  readonly cells: Readonly<Record<CellName, CellSecret>>;
  readonly #log: CheckedLog;
  readonly #folder: string;
  readonly #stop = new AbortController();
  readonly #consuming: Promise<void>[] = [];
  readonly #pools: pg.Pool[] = [];
  /** What consumers were alarmed about. */
  readonly alarms: string[] = [];

  private constructor(
    test: TestCatalog,
    cells: Readonly<Record<CellName, CellSecret>>,
    log: CheckedLog,
    folder: string,
  ) {
    this.test = test;
    this.cells = cells;
    this.#log = log;
    this.#folder = folder;
  }

  /** @param given - cells on servers of their own, whether the log is Kafka, and how many consumers a cell has */
  static async start(
    given: {
      readonly cells?: Readonly<Record<CellName, CellSecret>>;
      readonly isReal?: boolean;
      readonly consumersPerCell?: number;
    } = {},
  ): Promise<MovePlant> {
    const test = await testCatalog();
    const cells = given.cells ?? { S: await testCell(), T: await testCell() };
    await registerTestCells(test.catalog, ["S", "T"]);
    const folder = await mkdtemp(path.join(tmpdir(), "millwright-move-"));
    const plant = new MovePlant(
      test,
      cells,
      await checkedLog(test.admin, given.isReal ?? usesRealServices),
      folder,
    );
    // two of each: what one stores, the other is given, too
    for (let number = 0; number < (given.consumersPerCell ?? 2); number++)
      for (const cell of ["S", "T"] as const) plant.#consume(cell);
    return plant;
  }

  get log(): EventLog {
    return this.#log.log;
  }

  #consume(cell: CellName): void {
    const pool = openIngestPool(this.cells[cell], "test");
    this.#pools.push(pool);
    const subscription = ingestSubscription({
      ...{ cell, pool, machines: everyMachine, now: Date.now },
      topics: () => topicsOfCell(this.test.catalog.service, cell),
      alarm: ({ error }) => void this.alarms.push(String((error as Error).cause ?? error)),
      outOfRange: ({ topic }) => void this.alarms.push(`${topic} is out of range`),
      stored: () => undefined,
    });
    this.#consuming.push(this.log.consume(subscription, this.#stop.signal));
  }

  /** A tenant at home in S. */
  async addTenant(id: string, kind: TopicKind = "own"): Promise<LoadedTenant> {
    const tenant = tenantId.parse(id);
    const topic = kind === "own" ? topicName(tenant, "readings", 1) : SHARED_READINGS.topic;
    await this.log.createTopic(topic, PARTITIONS);
    const bounds = [0, 1].map((partition) => this.log.bounds({ topic, partition }));
    const starts = (await Promise.all(bounds)).map(({ end }) => end);
    await testTenant(this.cells.S, id, { topics: [{ topic, partitions: PARTITIONS, starts }] });
    await placeTestTenant(this.test.catalog, tenant, "S", topic);
    await this.test.catalog.service.query("select pg_notify('placement_changed', $1)", [tenant]);
    const headers = kind === "own" ? {} : ownerHeaders(tenant, 1);
    return new LoadedTenant(
      this,
      { tenant, topic, starts, headers },
      new JournalWriter(path.join(this.#folder, id)),
    );
  }

  positions(cell: CellName, tenant: TenantId): Promise<bigint[]> {
    return asCellRole(this.cells[cell], "admin", async (client) => {
      const { rows } = await client.query<{ next_offset: bigint }>(
        "select next_offset from millwright.log_position where tenant = $1 order by partition",
        [tenant],
      );
      return rows.map((row) => row.next_offset);
    });
  }

  entries({ topic, starts }: PlaneTenant): Promise<LogEntry[]> {
    return this.#log.entries(topic, starts);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#consuming);
    await Promise.all([...this.#pools.map((pool) => pool.end()), this.#log.close()]);
    await this.test.catalog.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A tenant whose machines report until `stopLoad`, some late, some twice, some nonsense; and who reads all the time. */
export class LoadedTenant {
  readonly tenant: TenantId;
  readonly #facts: PlaneTenant;
  readonly #plant: MovePlant;
  readonly #journal: JournalWriter;
  readonly #stop = new AbortController();
  #working: Promise<void>[] = [];
  /** How often readings that had been there were not there. */
  vanishedCount = 0;
  readCount = 0;

  constructor(plant: MovePlant, facts: PlaneTenant, journal: JournalWriter) {
    this.#plant = plant;
    this.tenant = facts.tenant;
    this.#facts = facts;
    this.#journal = journal;
  }

  /**
   * @param pauses - after each call of a sender, and between two reads
   * @param clockMs - where the machines' clocks begin: those of a fast sender run ahead (a reading takes them 0.2 s on), at
   *   last out of the range of what is stored; so early that no test lasts that long, however slow its machine
   */
  startLoad(seed: number, { pauseMs = 5, readPauseMs = 0, clockMs = Date.now() - HOUR_MS } = {}): void {
    const { tenant } = this;
    const common = { ...this.#facts, log: this.#plant.log, journal: this.#journal, pauseMs };
    const senders = ["a", "b"].map((name, index) => {
      const connection = `${tenant}-${name}`;
      const workload = new Workload(randomFrom(seed + index), connection, clockMs);
      return send({ ...common, connection, workload }, this.#stop.signal);
    });
    this.#working = [...senders, this.#read(readPauseMs)];
  }

  /** Resolves when the last repetition is acknowledged. */
  async stopLoad(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#working);
  }

  /** Clients whose answers were lost send the oldest of their batches again. */
  async repeatOldest(count: number): Promise<void> {
    const { records } = readJournal(this.#journal.file);
    const oldest = [...records.values()].filter((record) => record.batch !== undefined && isAcked(record));
    for (const record of oldest.slice(0, count)) {
      await this.#plant.log.append([recordOf(record, this.#facts.headers)]);
      this.#journal.write({ kind: "outcome", record: record.record, outcome: "acked" });
    }
  }

  async #read(pauseMs: number): Promise<void> {
    const { catalog } = this.#plant.test;
    const secrets = {
      get: (name: string) => Promise.resolve(this.#plant.cells[name.replace("cell-", "") as CellName]),
      put: () => Promise.reject(new Error("not here")),
      add: () => Promise.reject(new Error("not here")),
      remove: () => Promise.reject(new Error("not here")),
    };
    const cells = tenantCells({ catalog, secrets });
    let last = 0;
    while (!this.#stop.signal.aborted) {
      const { tenant } = this;
      try {
        const { rows } = await cells.atHome(tenant, ({ pool, epoch }) =>
          queryReadings(
            { pool, now: Date.now, spent: () => undefined },
            { tenant, epoch, type: "energy", toMs: Date.now() + 3_600_000, limit: 10_000 },
          ),
        );
        if (rows.length < last) this.vanishedCount += 1;
        last = rows.length;
        this.readCount += 1;
      } catch (error) {
        if (!(error instanceof MillwrightError && error.retryable)) throw error;
      }
      await pause(pauseMs, this.#stop.signal);
    }
    await cells.close();
  }

  /** Grows with what the cell has stored. */
  async storedCount(cell: CellName): Promise<bigint> {
    return (await this.#plant.positions(cell, this.tenant)).reduce((sum, position) => sum + position, 0n);
  }

  /** Waits until the cell has stored `count` records more. */
  async hasStoredMore(cell: CellName, count: number): Promise<void> {
    const before = await this.storedCount(cell);
    await eventually(
      `${cell} stores on`,
      async () => (await this.storedCount(cell)) >= before + BigInt(count),
    );
  }

  /** Waits until the cell has stored all that is in the log. */
  async hasStoredAll(cell: CellName): Promise<void> {
    await eventually(`${cell} has stored everything`, async () => {
      const positions = await this.#plant.positions(cell, this.tenant);
      const bounds = await Promise.all(
        Array.from({ length: PARTITIONS }, (_, partition) =>
          this.#plant.log.bounds({ topic: this.#facts.topic, partition }),
        ),
      );
      return bounds.every(({ end }, partition) => positions[partition] === end);
    });
  }

  /** Somebody discards the newest dead letter of the cell. @returns which */
  async discardLetter(cell: CellName): Promise<bigint> {
    return eventually("a dead letter", () =>
      asCellRole(this.#plant.cells[cell], "query", async (client) => {
        const { rows } = await client.query<{ log_ref: bigint }>(
          `update millwright.dead_letter set state = 'discarded', handled_at = now(), handled_by = 'somebody'
            where id = (select max(id) from millwright.dead_letter where tenant = $1 and ordinal is null)
            returning log_ref`,
          [this.tenant],
        );
        return rows[0]?.log_ref;
      }),
    );
  }

  /** Its topic has all letters of now. */
  async exportLetters(cell: CellName): Promise<void> {
    await asCellRole(this.#plant.cells[cell], "admin", (client) =>
      client.query("update millwright.dead_letter set is_exported = true where tenant = $1", [this.tenant]),
    );
  }

  async letterState(cell: CellName, logRef: bigint): Promise<unknown> {
    return asCellRole(this.#plant.cells[cell], "admin", async (client) => {
      const { rows } = await client.query<{ state: string; is_exported: boolean }>(
        "select state, is_exported from millwright.dead_letter where tenant = $1 and log_ref = $2",
        [this.tenant, logRef],
      );
      return rows[0];
    });
  }

  /** What is wrong in the cell, in the checker's words. */
  async findings(cell: CellName): Promise<string[]> {
    return findings({
      ...{
        ...this.#facts,
        journal: readJournal(this.#journal.file),
        log: await this.#plant.entries(this.#facts),
      },
      cell: await readCell(cellAddress(this.#plant.cells[cell], "admin"), this.tenant),
      ...{ alerts: { alerts: [], deliveries: [] }, channels: [], received: [], published: [] },
    });
  }
}
