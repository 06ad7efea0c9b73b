import { expect } from "chai";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { inheritedEnvironment } from "../../environment.ts";
import { eventually } from "../support/eventually.ts";
import { realKafka, usesRealServices } from "../support/real-services.ts";
import { skipBecause } from "../support/skip.ts";
import { TestPlatform } from "../support/platform.ts";
import { isSignedWith, webhookReceiver } from "../support/webhook-receiver.ts";

const READING_COUNT = 10_000;
const SAMPLE_DATA = path.resolve(import.meta.dirname, "../../../shared/data");

type Row = Readonly<Record<string, string | number>>;

/** Every row of the tenant, page by page; undefined while there are fewer than `count`. */
async function allRows(platform: TestPlatform, type: string, count: number): Promise<Row[] | undefined> {
  const rows: Row[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const query = `tenant=customer-123&limit=10000${cursor === "" ? "" : `&cursor=${cursor}`}`;
    const page = (await platform.call("GET", `/v1/data/${type}?${query}`)).body as {
      rows: Row[];
      nextCursor: string | null;
    };
    rows.push(...page.rows);
    cursor = page.nextCursor;
  }
  return rows.length < count ? undefined : rows;
}

/** The first five minutes of a newcomer, from nothing to an alert, through the public API only. */
describe("from nothing to a live tenant", function () {
  this.timeout(15 * 60_000);
  let platform: TestPlatform;
  let receiver: Awaited<ReturnType<typeof webhookReceiver>>;
  let services: Readonly<Record<string, string>> = {};
  before(async function () {
    if (usesRealServices) services = { KAFKA_BROKERS: (await realKafka(this)).brokers };
    receiver = await webhookReceiver();
    platform = await (await TestPlatform.inNewHome()).start(services);
  });
  after(async () => {
    await receiver.close();
    await platform.remove();
  });

  it("prints one line on standard output and keeps the token to itself", () => {
    expect(platform.stdout.trim().split("\n")).to.deep.equal([`ready ${platform.url}`]);
    expect(platform.stderr).to.not.contain(platform.token);
  });

  it("builds a tenant, stores its readings, and sends a signed alert", async () => {
    const { status, body, headers } = await platform.call("POST", "/v1/tenants", {
      id: "customer-123",
      name: "Customer 123",
      tier: "shared",
      machines: 15,
      budgetUsdPerMonth: 1500,
      contacts: [{ email: "ops@customer.example" }],
    });
    expect(status, JSON.stringify(body)).to.equal(202);
    expect(headers.get("location")).to.equal(`/v1/operations/${body.operation.id as string}`);
    const operation = await platform.ended(body.operation.id);
    expect(operation.status, JSON.stringify(operation.error)).to.equal("succeeded");
    const tenant = (await platform.call("GET", "/v1/tenants/customer-123")).body.tenant;
    expect(tenant.state).to.equal("ready");
    expect(tenant.placement.schema).to.equal("tenant_customer_123");

    const machine = await platform.key("customer-123", "machine");
    const start = Date.now() - READING_COUNT * 1_000;
    const readings = Array.from({ length: READING_COUNT }, (_, i) => ({
      type: "machine",
      machineId: `m-${String(i % 15).padStart(3, "0")}`,
      siteId: "site-1",
      ts: new Date(start + i * 1_000).toISOString(),
      values: { state: "running", power_watts: 1500 + i / 7, temperature_c: 60, cycle_count: i },
    }));
    const posted = await platform.call("POST", "/v1/data", { readings }, { token: machine });
    expect(posted.status, JSON.stringify(posted.body).slice(0, 300)).to.equal(202);
    expect(posted.body).to.deep.equal({ accepted: READING_COUNT, rejected: [] });

    const viewer = await platform.key("customer-123", "viewer");
    const rows = await eventually("all readings can be read", async () => {
      const page = await platform.call("GET", "/v1/data/machine?limit=10000", undefined, { token: viewer });
      return page.body.rows.length === READING_COUNT ? page.body.rows : undefined;
    });
    expect(rows[0]).to.deep.equal({
      time: readings[0]?.ts,
      machineId: "m-000",
      siteId: "site-1",
      ...readings[0]?.values,
    });
    const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
    expect(sum(rows.map((row: { power_watts: number }) => row.power_watts))).to.be.closeTo(
      sum(readings.map(({ values }) => values.power_watts)),
      1e-6,
    );

    const channel = {
      kind: "webhook",
      url: receiver.url(),
      secret: "webhook-secret-of-the-test",
      minSeverity: "low",
    };
    const operator = await platform.key("customer-123", "operator");
    expect((await platform.call("POST", "/v1/channels", channel, { token: operator })).status).to.equal(201);
    const condition = { kind: "threshold", op: ">", limit: 80, deadBand: 2, onDelayMs: 0, offDelayMs: 0 };
    const rule = {
      id: "too-hot",
      name: "Too hot",
      type: "machine",
      metric: "temperature_c",
      condition,
      severity: "high",
    };
    const made = await platform.call("POST", "/v1/rules", rule, { token: operator });
    expect(made.status, JSON.stringify(made.body)).to.equal(201);

    const hot = {
      readings: [
        {
          type: "machine",
          machineId: "m-001",
          ts: new Date().toISOString(),
          values: { temperature_c: 93.5 },
        },
      ],
    };
    expect((await platform.call("POST", "/v1/data", hot, { token: machine })).status).to.equal(202);
    const alert = await eventually("the webhook", () => receiver.received[0]);
    expect(isSignedWith(channel.secret, alert)).to.equal(true);
    expect(alert.json).to.deep.include({
      event: "alert.raised",
      tenant: "customer-123",
      rule: "too-hot",
      machineId: "m-001",
      severity: "high",
      value: 93.5,
    });
    const alerts = await platform.call("GET", "/v1/alerts", undefined, { token: viewer });
    expect(alerts.body.alerts).to.have.length(1);
  });

  it("imports a year of real measurements, every row once, also when it is told to twice", async function () {
    if (!existsSync(SAMPLE_DATA))
      skipBecause(this, "sample-data", `${SAMPLE_DATA} is not there: it lies beside the repository`);
    const importFile = (file: string, map: string) =>
      promisify(execFile)(
        "automation/cli/bin.sh",
        [
          "import",
          path.join(SAMPLE_DATA, file),
          "--map",
          `docs/maps/${map}.yaml`,
          "--tenant",
          "customer-123",
          "--json",
        ],
        { env: { ...inheritedEnvironment(), MILLWRIGHT_HOME: platform.home } },
      );
    await importFile("steel-energy-2018.csv.gz", "steel-energy-2018");
    await importFile("steel-energy-2018.csv.gz", "steel-energy-2018");
    await importFile("beijing-pm25-2010-2014.csv.gz", "beijing-pm25-2010-2014");

    const energy = await eventually(
      "35,040 quarters of an hour",
      () => allRows(platform, "energy", 35_040),
      60_000,
    );
    const air = await eventually("41,757 hours", () => allRows(platform, "air-quality", 41_757), 60_000);
    // Sums and counts of the files themselves: awk over the columns, blank and NA left out.
    const sumOf = (rows: readonly Row[], metric: string) =>
      rows.reduce((sum, row) => sum + Number(row[metric]), 0);
    expect(sumOf(energy, "kwh_interval")).to.be.closeTo(959_636.71, 1e-6);
    expect(new Set(energy.map(({ time }) => time)).size).to.equal(35_040);
    expect(sumOf(air, "pm25_ugm3")).to.equal(4_117_792);
    expect(new Set(air.map(({ time }) => time)).size).to.equal(41_757);
  });

  it("takes a dedicated tenant, then deletes it without a trace", async () => {
    await platform.tenant("big-one", { tier: "dedicated" });
    const { placement } = (await platform.call("GET", "/v1/tenants/big-one")).body.tenant;
    expect(placement.schema).to.equal("tenant_big_one");

    const refused = await platform.call("DELETE", "/v1/tenants/big-one", { confirm: "other" });
    expect(refused.status).to.be.oneOf([400, 422]);
    const { status, body } = await platform.call("DELETE", "/v1/tenants/big-one", { confirm: "big-one" });
    expect(status).to.equal(202);
    const operation = await platform.ended(body.operation.id);
    expect(operation.status, JSON.stringify(operation.error)).to.equal("succeeded");
    expect(operation.result).to.deep.include({ tenant: "big-one", operation: operation.id });
    expect((await platform.call("GET", "/v1/tenants/big-one")).status).to.equal(404);
  });

  it("starts a second time with its data, and stops with exit code 0", async () => {
    expect(await platform.stop()).to.equal(0);
    await platform.start(services);
    expect((await platform.call("GET", "/v1/tenants/customer-123")).body.tenant.state).to.equal("ready");
    const page = await platform.call("GET", "/v1/data/machine?tenant=customer-123&limit=10000");
    expect(page.body.rows).to.have.length(READING_COUNT);
    expect((await platform.call("GET", "/readyz")).status).to.equal(200);
  });
});
