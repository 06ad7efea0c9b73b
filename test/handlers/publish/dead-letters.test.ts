import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { registerCell } from "../../../data/catalog/cell.ts";
import { placeTenant } from "../../../data/catalog/placement.ts";
import { leaseLetterTopics, releaseTopic } from "../../../data/catalog/publication-lease.ts";
import { addTenant } from "../../../data/catalog/tenant.ts";
import { inTransaction } from "../../../data/pool.ts";
import { runLetterExport } from "../../../handlers/publish/dead-letters.ts";
import { topicName, type TenantId } from "../../../model/tenant.ts";
import { testCatalog } from "../../support/catalog.ts";
import { testTenant } from "../../support/cell.ts";
import { eventually } from "../../support/eventually.ts";
import { connectTo, ingestCell, type IngestCell } from "../../support/ingest-cell.ts";
import { testLog } from "../../support/log.ts";
import { logRecord, machineReading } from "../../support/log-records.ts";
import { newTenant } from "../../support/operations.ts";
import { readTopic } from "../../support/topic-reader.ts";

const FAR_FUTURE = machineReading({ ts: "2090-01-01T00:00:00.000Z" });
let tenantCount = 0;

describe("export of dead letters", () => {
  let test: Awaited<ReturnType<typeof testCatalog>>;
  let log: Awaited<ReturnType<typeof testLog>>["log"];
  let cell: IngestCell;
  const closing: (() => Promise<void>)[] = [];
  before(async () => {
    test = await testCatalog();
    ({ log } = await testLog(test.admin));
    cell = await ingestCell();
    await registerCell(test.catalog.service, { name: "shared-1", tier: "shared", tenantCapacity: 99 });
  });
  after(async () => {
    await Promise.all([cell.close(), log.close()]);
    await test.catalog.close();
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
    await cell.admin("update millwright.dead_letter set is_exported = true");
    await test.catalog.service.query("delete from publication_lease");
  });

  async function tenantAtHome(role: "primary" | "shadow" = "primary"): Promise<TenantId> {
    const tenant = await testTenant(cell.secret, `letters-${++tenantCount}`, { role });
    await inTransaction(test.catalog.service, async (tx) => {
      await addTenant(tx, newTenant(tenant));
      await placeTenant(tx, { id: tenant, topic: "own" }, "shared-1");
    });
    await log.createTopic(topicOf(tenant), 1);
    return tenant;
  }
  const topicOf = (tenant: TenantId) => topicName(tenant, "deadletters", 1);
  const deps = () => ({ pool: test.catalog.service, cell: cell.pool, log });
  function exporter(append = log.append): void {
    const end = new AbortController();
    const done = runLetterExport({ ...deps(), log: { append } }, end.signal);
    closing.push(async () => {
      end.abort();
      await done;
    });
  }
  const reader = (tenant: TenantId) => {
    const read = readTopic(log, topicOf(tenant));
    closing.push(read.close);
    return read.events;
  };
  const waiting = async (tenant: TenantId) => {
    const rows = await cell.admin(
      "select from millwright.dead_letter where tenant = $1 and not is_exported",
      [tenant],
    );
    return rows.length;
  };

  it("tells what could not be stored, with its id, the reason and what came", async () => {
    const tenant = await tenantAtHome();
    await cell.store([
      logRecord(tenant, 0, 0, [machineReading(), FAR_FUTURE]),
      logRecord(tenant, 0, 1, Buffer.from([0xff, 0xfe])),
      logRecord(tenant, 0, 2),
    ]);
    const events = reader(tenant);
    exporter();
    await eventually("both letters", () => events.length === 2);
    const [future, garbage] = events;
    expect(future).to.deep.include({
      ...{ schemaVersion: 1, id: "1.0.0.1", tenant, topic: topicName(tenant, "readings", 1), offset: "0" },
      ...{ ordinal: 1, reason: "time-out-of-range", state: "open", encoding: "utf8", isTruncated: false },
    });
    expect(JSON.parse(future.raw as string)).to.deep.equal(FAR_FUTURE);
    expect(garbage).to.deep.include({
      ...{ id: "1.0.1", ordinal: null, reason: "record-undecodable", encoding: "base64", raw: "//4=" },
    });
    await eventually("their marks", async () => (await waiting(tenant)) === 0);
  });

  it("is silent about a shadow's until it is the tenant's home", async () => {
    const [shadow, neighbour] = [await tenantAtHome("shadow"), await tenantAtHome()];
    for (const tenant of [shadow, neighbour]) await cell.store([logRecord(tenant, 0, 0, [FAR_FUTURE])]);
    const [ofShadow, ofNeighbour] = [reader(shadow), reader(neighbour)];
    exporter();
    await eventually("the neighbour's", async () => (await waiting(neighbour)) === 0);
    expect(await waiting(shadow)).to.equal(1);
    await cell.admin("update millwright.fence set role = 'primary' where tenant = $1", [shadow]);
    await eventually("the new home's", () => ofShadow.length === 1);
    expect([ofShadow, ofNeighbour].map(([event]) => event.id as string)).to.deep.equal([
      "1.0.0.0",
      "1.0.0.0",
    ]);
  });

  it("exports again under the same ids what a killed exporter may have exported", async () => {
    const tenant = await tenantAtHome();
    await cell.store(Array.from({ length: 30 }, (_, offset) => logRecord(tenant, 0, offset, [FAR_FUTURE])));
    const events = reader(tenant);
    const dies = new AbortController();
    const append: typeof log.append = async (records) => {
      await log.append(records);
      await new Promise(() => undefined);
    };
    void runLetterExport({ ...deps(), log: { append } }, dies.signal);
    await eventually("the first export", () => events.length === 20);
    exporter();
    await test.catalog.service.query("update publication_lease set expires_at = now()"); // its time has passed
    await eventually("all", async () => (await waiting(tenant)) === 0);
    await eventually("all events", () => events.length === 50);
    dies.abort();
    const ids = events.map(({ id }) => id as string);
    expect(ids.slice(20, 40)).to.deep.equal(ids.slice(0, 20));
    expect(new Set(ids).size).to.equal(30);
  });

  it("exports a letter that commits behind a later one", async () => {
    const tenant = await tenantAtHome();
    const slow = await connectTo(cell.secret, "admin");
    const insert = `insert into millwright.dead_letter (tenant, topic, partition, record_offset, log_ref, appended_at,
                      reason, message, raw, raw_bytes) values ($1, 't', $2::int, 0, $2::int, now(), 'reading-invalid', '', '', 0)`;
    await slow.query("begin");
    await slow.query(insert, [tenant, 1]);
    await cell.admin(insert, [tenant, 2]);
    const events = reader(tenant);
    exporter();
    await eventually("the later one", async () => events.length === 1 && (await waiting(tenant)) === 0);
    await slow.query("commit");
    await slow.end();
    await eventually("the late one", () => events.length === 2);
    expect(events.map(({ partition }) => partition as number)).to.deep.equal([2, 1]);
  });

  it("gives every tenant a turn, also beside some that always have letters", async () => {
    const tenants: TenantId[] = [];
    for (let n = 0; n < 3; n++) tenants.push(await tenantAtHome());
    const { service } = test.catalog;
    const terms = { holder: randomUUID(), leaseMs: 60_000, limit: 1 };
    const served = new Set<string>();
    for (let round = 0; round < 200 && served.size < tenants.length; round++)
      for (const { tenant, topic } of await leaseLetterTopics(service, tenants, terms)) {
        served.add(tenant);
        await releaseTopic(service, topic, terms.holder);
      }
    expect([...served]).to.have.members(tenants);
  });

  it("lets a topic that cannot be written to delay no other, and loses nothing of it", async () => {
    const lame: TenantId[] = [];
    for (let n = 0; n < 5; n++) lame.push(await tenantAtHome());
    const sound = await tenantAtHome();
    for (const tenant of lame) await log.dropTopic(topicOf(tenant));
    for (const tenant of [...lame, sound]) await cell.store([logRecord(tenant, 0, 0, [FAR_FUTURE])]);
    const events = reader(sound);
    exporter();
    await eventually("the sound one's", () => events.length === 1);
    expect(await waiting(lame[0]!)).to.equal(1);
    for (const tenant of lame) await log.createTopic(topicOf(tenant), 1);
    await test.catalog.service.query("update publication_lease set expires_at = now()");
    for (const tenant of lame) await eventually("the lame one's", async () => (await waiting(tenant)) === 0);
  });
});
