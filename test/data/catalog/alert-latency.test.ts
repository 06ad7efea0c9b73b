import { expect } from "chai";
import pg from "pg";
import { latencySummary } from "../../../data/catalog/alert-latency.ts";
import { inTenant } from "../../../data/catalog/catalog.ts";
import { LATENCY_STAGES, PROMISED_LATENCY_MS } from "../../../model/alert-latency.ts";
import { alertPlant, START_MS } from "../../support/alert-plant.ts";
import { randomFrom, seed } from "../../support/seed.ts";

describe(`the latency of stored alerts (seed ${seed})`, () => {
  let plant: Awaited<ReturnType<typeof alertPlant>>;
  before(async () => (plant = await alertPlant()));
  after(() => plant.close());

  it("is summed up in the catalog as the model computes it for each alert", async () => {
    const acme = await plant.newTenant();
    const random = randomFrom(seed);
    const upTo = (limit: number) => Math.floor(random() * limit);
    for (let n = 0; n < 200; n++) {
      const produced = START_MS + upTo(1_000_000);
      const appended = produced + upTo(200);
      const evaluated = appended + upTo(200);
      const committed = evaluated + upTo(200);
      const instant = (ms: number, isKnown = true) => (isKnown ? new Date(ms) : null);
      await plant.catalog.service.query(
        `insert into alert (tenant, alert, rule, rule_name, type, metric, severity, machine_id, value, log_ref, ordinal,
                            raised_at, produced_at, appended_at, evaluated_at, committed_at, notified_at, delay_ms)
         values ($1, $2, 'r', 'r', 'machine', 'temperature_c', 'low', 'm', '1', 0, 0, $3, $4, $5, $6, $7, $8, $9)`,
        [
          acme.tenant,
          `a${n}`,
          new Date(produced),
          instant(produced, upTo(10) > 0),
          instant(appended),
          instant(evaluated),
          instant(committed, upTo(10) > 0),
          instant(committed + upTo(400), upTo(10) > 0),
          upTo(4) === 0 ? upTo(500) : 0,
        ],
      );
    }
    const alerts = await acme.alerts();
    const range = { fromMs: START_MS, toMs: START_MS + 1_000_000 };
    const summary = await inTenant(plant.catalog, acme.tenant, (tx) =>
      latencySummary(tx, acme.tenant, range),
    );
    for (const stage of LATENCY_STAGES) {
      const sorted = alerts.flatMap(({ latencyMs }) => latencyMs[stage] ?? []).sort((a, b) => a - b);
      const at = (share: number) => sorted[Math.ceil(sorted.length * share) - 1];
      expect(summary.stages[stage], stage).to.deep.equal({ p50: at(0.5), p95: at(0.95), p99: at(0.99) });
    }
    const totals = alerts.flatMap(({ latencyMs }) => latencyMs.total ?? []);
    const late = totals.filter((total) => total > PROMISED_LATENCY_MS);
    expect(late).to.not.have.length(0);
    expect([summary.alertCount, summary.notifiedCount, summary.violationCount]).to.deep.equal([
      200,
      totals.length,
      late.length,
    ]);
  });

  it("has its violations in an index of their own: a month of them is counted without the other alerts", async () => {
    const acme = await plant.newTenant();
    await plant.catalog.service.query(
      `insert into alert (tenant, alert, rule, rule_name, type, metric, severity, machine_id, value, log_ref, ordinal,
                          raised_at, appended_at, evaluated_at, notified_at)
       select $1, n::text, 'r', 'r', 'machine', 'temperature_c', 'low', 'm', '1', 0, 0, at, at, at,
              at + case when n % 1000 = 0 then interval '501 ms' else interval '500 ms' end
         from generate_series(1, 20000) n, lateral (select now() - n * interval '1 s' as at) t`,
      [acme.tenant],
    );
    const admin = new pg.Client(plant.admin);
    await admin.connect();
    await admin.query("analyze catalog.alert").finally(() => admin.end());
    const counting = `select count(*) as count from alert
       where latency_ms > ${PROMISED_LATENCY_MS} and notified_at > now() - interval '30 days' and tenant = $1`;
    const { rows: plan } = await plant.catalog.service.query<Record<string, string>>(`explain ${counting}`, [
      acme.tenant,
    ]);
    expect(plan.map((row) => row["QUERY PLAN"]).join("\n")).to.contain("alert_sla_violation");
    const { rows } = await plant.catalog.service.query<{ count: bigint }>(counting, [acme.tenant]);
    expect(rows[0]?.count).to.equal(20n);
  });

  it("is empty, not zero, where there was no alert", async () => {
    const acme = await plant.newTenant();
    const range = { fromMs: START_MS, toMs: START_MS + 1 };
    const summary = await inTenant(plant.catalog, acme.tenant, (tx) =>
      latencySummary(tx, acme.tenant, range),
    );
    expect(summary.alertCount).to.equal(0);
    expect(summary.stages.total).to.deep.equal({ p50: null, p95: null, p99: null });
  });
});
