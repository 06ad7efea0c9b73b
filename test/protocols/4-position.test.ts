import { expect } from "chai";
import pg from "pg";
import { advanceAlertPositions } from "../../data/catalog/alert-position.ts";
import { inTransaction } from "../../data/pool.ts";
import { alertEngine } from "../../handlers/alert/process.ts";
import { alertPlant, START_MS, wireOf } from "../support/alert-plant.ts";
import { logRecord } from "../support/log-records.ts";

type Plant = Awaited<ReturnType<typeof alertPlant>>;
type Tenant = Awaited<ReturnType<Plant["newTenant"]>>;

// The same under real kills, at random: test/handlers/alert/process.fault.test.ts.
describe("protocol 4: positions and states of the alert engine change in one transaction", () => {
  let plant: Plant;
  let admin: pg.Client;
  before(async () => {
    plant = await alertPlant();
    admin = new pg.Client(plant.admin);
    await admin.connect();
  });
  after(async () => {
    await admin.end();
    await plant.close();
  });

  const startEngine = () => {
    const horizon = () => Promise.reject(new Error("no timer runs"));
    return alertEngine({ pool: plant.catalog.service, log: { horizon } }).subscription;
  };

  /** Hot, cold within the same second, hot again: two alerts, the second one stands. */
  const recordsOf = ({ tenant }: Tenant) => {
    const readings = ([[1, 99], [2, 70], [2, 99]] as const).map(wireOf); // prettier-ignore
    return [logRecord(tenant, 0, 0, readings, { appendedAtMs: START_MS + 2_000 })];
  };

  /** An engine is killed while it has the record in hand; another one goes on. @returns [raised, returned] in seconds */
  async function killDuring(work: (tenant: Tenant) => Promise<unknown>) {
    const acme = await plant.newTenant();
    await acme.rule();
    await admin.query("update catalog.rule set valid_from = '2026-01-01' where tenant = $1", [acme.tenant]);
    await startEngine().position({ topic: acme.topic, partition: 0 });
    await work(acme);

    const second = startEngine();
    const next = await second.position({ topic: acme.topic, partition: 0 });
    const rest = recordsOf(acme).filter(({ offset }) => offset >= next);
    if (rest.length > 0) await second.handle(rest);
    const inSeconds = (iso: string | null) => (iso === null ? null : (Date.parse(iso) - START_MS) / 1_000);
    return (await acme.alerts())
      .map(({ raisedAt, returnedAt }) => [inSeconds(raisedAt), inSeconds(returnedAt)])
      .toReversed();
  }
  const right = [
    [1, 2],
    [2, null],
  ];

  /** The engine's transaction breaks with all of it written but the commit. */
  async function breakBeforeCommit(acme: Tenant) {
    await admin.query(`
      create function catalog.broken() returns trigger language plpgsql as
        $$ begin raise exception 'killed' using errcode = '57P01'; end $$;
      create constraint trigger broken after insert on catalog.alert deferrable initially deferred
        for each row execute function catalog.broken()`);
    try {
      await startEngine()
        .handle(recordsOf(acme))
        .then(
          () => expect.fail("committed"),
          (error: unknown) => expect(error).to.include({ code: "57P01" }),
        );
    } finally {
      await admin.query("drop function catalog.broken() cascade");
    }
  }

  it("so a batch is wholly to do after a kill before its commit", async () => {
    expect(await killDuring(breakBeforeCommit)).to.deep.equal(right);
  });

  it("and wholly done after a kill behind it", async () => {
    const evaluate = (acme: Tenant) => startEngine().handle(recordsOf(acme));
    expect(await killDuring(evaluate)).to.deep.equal(right);
  });

  it("would lose alerts if positions were committed first", async () => {
    const takePositionOnly = ({ topic }: Tenant) =>
      inTransaction(plant.catalog.service, (tx) =>
        advanceAlertPositions(tx, [{ topic, partition: 0, firstOffset: 0n, nextOffset: 1n }]),
      );
    expect(await killDuring(takePositionOnly)).to.deep.equal([]);
  });

  it("would end an alert that stands if states were committed first: their record comes again", async () => {
    const evaluateOnly = async (acme: Tenant) => {
      await startEngine().handle(recordsOf(acme));
      await admin.query("update catalog.alert_position set next_offset = 0 where tenant = $1", [acme.tenant]);
    };
    expect(await killDuring(evaluateOnly)).to.deep.equal([
      [1, 2],
      [2, 2],
    ]);
  });
});
