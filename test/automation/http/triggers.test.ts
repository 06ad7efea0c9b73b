import { expect } from "chai";
import { tenantId } from "../../../model/tenant.ts";
import { LOCAL_PLACE } from "../../../automation/cost/quote-basis.ts";
import { tierCostsOf } from "../../../automation/cost/tier-costs.ts";
import { getTenant } from "../../../data/catalog/tenant.ts";
import { addDecision, holdDecisions } from "../../../data/catalog/trigger-decision.ts";
import { DEFAULT_TRIGGERS } from "../../../model/trigger-config.ts";
import { NOW_MS, TestApi } from "../../support/api.ts";

const HOUR_MS = 3_600_000;

describe("/v1/triggers", () => {
  let api: TestApi;
  before(async () => {
    api = await TestApi.start();
    await api.tenant("acme");
    await api.tenant("globex");
    await api.catalog.service.query("update tenant set created_at = '2026-01-01'");
  });
  after(() => api.close());

  const decide = async (tenant: string) => {
    const { service } = api.catalog;
    const reasons = [{ metric: "ingestedGbPerDay" as const, value: 120, limit: 100, windowHours: 24 }];
    const id = tenant as Parameters<typeof addDecision>[1]["tenant"];
    const facts = {
      tenant: id,
      direction: "upgrade" as const,
      hourMs: NOW_MS - HOUR_MS,
      reasons,
      configVersion: 0,
    };
    const decision = await addDecision(service, facts);
    await holdDecisions(service, new Map([[tenant, [{ gate: "approval-required", message: "Ask." }]]]));
    return decision;
  };

  it("are the seed's until they are put, and each change is a version and in the audit", async () => {
    const first = await api.call("GET", "/v1/triggers");
    expect(first.body).to.deep.equal({ triggers: DEFAULT_TRIGGERS, version: 0, putAt: null, putBy: null });
    const wanted = { ...DEFAULT_TRIGGERS, maxDedicatedTenants: 3 };
    const put = await api.call("PUT", "/v1/triggers", wanted);
    expect([put.status, put.body.version, put.body.putBy]).to.deep.equal([200, 1, "admin-token"]);
    expect((await api.call("GET", "/v1/triggers")).body.triggers).to.deep.equal(wanted);
    const { body } = await api.call("GET", "/v1/audit?limit=1");
    expect(body.entries[0]).to.deep.include({ action: "triggers.put", subject: "1" });
  });

  it("name the field that is wrong", async () => {
    const { upgrade } = DEFAULT_TRIGGERS;
    const rules = { ...upgrade.rules, ingestedGbPerDay: { limit: -1, windowHours: 24 } };
    const { status, body } = await api.call("PUT", "/v1/triggers", {
      ...DEFAULT_TRIGGERS,
      upgrade: { ...upgrade, rules },
    });
    expect([status, body.errors[0].pointer]).to.deep.equal([400, "/upgrade/rules/ingestedGbPerDay/limit"]);
    expect((await api.call("PUT", "/v1/triggers", { ...DEFAULT_TRIGGERS, more: 1 })).status).to.equal(400);
  });

  it("show a tenant the decisions about itself only", async () => {
    await decide("acme");
    await decide("globex");
    const token = await api.key("viewer", "acme");
    const own = await api.call("GET", "/v1/triggers/decisions", undefined, { token });
    expect(own.body.decisions.map((one: { tenant: string }) => one.tenant)).to.deep.equal(["acme"]);
    const all = await api.call("GET", "/v1/triggers/decisions?status=recommended&limit=1");
    expect([all.body.decisions[0].tenant, all.body.decisions[0].holds[0].gate]).to.deep.equal([
      "globex",
      "approval-required",
    ]);
    const next = await api.call("GET", `/v1/triggers/decisions?cursor=${all.body.nextCursor as string}`);
    expect(next.body.decisions[0].tenant).to.equal("acme");
  });

  it("let a person approve or refuse what is open, once, and record it", async () => {
    const { body } = await api.call("GET", "/v1/triggers/decisions");
    const [globex, acme] = body.decisions.map(({ id }: { id: string }) => id) as [string, string];
    const approved = await api.call("POST", `/v1/decisions/${acme}/approve`, { reason: "agreed with sales" });
    expect([approved.status, approved.body.decision.status, approved.body.decision.approvedBy]).to.deep.equal(
      [200, "recommended", "admin-token"],
    );
    expect(approved.body.decision.holds, "what was approved waits for no approval").to.deep.equal([]);
    const refused = await api.call("POST", `/v1/decisions/${globex}/refuse`);
    expect(refused.body.decision.status).to.equal("refused");
    const again = await api.call("POST", `/v1/decisions/${globex}/approve`);
    expect([again.status, again.body.code]).to.deep.equal([409, "decision-ended"]);
    const unknown = await api.call("POST", "/v1/decisions/00000000-0000-4000-8000-000000000000/refuse");
    expect([unknown.status, unknown.body.code]).to.deep.equal([404, "decision-unknown"]);
    const audit = await api.call("GET", "/v1/audit?tenant=acme&limit=1");
    expect(audit.body.entries[0]).to.deep.include({ action: "decision.approve", subject: acme });
  });

  it("replay stored usage with another set, and change nothing", async () => {
    await api.catalog.service.query(
      `insert into usage_hour (hour, tenant, row_count, byte_count, query_count, query_ms, violation_count,
                               held_query_count, cell_query_ms)
       select $1::timestamptz - n * interval '1 hour', 'acme', 0, 3::bigint * 1024 ^ 3, 0, 0, 0, 0, 0
         from generate_series(1, 48) n`,
      [new Date(NOW_MS)],
    );
    const before = (await api.call("GET", "/v1/triggers/decisions")).body;
    const range = {
      from: new Date(NOW_MS - 20 * HOUR_MS).toISOString(),
      to: new Date(NOW_MS + HOUR_MS).toISOString(),
    };
    const asIs = await api.call("POST", "/v1/triggers/replay", range);
    expect([asIs.status, asIs.body.decisions, asIs.body.to]).to.deep.equal([
      200,
      [],
      new Date(NOW_MS).toISOString(),
    ]);
    const rules = { ingestedGbPerDay: { limit: 60, windowHours: 24 } };
    const lower = {
      ...DEFAULT_TRIGGERS,
      upgrade: { mode: "automatic", rules },
      downgrade: { mode: "off", rules: {} },
    };
    await api.catalog.service.query("delete from trigger_decision where tenant = 'acme'");
    const { body } = await api.call("POST", "/v1/triggers/replay", { ...range, config: lower });
    expect(body.decisions).to.have.length(1);
    expect(body.decisions[0]).to.deep.include({ tenant: "acme", direction: "upgrade", holds: [] });
    expect(body.decisions[0].decidedAt).to.equal(new Date(NOW_MS - 19 * HOUR_MS).toISOString());
    const { machines } = await getTenant(api.catalog.service, tenantId.parse("acme"));
    const costs = await tierCostsOf(api.catalog.service, LOCAL_PLACE, { tenant: "acme", machines });
    expect(body.dedicatedHourCount).to.equal(19);
    expect(body.dedicatedUsd).to.be.closeTo((19 / 730) * (costs.dedicated - costs.shared), 0.01);
    expect((await api.call("GET", "/v1/triggers/decisions")).body.decisions.length).to.equal(
      before.decisions.length - 1,
    );
    const empty = await api.call("POST", "/v1/triggers/replay", { from: range.to, to: range.from });
    expect(empty.status).to.equal(400);
  });
});
