import { readFile, rm } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createChannel } from "../../../data/catalog/channel.ts";
import { inTenant } from "../../../data/catalog/catalog.ts";
import { createRule } from "../../../data/catalog/rule.ts";
import { channelBody } from "../../../model/channel.ts";
import { ruleBody } from "../../../model/rule.ts";
import { findings } from "../../checker/check.ts";
import type { Evidence } from "../../checker/evidence.ts";
import { readJournal } from "../../checker/journal.ts";
import { readAlerts, readCell } from "../../checker/stored.ts";
import { eventually } from "../eventually.ts";
import { testSealer } from "../sealer.ts";
import { randomFrom } from "../seed.ts";
import { webhookReceiver } from "../webhook-receiver.ts";
import { inflict, planOf, type Fault } from "./fault-plan.ts";
import type { DataPlane, PlaneTenant } from "./plane.ts";
import { JournalWriter, send } from "./producer.ts";
import { rulesOf, Workload } from "./workload.ts";

/** One has a topic of its own, two share one. */
const TENANTS = { a: "own", b: "shared", c: "shared" } as const;
const CONNECTIONS_PER_TENANT = 2;
/** The load goes on so long after the last fault. */
const AFTER_MS = 150;
/** Far beyond the longest pause of any consumer: a run that needs it has found something. */
const IDLE_LIMIT_MS = 90_000;

export interface RunReport {
  readonly plan: readonly Fault[];
  readonly findings: readonly string[];
  readonly recordCount: number;
  readonly rowCount: number;
  readonly alertCount: number;
}

/**
 * One seeded run: fresh tenants, load, faults, and after all is whole again the checker's word.
 * @param given - the faults, where the seed shall not choose them
 */
export async function faultRun(plane: DataPlane, seed: number, given?: readonly Fault[]): Promise<RunReport> {
  const random = randomFrom(seed);
  const plan = given ?? planOf(random, plane);
  const journal = new JournalWriter(path.join(plane.folder, `journal-${seed}`));
  const receiver = await webhookReceiver(() => (random() < 0.1 ? 503 : 200));
  const tenants: PlaneTenant[] = [];
  const channels = new Map<string, string>();
  try {
    for (const [name, kind] of Object.entries(TENANTS)) {
      const tenant = await plane.addTenant(`run-${seed}-${name}`, kind);
      tenants.push(tenant);
      await plane.addAlertTopic(tenant);
      channels.set(tenant.tenant, await addAlerting(plane, tenant, journal, receiver.url()));
    }
    if (plane.hosts.size === 0) await plane.startHost();
    await underLoad(plane, tenants, journal, random, () => inflict(plane, plan));
    await untilIdle(plane, tenants);
    // A zombie that has woken up ends what it had in hand before the checker looks.
    const [, ...others] = plane.hosts;
    for (const host of others) await plane.endHost(host, "leave");
    if (others.length > 0) await untilIdle(plane, tenants);

    const evidence = await Promise.all(
      tenants.map(async (planeTenant): Promise<Evidence> => {
        const { tenant, topic, starts } = planeTenant;
        const own = receiver.received.filter(({ json }) => json["tenant"] === tenant);
        return {
          ...{ tenant, topic, starts, journal: readJournal(journal.file), channels: [channels.get(tenant)!] },
          log: await plane.logEntries(planeTenant),
          cell: await readCell(plane.cellAdmin, tenant),
          alerts: await readAlerts(plane.catalogAdmin, tenant),
          published: await plane.publishedAlerts(tenant),
          received: own.map(({ json }) => ({
            id: String(json["id"]),
            alert: String(json["alertId"]),
            event: String(json["event"]),
          })),
        };
      }),
    );
    const count = (of: (one: Evidence) => number) => evidence.map(of).reduce((sum, one) => sum + one, 0);
    const found = evidence.flatMap(findings);
    if (found.length === 0) {
      for (const tenant of tenants) await plane.removeTenant(tenant);
      await rm(journal.file);
    }
    return {
      ...{ plan, findings: found },
      recordCount: count(({ log }) => log.length),
      rowCount: count(({ cell }) => [...cell.readings.values()].flat().length),
      alertCount: count(({ alerts }) => alerts.alerts.length),
    };
  } finally {
    await receiver.close();
  }
}

async function untilIdle(plane: DataPlane, tenants: readonly PlaneTenant[]): Promise<void> {
  let [rest, before] = ["", ""];
  const isIdle = async () => (rest = (await plane.unfinished(tenants)).join("; ")) === "";
  do {
    before = rest;
    if (await eventually("everything is consumed", isIdle, IDLE_LIMIT_MS).catch(() => false)) return;
  } while (rest !== before); // a busy machine is slow, and goes on
  const said = (await readFile(plane.hostLog, "utf8")).split("\n").slice(-20).join("\n");
  throw new Error(`not everything is consumed: ${rest}\nThe hosts said last:\n${said}`);
}

/** Rules and a channel; @returns the channel's id */
async function addAlerting(
  { catalog }: DataPlane,
  tenant: PlaneTenant,
  journal: JournalWriter,
  url: string,
): Promise<string> {
  return inTenant(catalog, tenant.tenant, async (tx) => {
    for (const rule of rulesOf(tenant, [`${tenant.tenant}-0-m0`, `${tenant.tenant}-1-m1`])) {
      const { id, type, metric, machines, condition } = rule;
      const body = { id, name: id, type, metric, machines, condition, severity: "high" };
      await createRule(tx, tenant.tenant, ruleBody.parse(body));
      journal.write(rule);
    }
    const events = ["alert.raised", "alert.returned"];
    const channel = channelBody.parse({ kind: "webhook", url, secret: "s3cret", events });
    return (await createChannel(tx, testSealer, tenant.tenant, channel)).id;
  });
}

/** Runs `meanwhile` while every tenant's connections send; resolves when the last of their retries is acknowledged. */
async function underLoad(
  plane: DataPlane,
  tenants: readonly PlaneTenant[],
  journal: JournalWriter,
  random: () => number,
  meanwhile: () => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const logs = Array.from({ length: CONNECTIONS_PER_TENANT }, () => plane.openLog());
  const senders = tenants.flatMap((tenant) =>
    logs.map((log, index) => {
      const connection = `${tenant.tenant}-${index}`;
      const workload = new Workload(randomFrom(Math.floor(random() * 2 ** 31)), connection, Date.now());
      return send({ ...tenant, connection, workload, log, journal, pauseMs: 10 }, stop.signal);
    }),
  );
  try {
    await Promise.race([meanwhile().then(() => delay(AFTER_MS)), Promise.all(senders)]);
  } finally {
    stop.abort();
    await Promise.all(senders);
    await Promise.all(logs.map((log) => log.close()));
  }
}
