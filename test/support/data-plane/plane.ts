import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import pg from "pg";
import { openCatalog, prepareCatalog, type Catalog } from "../../../data/catalog/catalog.ts";
import { registerCell } from "../../../data/catalog/cell.ts";
import { addTenant } from "../../../data/catalog/tenant.ts";
import { createDatabase } from "../../../data/create-database.ts";
import type { CellSecret } from "../../../data/cell/cell-secret.ts";
import { dropTenantRows } from "../../../data/cell/prepare-cell.ts";
import type { EventLog } from "../../../data/event-log/event-log.ts";
import type { DatabaseAddress } from "../../../data/pool.ts";
import { folderSecretStore } from "../../../data/secret-store.ts";
import { tenantId, tenantNames, topicName, type TenantId, type TopicKind } from "../../../model/tenant.ts";
import { isShared, ownerHeaders, SHARED_READINGS } from "../../../model/topic-name.ts";
import type { ServerProcess } from "../../../automation/services/server-process.ts";
import type { Published } from "../../checker/evidence.ts";
import type { LogEntry, PartitionEnd } from "../../checker/log-entries.ts";
import { dropTenantSchema, prepareTestCell, testTenant } from "../cell.ts";
import { TEST_CHANNEL_KEY } from "../sealer.ts";
import { HostProcess } from "./host-process.ts";
import { DatabaseServer, type DatabaseKind } from "./database-server.ts";
import { embeddedPlaneLog, kafkaPlaneLog, type PlaneLog } from "./plane-log.ts";

const CELL = "cell-1";
const PASSWORDS = { app: "app-test", service: "service-test", log: "log-test" };
export const PARTITIONS = 2;

/** A tenant of one run, gone after it. */
export interface PlaneTenant {
  readonly tenant: TenantId;
  readonly topic: string;
  /** Offsets of the topic, by partition, when the tenant came. */
  readonly starts: readonly bigint[];
  /** Of its records, where others share the topic. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface PlaneCell {
  readonly name: string;
  readonly server: DatabaseServer;
  /** Past the proxy. */
  readonly secret: CellSecret;
}

/** What log and cell stand on: the embedded log and PostgreSQL, or Kafka and TimescaleDB. */
export type Pair = "embedded" | "real";

/**
 * Log, catalog and one cell on servers of their own, and host processes on them: what production runs, made without
 * its operations. Hosts and producers go through a proxy that can cut them off, the checker does not.
 */
export class DataPlane {
  readonly folder: string;
  readonly cell: DatabaseServer;
  readonly catalogServer: DatabaseServer;
  readonly cellAdmin: DatabaseAddress;
  readonly catalogAdmin: DatabaseAddress;
  /** For set-up: past the proxy. */
  readonly catalog: Catalog;
  readonly #cellSecret: CellSecret;
  readonly #log: PlaneLog;
  readonly #setUpLog: EventLog;
  readonly hosts = new Set<HostProcess>();

  private constructor(
    folder: string,
    cell: DatabaseServer,
    catalogServer: DatabaseServer,
    secret: CellSecret,
    log: PlaneLog,
  ) {
    this.folder = folder;
    this.cell = cell;
    this.catalogServer = catalogServer;
    this.#cellSecret = secret;
    this.cellAdmin = { ...cell.address, database: secret.database };
    this.catalogAdmin = { ...catalogServer.address, database: "millwright" };
    this.catalog = openCatalog(this.catalogAdmin, PASSWORDS, "test");
    this.#log = log;
    this.#setUpLog = log.open("test");
  }

  /** @param options.onSmallDisk - the cell's disk is small and in memory, so that a test can fill it */
  static async start(
    options: { readonly pair?: Pair; readonly onSmallDisk?: boolean } = {},
  ): Promise<DataPlane> {
    const { pair = "embedded", onSmallDisk = true } = options;
    const cellKind = pair === "embedded" ? "PostgreSQL" : "TimescaleDB";
    const folder = await mkdtemp(path.join(tmpdir(), "millwright-plane-"));
    const [cell, catalogServer] = await Promise.all([
      DatabaseServer.start(cellKind, path.join(folder, "cell"), onSmallDisk),
      DatabaseServer.start("PostgreSQL", path.join(folder, "catalog"), false),
    ]);
    const cellAdmin = { ...cell.address, database: "readings" };
    await createDatabase({ ...cellAdmin, database: "postgres" }, cellAdmin.database);
    const secret = await prepareTestCell(cellAdmin);
    const catalogAdmin = { ...catalogServer.address, database: "millwright" };
    await createDatabase({ ...catalogAdmin, database: "postgres" }, catalogAdmin.database);
    await prepareCatalog(catalogAdmin, PASSWORDS);
    const log =
      pair === "embedded"
        ? await embeddedPlaneLog(catalogServer, catalogAdmin, PASSWORDS.log)
        : await kafkaPlaneLog(path.join(folder, "kafka"));

    const plane = new DataPlane(folder, cell, catalogServer, secret, log);
    await registerCell(plane.catalog.service, { name: CELL, tier: "shared", tenantCapacity: 1_000 });
    const secrets = folderSecretStore(path.join(plane.home, "secrets"));
    const { host, database } = catalogAdmin;
    await secrets.put("catalog", { host, port: catalogServer.proxy.port, database, ...PASSWORDS });
    await secrets.put("channel-key", TEST_CHANNEL_KEY);
    await secrets.put(`cell-${CELL}`, { ...secret, port: cell.proxy.port });
    if (log.kafka !== undefined) await secrets.put("kafka", log.kafka.secret);
    return plane;
  }

