import { expect } from "chai";
import type pg from "pg";
import { machineHistories } from "../../../data/catalog/machine-histories.ts";
import { openIngestPool, openQueryPool } from "../../../data/cell/cell-pool.ts";
import type { CellSecret } from "../../../data/cell/cell-secret.ts";
import type { EventLog } from "../../../data/event-log/event-log.ts";
import { alertEngine } from "../../../handlers/alert/process.ts";
import { ingestSubscription } from "../../../handlers/ingest/subscription.ts";
import { inPlacement } from "../../../handlers/query/in-placement.ts";
import { tenantNames, topicName, type TenantId } from "../../../model/tenant.ts";
import { TestApi } from "../../support/api.ts";
import { asCellRole, testCell, testTenant } from "../../support/cell.ts";
import { eventually } from "../../support/eventually.ts";
import { testLog } from "../../support/log.ts";

describe("readings of machines that nobody has registered, from the API to the tables", () => {
  let api: TestApi;
  let log: EventLog;
  let cells: readonly { readonly secret: CellSecret; readonly pool: pg.Pool }[] = [];
  let queries: pg.Pool;
  let tenant: TenantId;
  let operator: string;
  const stop = new AbortController();
  const running: Promise<void>[] = [];

  before(async () => {
    ({ log } = await testLog());
    const secrets = [await testCell(), await testCell()];
    cells = secrets.map((secret) => ({ secret, pool: openIngestPool(secret, "test") }));
    queries = openQueryPool(secrets[0]!, "test");
    const { append } = log;
    api = await TestApi.start({
      ...{ log: { append }, nowMs: Date.now },
      cells: {
        inCell: (of, access, work) => inPlacement(queries, { tenant: of, epoch: 1n }, access, work),
      },
    });
    tenant = await api.tenant("press-shop");
    operator = await api.key("operator", tenant);
    await log.createTopic(topicName(tenant, "readings", 1), 2);
    for (const secret of secrets) await testTenant(secret, tenant);
    const { service } = api.catalog;
    const engine = alertEngine({ pool: service, log });
    running.push(log.consume(engine.subscription, stop.signal), consume(0));
  });
  after(async () => {
    stop.abort();
    await Promise.all(running);
    await Promise.all([api.close(), log.close(), queries.end(), ...cells.map(({ pool }) => pool.end())]);
  });

  it("are stored, or kept as dead letters, by the tenant's policy; whoever reads the log later agrees", async () => {
    const rule = { name: "too hot", type: "machine", metric: "temperature_c", severity: "high" };
    const condition = { kind: "threshold", op: ">", limit: 80 };
    expect(await status("POST", "/v1/rules", { ...rule, id: "hot", condition })).to.equal(201);

    await send("m-1", 20);
    await eventually("the machine has reported", async () => (await machines()).length === 1);
    expect(await machines()).to.deep.equal([{ machineId: "m-1", registeredFrom: null, types: ["machine"] }]);

    expect(await status("PUT", "/v1/machines/policy", { unknownMachines: "refuse" })).to.equal(200);
    await eventually("the policy is valid", async () => (await send("m-2", 20)).includes("machine-unknown"));
    expect(await send("m-2", 95)).to.deep.equal(["machine-unknown"]); // would be an alert
    expect(await send("m-1", 95)).to.deep.equal([]); // had reported, so it is registered

    expect(await status("POST", "/v1/machines", { machines: [{ machineId: "m-3" }] })).to.equal(201);
    await eventually("the registration is valid", async () => (await send("m-3", 95)).length === 0);

    await eventually("both alerts", async () => (await alertedMachines()).length === 2);

    await eventually("all that was sent is in the cell", async () => (await placesIn(0)) === sentCount);
    const early = await replay(); // those of m-3 were sent before its registration was valid
    expect(early.refused.length).to.be.greaterThan(0);
    expect(new Set(early.refused.map(({ code }) => code))).to.deep.equal(new Set(["machine-unknown"]));
    expect(await status("POST", "/v1/machines", { machines: [{ machineId: "m-2" }] })).to.equal(201);
    const late = await eventually("the letters of m-2 can be replayed", async () => {
      const outcome = await replay();
      return outcome.replayed > 0 && outcome;
    });
    expect(late).to.deep.include({ replayed: early.refused.length, refused: [] });

    running.push(consume(1));
    const [first, later] = await eventually("both cells have everything", async () => {
      const contents = [await contentOf(0), await contentOf(1)] as const;
      const expected = sentCount + early.replayed + late.replayed;
      return contents.every(({ rows, letters }) => rows.length + letters.length === expected) && contents;
    });
    expect(later).to.deep.equal(first);
    expect(first.letters).to.have.length(early.replayed + late.replayed);
    expect(await alertedMachines()).to.deep.equal(["m-1", "m-3"]);
  });

  let sentCount = 0;

  /** @returns codes of what was rejected */
  async function send(machineId: string, temperature: number): Promise<readonly string[]> {
    const reading = { type: "machine", machineId, ts: new Date().toISOString() };
    const readings = [{ ...reading, values: { temperature_c: temperature } }];
    const address = `/v1/data?tenant=${tenant}`;
    const answer = await api.call("POST", address, { readings });
    expect(answer.status).to.equal(202);
    sentCount += 1;
    return (answer.body.rejected as { code: string }[]).map(({ code }) => code);
  }

  async function status(method: string, address: string, body: object): Promise<number> {
    return (await api.call(method, address, body, { token: operator })).status;
  }

  async function replay(): Promise<{ readonly replayed: number; readonly refused: { code: string }[] }> {
    const body = { filter: { reason: "machine-unknown" } };
    return (await api.call("POST", "/v1/data/dead-letters/replay", body, { token: operator })).body;
  }

  async function alertedMachines(): Promise<readonly string[]> {
    const { body } = await api.call("GET", "/v1/alerts", undefined, { token: operator });
    return (body.alerts as { machineId: string }[]).map(({ machineId }) => machineId).sort();
  }

  async function placesIn(cell: 0 | 1): Promise<number> {
    const { rows, letters } = await contentOf(cell);
    return rows.length + letters.length;
  }

  async function machines(): Promise<unknown[]> {
    return (await api.call("GET", "/v1/machines", undefined, { token: operator })).body.machines;
  }

  /** Fills a cell from the beginning of the log. */
  function consume(cell: 0 | 1): Promise<void> {
    const subscription = ingestSubscription({
      ...{ cell: `test-${cell}`, pool: cells[cell]!.pool, now: Date.now },
      topics: () =>
        Promise.resolve([{ tenant, topic: topicName(tenant, "readings", 1), generation: 1, epoch: 1n }]),
      machines: machineHistories(api.catalog.service),
      alarm: ({ error }) => expect.fail(String(error)),
      outOfRange: () => expect.fail("nothing was trimmed"),
      stored: () => undefined,
    });
    return log.consume(subscription, stop.signal);
  }

  async function contentOf(cell: 0 | 1) {
    return asCellRole(cells[cell]!.secret, "admin", async (client) => {
      const { rows } = await client.query(
        `select log_ref, ordinal, machine_id, temperature_c
           from ${tenantNames(tenant).schema}.machine_telemetry order by log_ref, ordinal`,
      );
      const { rows: letters } = await client.query(
        "select log_ref, ordinal, reason, raw from millwright.dead_letter order by log_ref, ordinal",
      );
      return { rows, letters };
    });
  }
});
