import { expect } from "chai";
import { TenantTopics } from "../../../automation/entrance/tenant-topics.ts";
import { openCatalog, type Catalog } from "../../../data/catalog/catalog.ts";
import type { TenantId } from "../../../model/tenant.ts";
import { TestApi } from "../../support/api.ts";
import { TcpProxy } from "../../support/data-plane/tcp-proxy.ts";
import { eventually } from "../../support/eventually.ts";

describe("the topics of tenants", () => {
  let api: TestApi;
  let wire: TcpProxy;
  let catalog: Catalog;
  let tenant: TenantId;
  let nowMs = 0;
  const codeOf = (topics: TenantTopics, of: TenantId) =>
    topics.topicOf(of).then(
      () => undefined,
      (error: unknown) => (error as { code?: unknown }).code,
    );
  before(async () => {
    api = await TestApi.start();
    const { host = "", port = 0, database = "" } = api.catalog.app.options;
    wire = await TcpProxy.to(port);
    catalog = openCatalog(
      { host, database, port: wire.port },
      { app: "app-test", service: "service-test" },
      "test",
    );
    tenant = await api.tenant("acme");
  });
  after(async () => {
    await catalog.close();
    wire.close();
    await api.close();
  });

  it("stay known while the catalog is away, those that were known before", async () => {
    const other = await api.tenant("globex");
    const topics = new TenantTopics(catalog, () => nowMs);
    const known = await topics.topicOf(tenant);
    wire.cut();
    for (let hour = 0; hour < 3; hour++) {
      nowMs += 3_600_000;
      expect(await topics.topicOf(tenant)).to.deep.equal(known);
    }
    expect(await codeOf(topics, other)).to.match(/^ECONN/);
    wire.mend();
    await eventually("the catalog", () => topics.topicOf(other));
  });

  it("are forgotten within a second when the tenant is being deleted", async () => {
    const topics = new TenantTopics(catalog, () => nowMs);
    await topics.topicOf(tenant);
    await api.catalog.service.query("update tenant set state = 'deleting' where tenant = $1", [tenant]);
    expect(await codeOf(topics, tenant)).to.equal(undefined);
    nowMs += 1_001;
    expect(await codeOf(topics, tenant)).to.equal("tenant-not-ready");
    wire.cut();
    expect(await codeOf(topics, tenant)).to.match(/^ECONN/);
    wire.mend();
  });
});
