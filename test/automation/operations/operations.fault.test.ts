import { expect } from "chai";
import { openCatalog, type Catalog } from "../../../data/catalog/catalog.ts";
import { getOperation } from "../../../data/catalog/operation.ts";
import { isFinished, OPERATION_STEPS, type Operation } from "../../../model/operation.ts";
import { STREAMS } from "../../../model/tenant.ts";
import { eventually } from "../../support/eventually.ts";
import { faultRounds, faultSample } from "../../support/faults.ts";
import { rowsOf, testOperationPlace, type OperationPlace } from "../../support/operations.ts";
import { OperationsProcess, type FaultPoint } from "../../support/operations-process.ts";
import { seed } from "../../support/seed.ts";

const PHASES = ["before", "after"] as const;
type Kind = "create" | "delete" | "rotate" | "restore";
const pointsOf = (kind: Kind) =>
  OPERATION_STEPS[kind].flatMap((step) =>
    PHASES.map((phase) => ({ step, phase, signal: "SIGKILL" as const })),
  );

describe(`operations of processes that die (seed ${seed})`, function () {
  this.timeout(faultRounds * 120_000);
  let place: OperationPlace;
  let catalog: Catalog;
  let current: OperationsProcess;
  let count = 0;

  before(async () => {
    place = await testOperationPlace();
    catalog = openCatalog(place.admin, place.passwords, "test");
    current = await OperationsProcess.start(place);
  });
  after(async () => {
    await current.kill();
    await catalog.close();
  });

  const ended = ({ id }: Operation) =>
    eventually(`the end of ${id}`, async () => {
      const operation = await getOperation(catalog.service, id);
      return isFinished(operation.status) && operation;
    });

  /** Starts the operation, sees the process die at the point, starts another one and waits for the end. */
  const survive = async (kind: Kind, point: FaultPoint, tenant: string) => {
    await current.startAndDie({ start: kind, tenant, fault: point });
    current = await OperationsProcess.start(place);
    const started = await rowsOf<Operation>(
      place,
      "select operation as id from operation where tenant = $1 and kind = $2",
      [tenant, kind],
    );
    expect(started).to.have.length(1);
    return ended(started[0]!);
  };

  /** What there is of a tenant, counted past the code under test. */
  const traces = async (tenant: string) => {
    const [row] = await rowsOf(
      place,
      `select (select count(*)::int from tenant where tenant = $1 and state = 'ready') as ready,
              (select coalesce(sum(made), 0)::int from fake.stack where stack = 'tenant-' || $1) as made,
              (select coalesce(sum(resources), 0)::int from fake.stack where stack = 'tenant-' || $1) as resources,
              (select count(*)::int from fake.topic where topic like $1 || '.%') as topics,
              (select count(*)::int from fake.topic where topic like $1 || '.%' and not is_dropped) as "liveTopics",
              (select count(*)::int from fake.series where tenant = $1) as series,
              (select count(*)::int from fake.secret where name = 'reader-' || $1) as secrets,
              (select count(*)::int from audit where tenant = $1 and result = 'succeeded') as audited`,
      [tenant],
    );
    return row;
  };

  for (const point of faultSample(pointsOf("create"), 5)) {
    it(`make one tenant when killed ${point.phase} ${point.step} of a create`, async () => {
      for (let round = 0; round < faultRounds; round++) {
        const tenant = `born-${++count}`;
        const end = await survive("create", point, tenant);
        expect(end.status).to.equal("succeeded");
        expect(await traces(tenant)).to.deep.equal({
          ready: 1,
          made: 1,
          resources: 3,
          topics: STREAMS.length,
          liveTopics: STREAMS.length,
          series: 1,
          secrets: 1,
          audited: 1,
        });
        // the stack has seen two owners: whoever comes next is newer than both, also for another operation
        const gone = await ended(await current.start({ start: "delete", tenant }));
        expect(gone.status, JSON.stringify(gone.error)).to.equal("succeeded");
      }
    });
  }

  for (const point of faultSample(pointsOf("delete"), 4)) {
    it(`leave no trace when killed ${point.phase} ${point.step} of a delete`, async () => {
      for (let round = 0; round < faultRounds; round++) {
        const tenant = `gone-${++count}`;
        await ended(await current.start({ start: "create", tenant }));
        const end = await survive("delete", point, tenant);
        expect(end.status).to.equal("succeeded");
        expect(end.result).to.include({ tenant });
        expect(await traces(tenant)).to.deep.equal({
          ready: 0,
          made: 1,
          resources: 0,
          topics: STREAMS.length,
          liveTopics: 0,
          series: 0,
          secrets: 0,
          audited: 2,
        });
      }
    });
  }

  /** What a restore or a rotation has left, counted past the code under test. */
  const renewals = async (tenant: string, operation: string) => {
    const [row] = await rowsOf<{ placed: number; told: number; scripts: string[] | null; audited: number }>(
      place,
      `select (select rotation from tenant_placement where tenant = $1) as placed,
              (select rotation from fake.stack where stack = 'tenant-' || $1) as told,
              (select array_agg(instance || ' ' || split_part(script, ' ', 1) order by id desc)
                 from fake.server_command where id like '%' || $2 || '%') as scripts,
              (select count(*)::int from audit where tenant = $1 and result = 'succeeded') as audited`,
      [tenant, operation],
    );
    return row!;
  };

  for (const kind of ["rotate", "restore"] as const)
    for (const point of faultSample(pointsOf(kind), 3)) {
      it(`renew a tenant's logins once when killed ${point.phase} ${point.step} of a ${kind}`, async () => {
        for (let round = 0; round < faultRounds; round++) {
          const tenant = `renewed-${++count}`;
          const made = await current.start({ start: "create", tenant, tier: "dedicated" });
          expect((await ended(made)).status).to.equal("succeeded");
          const { told: rotation } = await renewals(tenant, made.id);
          const end = await survive(kind, point, tenant);
          expect(end.status, JSON.stringify(end.error)).to.equal("succeeded");
          const scripts = [
            "i-primary /usr/local/lib/millwright/restore.sh",
            "i-replica /usr/local/lib/millwright/follow.sh",
          ];
          expect(await renewals(tenant, end.id)).to.deep.equal({
            ...{ placed: rotation + 1, told: rotation + 1, audited: 2 },
            scripts: kind === "restore" ? scripts : null,
          });
          // there may be one of its kind
          expect((await ended(await current.start({ start: "delete", tenant }))).status).to.equal(
            "succeeded",
          );
        }
      });
    }

  /** An operation that stands still before `up`, in a process that has stopped. */
  const standStill = async (tenant: string) => {
    const fault: FaultPoint = { step: "up", phase: "before", signal: "SIGSTOP" };
    const operation = await current.start({ start: "create", tenant, fault });
    await eventually("the step to stand still", async () => {
      const { steps } = await getOperation(catalog.service, operation.id);
      return steps.some(({ name, status }) => name === "up" && status === "running");
    });
    return operation;
  };

  it("go to a peer at once when a process of this machine dies", async () => {
    const operation = await standStill(`peer-${++count}`);
    const peer = await OperationsProcess.start(place);
    const lease = () => rowsOf(place, "select from executor_lease where pid = $1", [current.pid]);
    expect(await lease()).to.have.length(1);
    await current.kill();
    const end = await ended(operation);
    expect(end.status).to.equal("succeeded");
    expect(end.steps.map(({ attempts }) => attempts)).to.deep.equal([1, 1, 1, 2, 1, 1, 1, 1]);
    expect(await lease()).to.have.length(0);
    current = peer;
  });

  it("are closed to a process that was stopped while a peer took over", async () => {
    const stopped = current;
    const tenant = `zombie-${++count}`;
    const operation = await standStill(tenant);
    const peer = await OperationsProcess.start(place);
    // Age the lease instead of waiting for it.
    await rowsOf(place, "update executor_lease set expires_at = now() - interval '1 second' where pid = $1", [
      stopped.pid,
    ]);
    const end = await ended(operation);
    expect(end.status).to.equal("succeeded");

    stopped.signal("SIGCONT");
    await eventually("the zombie to renew its lease, long after its step has gone on", async () => {
      const rows = await rowsOf(
        place,
        "select from executor_lease where pid = $1 and expires_at > now() + interval '8 seconds'",
        [stopped.pid],
      );
      return rows.length === 1;
    });
    const calls = await rowsOf<{ verb: string; token: string }>(
      place,
      "select verb, token::text from fake.call where name = $1 and verb in ('up', 'open') order by id",
      [`tenant-${tenant}`],
    );
    // what the first owner asks for afterwards has a token that the stack refuses
    const newest = calls.map(({ token }) => BigInt(token)).reduce((a, b) => (a > b ? a : b));
    const ofPeer = calls.filter(({ token }) => BigInt(token) === newest);
    expect(ofPeer.map(({ verb }) => verb)).to.deep.equal(["open", "up"]);
    expect(ofPeer.length).to.be.lessThan(calls.length);
    expect(await traces(tenant)).to.include({ ready: 1, made: 1, resources: 3, audited: 1 });
    expect(await getOperation(catalog.service, operation.id)).to.deep.equal(end);
    await stopped.kill();
    current = peer;
  });
});
