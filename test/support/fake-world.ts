import pg from "pg";
import type { ChangeSummary, Engine, SessionRequest, StackSession } from "../../automation/engine/engine.ts";
import type { CellPorts } from "../../automation/operations/dependencies.ts";
import type { DatabaseAddress } from "../../data/pool.ts";
import type { EventLog } from "../../data/event-log/event-log.ts";
import type { SecretStore } from "../../data/secret-store.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { TenantId, Tier } from "../../model/tenant.ts";
import { LOG_RETENTION_MS, tenantLogOf, type TenantTopics } from "../../model/tenant-log.ts";

/**
 * Stands in for what operations act on (engine, log, cells, secrets) where these are not the point of a test. It is kept
 * in PostgreSQL, so its memory survives the process under test, and it counts effects: a thing made twice is seen.
 */
export interface FakeWorld {
  readonly engine: Engine;
  readonly log: EventLog;
  readonly cells: CellPorts;
  readonly secrets: SecretStore;
  readonly close: () => Promise<void>;
}

export type Verb =
  | "open"
  | "preview"
  | "up"
  | "destroy"
  | "outputs"
  | "prepareTenant"
  | "createTopic"
  | "settleFence"
  | "checkLogin";

export interface FakeWorldOptions {
  /** Called before each effect; may wait for the signal, or throw what the real part would throw. */
  readonly before?: (verb: Verb, name: string, signal?: AbortSignal) => Promise<void> | void;
}

const cellLogin = { user: "u", password: "p" };
const cell = {
  host: "127.0.0.1",
  port: 1,
  database: "readings",
  admin: cellLogin,
  ingest: cellLogin,
  query: cellLogin,
};

/** Where every partition of the log ends. */
const LOG_END = 7n;

const TABLES = `
  create schema if not exists fake;
  create table if not exists fake.stack (stack text primary key, token bigint not null, resources int not null default 0,
    made int not null default 0, homes jsonb not null default '[]', rotation int not null default 0);
  create table if not exists fake.topic (topic text primary key, partitions int not null, retention_ms bigint,
    is_dropped boolean not null default false);
  create table if not exists fake.series (tenant text primary key, machines int not null, topics jsonb not null,
    made int not null default 1);
  create table if not exists fake.secret (name text primary key, secret jsonb not null);
  create table if not exists fake.server_command (id text primary key, instance text not null, script text not null);
  create table if not exists fake.call (id bigint generated always as identity, verb text not null, name text not null,
    token bigint)`;

