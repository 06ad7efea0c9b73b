import { expect } from "chai";
import { getAlert, listAlerts, shelveAlert } from "../../../data/catalog/alert.ts";
import { inTenant } from "../../../data/catalog/catalog.ts";
import { createChannel, deleteChannel, listChannels } from "../../../data/catalog/channel.ts";
import { takeMachineOut } from "../../../data/catalog/out-of-service.ts";
import { createRule, getRule, listRules } from "../../../data/catalog/rule.ts";
import { ALERT_STATES } from "../../../model/alert-state.ts";
import { channelBody } from "../../../model/channel.ts";
import { ruleBody } from "../../../model/rule.ts";
import { alertPlant, ruleOf } from "../../support/alert-plant.ts";
import { testSealer } from "../../support/sealer.ts";

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "done",
    (error: unknown) => (error as { code?: string }).code,
  );

describe("rules, alerts and channels in the catalog", () => {
  let plant: Awaited<ReturnType<typeof alertPlant>>;
  before(async () => (plant = await alertPlant()));
  after(() => plant.close());

  it("shows each tenant its own only", async () => {
    const [acme, globex] = [await plant.newTenant(), await plant.newTenant()];
    const rule = await acme.rule({}, { id: "hot" });
    const channel = await acme.channel("http://127.0.0.1:1/");
    const asGlobex = <T>(work: Parameters<typeof inTenant<T>>[2]) =>
      inTenant(plant.catalog, globex.tenant, work);
    // as the other tenant, but asking for this one's rows: row-level security is the last line
    expect((await asGlobex((tx) => listRules(tx, acme.tenant, { limit: 10 }))).items).to.deep.equal([]);
    expect((await asGlobex((tx) => listChannels(tx, acme.tenant, { limit: 10 }))).items).to.deep.equal([]);
    expect(await codeOf(asGlobex((tx) => getRule(tx, acme.tenant, rule.id)))).to.equal("rule-unknown");
    const deleted = codeOf(asGlobex((tx) => deleteChannel(tx, acme.tenant, channel.id)));
    expect(await deleted).to.equal("channel-unknown");
    const forged = codeOf(asGlobex((tx) => createRule(tx, acme.tenant, ruleOf())));
    expect(await forged).to.equal("42501");
    const body = channelBody.parse({ kind: "webhook", url: "http://x.example/", secret: "s" });
    expect(await codeOf(asGlobex((tx) => createChannel(tx, testSealer, acme.tenant, body)))).to.equal(
      "42501",
    );
  });

  it("refuses a second rule with a taken id, and pages through many", async () => {
    const acme = await plant.newTenant();
    for (const id of ["a", "b", "c"]) await acme.rule({}, { id });
    expect(await codeOf(acme.rule({}, { id: "b" }))).to.equal("rule-exists");
    const page = (cursor?: string) =>
      inTenant(plant.catalog, acme.tenant, (tx) => listRules(tx, acme.tenant, { limit: 2, cursor }));
    const first = await page();
    const second = await page(first.nextCursor ?? "");
    expect([...first.items, ...second.items].map(({ id }) => id)).to.deep.equal(["a", "b", "c"]);
    expect(second.nextCursor).to.equal(null);
    expect(await codeOf(page("nonsense"))).to.equal("request-invalid");
  });

  it("filters by the same states that it shows, and pages newest first", async () => {
    const acme = await plant.newTenant();
    await plant.catalog.service.query(
      `insert into alert (tenant, alert, rule, rule_name, type, metric, severity, machine_id, value, log_ref, ordinal,
                          raised_at, appended_at, evaluated_at, returned_at, acknowledged_at, shelved_until,
                          suppressed_by, released_at)
       select $1, concat(r, a, s, p, m), 'r', 'r', 'machine', 'temperature_c', 'low', 'm-' || m, '1', 0, 0, now(), now(),
              now(), case when r = 1 then now() end, case when a = 1 then now() end,
              case s when 1 then now() - interval '1 h' when 2 then now() + interval '1 h' end,
              case when p > 0 then 'other' end, case when p = 2 then now() end
         from generate_series(0, 1) r, generate_series(0, 1) a, generate_series(0, 2) s, generate_series(0, 2) p,
              generate_series(0, 1) m`,
      [acme.tenant],
    );
    await inTenant(plant.catalog, acme.tenant, (tx) =>
      takeMachineOut(tx, acme.tenant, "m-1", { by: "ann", reason: "spindle is changed" }),
    );
    let count = 0;
    for (const state of ALERT_STATES) {
      const alerts = await acme.alerts({ state });
      expect(new Set(alerts.map((alert) => alert.state))).to.deep.equal(new Set([state]));
      count += alerts.length;
    }
    expect(count).to.equal(72);
    const ids: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const filter = { limit: 5, cursor };
      const page = await inTenant(plant.catalog, acme.tenant, (tx) => listAlerts(tx, acme.tenant, filter));
      ids.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    expect(ids).to.deep.equal(ids.toSorted().reverse()); // all of one instant, so by id
    expect(new Set(ids).size).to.equal(72);
    const shelve = (id: string, untilMs: number) =>
      codeOf(
        inTenant(plant.catalog, acme.tenant, (tx) =>
          shelveAlert(tx, acme.tenant, id, { by: "ann", untilMs }),
        ),
      );
    expect(await shelve("11000", Date.now() + 1_000)).to.equal("alert-state-conflict");
    expect(await shelve("00000", Date.now() - 1_000)).to.equal("request-invalid");
    expect(await shelve("00000", Date.now() + 30 * 86_400_000)).to.equal("request-invalid");
    expect(await shelve("nobody", Date.now() + 1_000)).to.equal("alert-unknown");
    const unknown = inTenant(plant.catalog, acme.tenant, (tx) => getAlert(tx, acme.tenant, "nobody"));
    expect(await codeOf(unknown)).to.equal("alert-unknown");
  });

  it("goes with its tenant", async () => {
    const acme = await plant.newTenant();
    await acme.rule();
    await acme.channel("http://127.0.0.1:1/");
    await plant.catalog.service.query("delete from tenant where tenant = $1", [acme.tenant]);
    const { rowCount } = await plant.catalog.service.query("select from rule where tenant = $1", [
      acme.tenant,
    ]);
    expect(rowCount).to.equal(0);
  });
});