  /** What processes of the platform are given: secrets that lead through the proxies. */
  get home(): string {
    return path.join(this.folder, "home");
  }

  /** Another cell, on a server of its own. */
  async addCell(name: string, kind: DatabaseKind): Promise<PlaneCell> {
    const server = await DatabaseServer.start(kind, path.join(this.folder, name), true);
    const admin = { ...server.address, database: "readings" };
    await createDatabase({ ...admin, database: "postgres" }, admin.database);
    const secret = await prepareTestCell(admin);
    await registerCell(this.catalog.service, { name, tier: "shared", tenantCapacity: 1_000 });
    const secrets = folderSecretStore(path.join(this.home, "secrets"));
    await secrets.put(`cell-${name}`, { ...secret, port: server.proxy.port });
    return { name, server, secret };
  }

  /** The cell that tenants are at home in when they come. */
  get firstCell(): PlaneCell {
    return { name: CELL, server: this.cell, secret: this.#cellSecret };
  }

  get hostLog(): string {
    return path.join(this.folder, "hosts.log");
  }

  async startHost(): Promise<HostProcess> {
    const host = await HostProcess.start(this.home, this.hostLog);
    this.hosts.add(host);
    return host;
  }

  async endHost(host: HostProcess, how: "kill" | "leave"): Promise<void> {
    this.hosts.delete(host);
    await host[how]();
  }

  /** undefined: the log is embedded */
  get broker(): ServerProcess | undefined {
    return this.#log.kafka?.broker;
  }

  /** A log for a producer of its own: close it after use. */
  openLog(): EventLog {
    return this.#log.open("producer");
  }

  /** All records of a tenant's topic since it came, for the checker. */
  logEntries({ topic, starts }: Pick<PlaneTenant, "topic" | "starts">): Promise<LogEntry[]> {
    return this.#log.entries(topic, starts);
  }

  /** Records that the tenant's topic, its own, has ever had. */
  async logEnd({ topic }: Pick<PlaneTenant, "topic">): Promise<bigint> {
    return (await this.#log.ends([topic])).reduce((sum, { end }) => sum + end, 0n);
  }

  async addTenant(id: string, kind: TopicKind = "own"): Promise<PlaneTenant> {
    const tenant = tenantId.parse(id);
    const topic = kind === "own" ? topicName(tenant, "readings", 1) : SHARED_READINGS.topic;
    const { service } = this.catalog;
    const facts = { name: id, tier: "shared" as const, machines: 10, budgetUsdPerMonth: null, contacts: [] };
    await addTenant(service, { id: tenant, ...facts });
    await this.#setUpLog.createTopic(topic, PARTITIONS);
    const bounds = Array.from({ length: PARTITIONS }, (_, partition) =>
      this.#setUpLog.bounds({ topic, partition }),
    );
    const starts = (await Promise.all(bounds)).map(({ end }) => end);
    await testTenant(this.#cellSecret, id, { topics: [{ topic, partitions: PARTITIONS, starts }] });
    await service.query(
      `with placed as (insert into tenant_placement (tenant, cell, database, schema, epoch, state)
                       values ($1, $2, $3, $4, 1, 'stable')),
            topics as (insert into topic (topic, tenant, stream, generation, partitions)
                       values ($5, $1, 'readings', 1, $6))
       update tenant set state = 'ready' where tenant = $1`,
      [tenant, CELL, this.cellAdmin.database, tenantNames(tenant).schema, topic, PARTITIONS],
    );
    await service.query("select pg_notify('placement_changed', '')");
    return { tenant, topic, starts, headers: kind === "own" ? {} : ownerHeaders(tenant, 1) };
  }

  /** From now on what happens to the tenant's alerts is published. */
  async addAlertTopic({ tenant }: PlaneTenant): Promise<void> {
    const topic = topicName(tenant, "alerts", 1);
    await this.#setUpLog.createTopic(topic, 1);
    await this.catalog.service.query(
      "insert into topic (topic, tenant, stream, generation, partitions) values ($1, $2, 'alerts', 1, 1)",
      [topic, tenant],
    );
  }

  async publishedAlerts(tenant: TenantId): Promise<Published[]> {
    const entries = await this.#log.entries(topicName(tenant, "alerts", 1));
    return entries.map(({ value }) => JSON.parse(value.toString()) as Published);
  }

  async removeTenant({ tenant, topic }: PlaneTenant): Promise<void> {
    await this.catalog.service.query("delete from tenant where tenant = $1", [tenant]);
    await this.catalog.service.query("select pg_notify('placement_changed', '')");
    if (!isShared(topic)) await this.#setUpLog.dropTopic(topic);
    await this.#setUpLog.dropTopic(topicName(tenant, "alerts", 1));
    await dropTenantRows(this.#cellSecret, tenant);
    await dropTenantSchema(this.#cellSecret, tenant);
  }

  /**
   * What is still to do: of all that is in the tenants' logs something is not stored or not evaluated, a delay runs, or
   * something waits to be sent or published. Nothing when all is done.
   */
  async unfinished(tenants: readonly PlaneTenant[]): Promise<readonly string[]> {
    const names = tenants.map(({ tenant }) => tenant);
    const topics = tenants.map(({ topic }) => topic);
    const distinct = [...new Set(topics)];
    const ends = endsByPartition(await this.#log.ends(distinct));
    const [stored, evaluated] = await Promise.all([
      Promise.all(names.map((name) => positionsIn(this.cellAdmin, "millwright.log_position", topics, name))),
      positionsIn(this.catalogAdmin, "catalog.alert_position", topics),
    ]);
    const behind = [...ends].flatMap(([partition, end]) => [
      ...tenants.flatMap(({ tenant, topic }, index) => {
        const position = stored[index]?.get(partition) ?? 0n;
        return !partition.startsWith(`${topic}/`) || position === end
          ? []
          : [`${partition} is stored to ${position} of ${end} for ${tenant}`];
      }),
      ...((evaluated.get(partition) ?? 0n) === end
        ? []
        : [`${partition} is evaluated to ${evaluated.get(partition)} of ${end}`]),
    ]);
    if (behind.length > 0) return behind;
    // Leases of killed dispatchers are aged instead of waited for: a delivery may go out twice under one id. Those of
    // publishers are given longer than a publication takes now that all is whole: two at once would mix up the order.
    const waiting = await queryOnce<{ what: string }>(
      this.catalogAdmin,
      `with aged as (update catalog.delivery set due_at = least(due_at, now() + interval '300 ms')
                      where delivered_at is null and tenant = any($1) returning 1),
       freed as (update catalog.publication_lease set expires_at = least(expires_at, now() + interval '2 s')
                  where tenant = any($1))
       select concat(count(*), ' deliveries wait') as what from aged having count(*) > 0 union all
       select concat(count(*), ' events are not published') from catalog.alert_event
        where tenant = any($1) having count(*) > 0 union all
       select concat(count(*), ' delays run') from catalog.rule_state
        where tenant = any($1) and deadline_ms is not null having count(*) > 0`,
      [names],
    );
    if (waiting.length > 0) return waiting.map(({ what }) => what);
    // On Kafka the end of a delay is a record of the log, which came perhaps while we looked.
    const isStill = isDeepStrictEqual(endsByPartition(await this.#log.ends(distinct)), ends);
    return isStill ? [] : ["a log has grown"];
  }

  /** Grows whenever anything is stored, or evaluated. */
  async positionSum(): Promise<{ readonly stored: bigint; readonly evaluated: bigint }> {
    const sumIn = async (server: pg.ClientConfig, table: string) => {
      const [row] = await queryOnce<{ sum: string }>(
        server,
        `select sum(next_offset)::text from ${table}`,
        [],
      );
      return BigInt(row?.sum ?? 0);
    };
    return {
      stored: await sumIn(this.cellAdmin, "millwright.log_position"),
      evaluated: await sumIn(this.catalogAdmin, "catalog.alert_position"),
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.hosts].map((host) => this.endHost(host, "kill")));
    await Promise.all([this.catalog.close(), this.#setUpLog.close()]);
    await Promise.all([this.cell.remove(), this.catalogServer.remove(), this.broker?.remove()]);
    await rm(this.folder, { recursive: true, force: true });
  }
}

const nameOf = ({ topic, partition }: { readonly topic: string; readonly partition: number }) =>
  `${topic}/${partition}`;

const endsByPartition = (ends: readonly PartitionEnd[]) => new Map(ends.map((one) => [nameOf(one), one.end]));

async function positionsIn(
  server: pg.ClientConfig,
  table: string,
  topics: readonly string[],
  tenant?: string,
): Promise<ReadonlyMap<string, bigint>> {
  const sql = `select topic, partition, next_offset::text from ${table}
                where topic = any($1) and ($2::text is null or tenant = $2)`;
  const rows = await queryOnce<{ topic: string; partition: number; next_offset: string }>(server, sql, [
    topics,
    tenant ?? null,
  ]);
  return new Map(rows.map((row) => [nameOf(row), BigInt(row.next_offset)]));
}

async function queryOnce<T extends pg.QueryResultRow>(
  server: pg.ClientConfig,
  sql: string,
  values: unknown[],
): Promise<readonly T[]> {
  const client = new pg.Client(server);
  await client.connect();
  try {
    return (await client.query<T>(sql, values)).rows;
  } finally {
    await client.end();
  }
}
