import { createRule } from "../../data/catalog/rule.ts";
import { createChannel } from "../../data/catalog/channel.ts";
import { listAlerts, type Alert } from "../../data/catalog/alert.ts";
import { inTenant } from "../../data/catalog/catalog.ts";
import type { EventLog } from "../../data/event-log/event-log.ts";
import { channelBody } from "../../model/channel.ts";
import { ruleBody } from "../../model/rule.ts";
import { tenantId, type TenantId } from "../../model/tenant.ts";
import { isShared, ownerHeaders } from "../../model/topic-name.ts";
import { testCatalog, type TestCatalog } from "./catalog.ts";
import { eventually } from "./eventually.ts";
import { testLog } from "./log.ts";
import { testSealer } from "./sealer.ts";

/** A reading of temperature at second `s` of a fixed hour: `[s, value]` or `[s, value, machine]`. */
export type Sample = readonly [seconds: number, value: number, machineId?: string];

export const START_MS = Date.UTC(2026, 10, 1);
let tenants = 0;

/** A tenant with a topic, rules and channels on a real catalog and log; the engine is the test's own. */
export async function alertPlant() {
  const test: TestCatalog = await testCatalog();
  const { log, kafkaBrokers } = await testLog(test.admin);
  /** @param sharedTopic - for readings, instead of one of its own; it is there already */
  const newTenant = async (partitions = 1, sharedTopic?: string) => {
    const tenant: TenantId = tenantId.parse(`plant-${++tenants}`);
    const topic = sharedTopic ?? `${tenant}.readings.g1`;
    await test.catalog.service.query(
      "insert into tenant (tenant, name, tier, state, machines) values ($1, $1, 'shared', 'ready', 1)",
      [tenant],
    );
    const alertTopic = `${tenant}.alerts.g1`;
    await test.catalog.service.query(
      `insert into topic (topic, tenant, stream, generation, partitions)
       values ($1, $2, 'readings', 1, $3), ($4, $2, 'alerts', 1, 1)`,
      [topic, tenant, partitions, alertTopic],
    );
    if (sharedTopic === undefined) await log.createTopic(topic, partitions);
    await log.createTopic(alertTopic, 1);
    await test.catalog.service.query("select pg_notify('placement_changed', '')");
    return { ...plantOf(test, log, tenant, { topic, partitions }), alertTopic };
  };
  /** As we name ourselves in the list of systems that an alert has passed. */
  const origin = async (tenant: string) => {
    const { rows } = await test.catalog.service.query<{ own: string }>(
      "select concat(installation, '/', $1::text) as own from installation",
      [tenant],
    );
    return rows[0]?.own;
  };
  return {
    ...test,
    log,
    kafkaBrokers,
    newTenant,
    origin,
    close: () => Promise.all([test.catalog.close(), log.close()]),
  };
}

interface ReadingsTopic {
  readonly topic: string;
  readonly partitions: number;
}

function plantOf(
  { catalog }: TestCatalog,
  log: EventLog,
  tenant: TenantId,
  { topic, partitions }: ReadingsTopic,
) {
  const owner = isShared(topic) ? ownerHeaders(tenant, 1) : {};
  return {
    tenant,
    topic,
    rule: (condition: object = {}, rest: object = {}) =>
      inTenant(catalog, tenant, (tx) => createRule(tx, tenant, ruleOf(condition, rest))),
    /** A rule of any kind. */
    ruleOf: (body: object) =>
      inTenant(catalog, tenant, (tx) =>
        createRule(
          tx,
          tenant,
          ruleBody.parse({ name: "any", type: "machine", severity: "critical", ...body }),
        ),
      ),
    channel: (url: string, rest: object = {}) =>
      makeChannel(catalog, tenant, { kind: "webhook", url, secret: "s3cret", ...rest }),
    channelOf: (body: object) => makeChannel(catalog, tenant, body),
    /** One record with one reading of a machine at a second of the fixed hour. */
    report: (seconds: number, values: object, rest: object = {}) =>
      log.append([
        {
          ...{ topic, partition: 0, headers: { source: "live", ...owner } },
          value: Buffer.from(JSON.stringify([{ ...wireOf([seconds, 0]), values, ...rest }])),
        },
      ]),
    /** One record with these readings. */
    send: (samples: readonly Sample[], headers: Record<string, string> = {}, partition = 0) =>
      log.append([
        {
          topic,
          partition,
          headers: { "produced-at": String(Date.now()), source: "live", ...headers, ...owner },
          value: Buffer.from(JSON.stringify(samples.map(wireOf))),
        },
      ]),
    alerts: async (filter: object = {}): Promise<readonly Alert[]> =>
      (await inTenant(catalog, tenant, (tx) => listAlerts(tx, tenant, { limit: 1_000, ...filter }))).items,
    /** Resolves when all that the log holds now is evaluated, which on Kafka is more than was sent: horizons are records. */
    caughtUp: async () => {
      const ends = await Promise.all(
        Array.from(
          { length: partitions },
          async (_, partition) => (await log.bounds({ topic, partition })).end,
        ),
      );
      await eventually("everything in the log is evaluated", async () => {
        const { rows } = await catalog.service.query<{ partition: number; offset: bigint }>(
          'select partition, next_offset as "offset" from alert_position where topic = $1',
          [topic],
        );
        const positions = new Map(rows.map(({ partition, offset }) => [partition, offset]));
        return ends.every((end, partition) => (positions.get(partition) ?? 0n) >= end);
      });
    },
  };
}

function makeChannel(catalog: TestCatalog["catalog"], tenant: TenantId, body: object) {
  return inTenant(catalog, tenant, (tx) => createChannel(tx, testSealer, tenant, channelBody.parse(body)));
}

export function ruleOf(condition: object = {}, rest: object = {}) {
  return ruleBody.parse({
    name: "too hot",
    type: "machine",
    metric: "temperature_c",
    condition: { kind: "threshold", op: ">", limit: 80, ...condition },
    severity: "critical",
    ...rest,
  });
}

export function wireOf([seconds, value, machineId = "m-001"]: Sample) {
  const ts = new Date(START_MS + seconds * 1000).toISOString();
  return { type: "machine", machineId, ts, values: { temperature_c: value } };
}