describe("rule and channel bodies", () => {
  const rule = { name: "n", type: "machine", metric: "temperature_c", severity: "low" };
  const condition = { kind: "threshold", op: ">", limit: 80 };
  const wrong: [string, object][] = [
    ["an unknown kind", { ...rule, condition: { ...condition, kind: "trend" } }],
    ["a state of a metric that is a number", { ...rule, condition: { kind: "state", equals: "hot" } }],
    ["missing data of one metric", { ...rule, condition: { kind: "no-data", onDelayMs: 5_000 } }],
    ["missing data after no time", { ...rule, metric: undefined, condition: { kind: "no-data" } }],
    ["a rate without a window", { ...rule, condition: { ...condition, kind: "rate" } }],
    ["no metric", { ...rule, metric: undefined, condition }],
    ["a metric of another type", { ...rule, metric: "co2_ppm", condition }],
    ["a metric that is no number", { ...rule, metric: "state", condition }],
    ["a limit that is none", { ...rule, condition: { ...condition, limit: Infinity } }],
    ["a negative dead band", { ...rule, condition: { ...condition, deadBand: -1 } }],
    ["an unknown field", { ...rule, condition, colour: "red" }],
    ["an empty list of machines", { ...rule, condition, machines: [] }],
  ];
  for (const [what, body] of wrong) {
    it(`refuses a rule with ${what}`, () => {
      expect(ruleBody.safeParse(body).success).to.equal(false);
    });
  }
  it("says which name of an expression it does not know, and which it does", () => {
    const expression = { kind: "expression", expression: "temperature > 80" };
    const { error } = ruleBody.safeParse({ ...rule, metric: undefined, condition: expression });
    expect(error?.issues[0]?.path).to.deep.equal(["condition", "expression"]);
    expect(error?.issues[0]?.message).to.contain("'temperature'").and.to.contain("temperature_c");
  });
  it("refuses a channel without http or of another kind", () => {
    expect(channelBody.safeParse({ kind: "webhook", url: "ftp://x/", secret: "s" }).success).to.equal(false);
    expect(channelBody.safeParse({ kind: "email", url: "https://x.example", secret: "s" }).success).to.equal(
      false,
    );
  });
});
