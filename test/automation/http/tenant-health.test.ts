import { expect } from "chai";
import { healthService } from "../../../automation/health/health-service.ts";
import type { HealthDeps } from "../../../automation/health/tenant-health.ts";
import { keepDrift, type KeptDrift } from "../../../data/catalog/stack-drift.ts";
import { MillwrightError } from "../../../model/errors.ts";
import type { TenantId } from "../../../model/tenant.ts";
import { NOW_MS, TestApi } from "../../support/api.ts";

describe("health and drift of a tenant by HTTP", () => {
  let api: TestApi;
  let globex: TenantId;
  /** Answers of `POST …/drift`. */
  const looks: (KeptDrift | undefined)[] = [];
  before(async () => {
    const away = () => Promise.reject(new MillwrightError("database-unavailable", "away"));
    const deps = { secretOf: away, log: { bounds: away, read: away }, nowMs: () => NOW_MS };
    let health: ReturnType<typeof healthService> | undefined;
    api = await TestApi.start({
      health: (tenant) => {
        const { service } = api.catalog;
        health ??= healthService({ service, ...deps } satisfies HealthDeps);
        return health(tenant);
      },
      drift: { checkNow: () => Promise.resolve(looks.shift()) },
    });
    await api.tenant("acme");
    globex = await api.tenant("globex");
  });
  after(() => api.close());

  const found = (tenant: TenantId) =>
    keepDrift(api.catalog.service, {
      ...{ stack: `tenant-${tenant}`, tenant, status: "drifted", error: undefined },
      differences: [{ urn: "urn:x::y", kind: "changed", properties: [{ name: "password" }] }],
    });

  it("tells of each part, and answers though the tenant's database is away", async () => {
    const { status, body } = await api.call("GET", "/v1/tenants/acme/health");
    expect([status, body.health.status, body.health.parts.dataPath.status]).to.deep.equal([
      200,
      "down",
      "down",
    ]);
    expect(body.health.parts.placement.facts).to.include({ cell: "shared-1", epoch: 1, state: "stable" });
    expect((await api.call("GET", "/v1/tenants/nobody/health")).status).to.equal(404);
  });

  it("shows a tenant its own, and lets it start no look", async () => {
    await found(globex);
    const token = await api.key("viewer", "globex");
    const status = async (method: string, address: string) =>
      (await api.call(method, address, undefined, { token })).status;
    expect(await status("GET", "/v1/tenants/globex/health")).to.equal(200);
    expect(await status("GET", "/v1/tenants/acme/health")).to.equal(404);
    expect(await status("GET", "/v1/tenants/acme/drift")).to.equal(404);
    expect(await status("POST", "/v1/tenants/globex/drift")).to.equal(403);
    expect(await status("GET", "/v1/drift")).to.equal(403);
    const { body } = await api.call("GET", "/v1/tenants/globex/drift", undefined, { token });
    expect(body.drift).to.include({ stack: "tenant-globex", tenant: "globex", status: "drifted" });
  });

  it("lists the stacks that were looked at, looks on demand, and says when an operation is in the way", async () => {
    const none = await api.call("GET", "/v1/tenants/acme/drift");
    expect([none.status, none.body]).to.deep.equal([200, { drift: null }]);
    looks.push(await found(globex), undefined);
    const looked = await api.call("POST", "/v1/tenants/globex/drift");
    expect([looked.status, looked.body.drift.differences.length]).to.deep.equal([200, 1]);
    const busy = await api.call("POST", "/v1/tenants/globex/drift");
    expect([busy.status, busy.body.code, busy.body.retryable]).to.deep.equal([409, "tenant-busy", true]);
    const { body } = await api.call("GET", "/v1/drift");
    expect(body.stacks.map(({ stack }: { stack: string }) => stack)).to.deep.equal(["tenant-globex"]);
  });

  it("answers at the address of an error's type what to do about it", async () => {
    const { body } = await api.call("POST", "/v1/tenants/globex/drift");
    const { status, text } = await api.call("GET", body.type, undefined, { token: null });
    expect(status).to.equal(200);
    expect(text).to.match(/^# tenant-busy: .+\n\n.*operation list/s);
    expect((await api.call("GET", "/problems/request-invalid")).text).to.match(/^# request-invalid: .+\n$/);
    expect((await api.call("GET", "/problems/log-retention")).status).to.equal(200);
    expect((await api.call("GET", "/problems/constructor")).status).to.equal(404);
  });
});