export async function fakeWorld(
  address: DatabaseAddress,
  options: FakeWorldOptions = {},
): Promise<FakeWorld> {
  const pool = new pg.Pool({ ...address, max: 4 });
  pool.on("error", () => undefined);
  await pool.query(`begin; select pg_advisory_xact_lock(1); ${TABLES}; commit`);

  const called = async (verb: Verb, name: string, token: bigint | null = null, signal?: AbortSignal) => {
    await pool.query("insert into fake.call (verb, name, token) values ($1, $2, $3)", [verb, name, token]);
    await options.before?.(verb, name, signal);
  };

  const open = async ({
    stack,
    config,
    fencingToken,
    signal,
    onEvent,
  }: SessionRequest): Promise<StackSession> => {
    await called("open", stack, fencingToken, signal);
    const { rowCount } = await pool.query(
      `insert into fake.stack as s (stack, token) values ($1, $2)
       on conflict (stack) do update set token = $2 where s.token <= $2`,
      [stack, fencingToken],
    );
    if (rowCount !== 1) throw new MillwrightError("operation-fenced", "the stack has seen a higher token");
    const { id, topics, homes, rotation } = JSON.parse(config["millwright:tenant"] as string) as {
      id: TenantId;
      topics: TenantTopics;
      rotation: number;
      homes: readonly { readonly cell: string; readonly tier: Tier; readonly isProtected: boolean }[];
    };
    const effect = async (
      verb: Verb,
      sql: string,
      changes: ChangeSummary,
      ...parameters: readonly string[]
    ): Promise<ChangeSummary> => {
      await called(verb, stack, fencingToken, signal);
      if (signal?.aborted === true) throw new MillwrightError("operation-cancelled", "cancelled");
      const done = await pool.query(`${sql} where stack = $1 and token = $2`, [
        stack,
        fencingToken,
        ...parameters,
      ]);
      if (done.rowCount !== 1) throw new MillwrightError("operation-fenced", "another session came");
      onEvent?.({ kind: "message", message: `${verb} of ${stack}` });
      return changes;
    };
    return {
      preview: () => effect("preview", "update fake.stack set token = token", { create: 3 }),
      up: () =>
        effect(
          "up",
          `update fake.stack set made = made + case resources when 0 then 1 else 0 end, resources = 3, homes = $3, rotation = $4`,
          { create: 3 },
          JSON.stringify(homes),
          String(rotation),
        ),
      async outputs() {
        await called("outputs", stack, fencingToken);
        const dedicated = homes.filter(({ tier }) => tier === "dedicated");
        return {
          placement: {},
          reader: cellLogin,
          log: tenantLogOf(id, topics),
          cells: Object.fromEntries(dedicated.map((home) => [home.cell, cell])),
          servers: Object.fromEntries(dedicated.map((home) => [home.cell, ["i-primary", "i-replica"]])),
        };
      },
      async destroy() {
        const { rows } = await pool.query<{ is_protected: boolean }>(
          `select jsonb_path_exists(homes, '$[*] ? (@.isProtected == true)') as is_protected
             from fake.stack where stack = $1`,
          [stack],
        );
        if (rows[0]?.is_protected === true)
          throw new MillwrightError("engine-failed", "a resource is protected");
        return effect("destroy", "update fake.stack set resources = 0", { delete: 3 });
      },
      drift: () => Promise.resolve([]),
      close: () => Promise.resolve(),
    };
  };

  const unused = () => Promise.reject(new Error("operations do not use this"));
  return {
    engine: { open },
    log: {
      async createTopic(topic, partitions, { retentionMs } = {}) {
        await called("createTopic", topic);
        await pool.query(
          "insert into fake.topic (topic, partitions, retention_ms) values ($1, $2, $3) on conflict do nothing",
          [topic, partitions, retentionMs],
        );
      },
      async dropTopic(topic) {
        await pool.query("update fake.topic set is_dropped = true where topic = $1", [topic]);
      },
      append: unused,
      retention: () => Promise.resolve({ maxAgeMs: LOG_RETENTION_MS, maxBytesPerPartition: Infinity }),
      bounds: () => Promise.resolve({ start: 0n, end: LOG_END }),
      read: unused,
      horizon: unused,
      consume: unused,
      lags: () => Promise.resolve([]),
      ping: () => Promise.resolve(),
      close: () => Promise.resolve(),
    },
    cells: {
      prepareCell: () => Promise.resolve(),
      async prepareTenant(_secret, { tenant, machines, topics }) {
        await called("prepareTenant", tenant);
        await pool.query(
          `insert into fake.series (tenant, machines, topics) values ($1, $2, $3)
           on conflict (tenant) do update set machines = excluded.machines`,
          [tenant, machines, JSON.stringify(topics.map(({ topic, starts }) => [topic, starts?.map(Number)]))],
        );
      },
      async dropTenantRows(_secret, tenant) {
        const { rowCount } = await pool.query("delete from fake.series where tenant = $1", [tenant]);
        return { series: rowCount ?? 0 };
      },
      async settleFence(_secret, tenant, epoch) {
        await called("settleFence", tenant, epoch);
        return true;
      },
      checkLogin: ({ user }) => called("checkLogin", user),
    },
    secrets: {
      async put(name, secret) {
        await pool.query(
          "insert into fake.secret (name, secret) values ($1, $2) on conflict (name) do update set secret = $2",
          [name, JSON.stringify(secret)],
        );
      },
      async add(name, secret) {
        await pool.query("insert into fake.secret (name, secret) values ($1, $2) on conflict do nothing", [
          name,
          JSON.stringify(secret),
        ]);
      },
      async get(name) {
        const { rows } = await pool.query<{ secret: unknown }>(
          "select secret from fake.secret where name = $1",
          [name],
        );
        return rows[0]?.secret;
      },
      async remove(name) {
        await pool.query("delete from fake.secret where name = $1", [name]);
      },
    },
    close: () => pool.end(),
  };
}

/** The shared cell `shared-1`, known to the catalog and with its connection in the secret store. */
export const sharedCellSecret = cell;
