import { expect } from "chai";
import type { ServerCommand } from "../../../data/aws/run-command.ts";
import { placementOf } from "../../../data/catalog/placement.ts";
import { MillwrightError } from "../../../model/errors.ts";
import { OPERATION_STEPS, type StepName } from "../../../model/operation.ts";
import { tenantId, type Tier } from "../../../model/tenant.ts";
import {
  addMoveTo,
  alice,
  ended,
  newTenant,
  rowsOf,
  runOperations,
  testOperationPlace,
  type OperationPlace,
  type TestOperations,
} from "../../support/operations.ts";

const request = { actor: alice };
const SCRIPTS = "/usr/local/lib/millwright";
const alone = tenantId.parse("alone");

describe("the operation that restores a tenant's own database", () => {
  let place: OperationPlace;
  let operations: TestOperations;
  let commands: ServerCommand[];
  let answer: () => Promise<void>;
  let onStep: ((step: StepName, phase: "before" | "after") => void) | undefined;

  before(async () => {
    place = await testOperationPlace();
    operations = await runOperations(place, {
      servers: {
        run: (command) => {
          commands.push(command);
          return answer();
        },
      },
      onStep: (step, phase) => onStep?.(step, phase),
    });
    await create("alone", "dedicated");
    await create("in-company", "shared");
  });
  after(() => operations.close());
  beforeEach(() => {
    commands = [];
    answer = () => Promise.resolve();
    onStep = undefined;
  });

  async function create(id: string, tier: Tier): Promise<void> {
    const started = operations.service.startCreate(newTenant(id, { tier }), request);
    expect((await ended(operations, await started)).error).to.equal(null);
  }
  const restore = (to = "latest", tenant = alone) => operations.service.startRestore(tenant, to, request);
  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => "accepted",
      (error: unknown) => (error as MillwrightError).code,
    );
  const rotation = async () => (await placementOf(operations.catalog.service, alone))?.rotation ?? 0;
  const restoring = (operation: string, attempt: number) => ({
    instanceId: "i-primary",
    id: `millwright ${operation} ${attempt} restore.sh`,
    script: `${SCRIPTS}/restore.sh dedicated-alone 'latest'`,
  });
  const following = (operation: string, attempt: number) => ({
    instanceId: "i-replica",
    id: `millwright ${operation} ${attempt} follow.sh`,
    script: `${SCRIPTS}/follow.sh`,
  });

  it("takes the primary back, then the replica, settles the cell and makes its logins anew", async () => {
    const before = await rotation();
    const end = await ended(operations, await restore());
    expect([end.status, end.error]).to.deep.equal(["succeeded", null]);
    expect(end.steps.map(({ name }) => name)).to.deep.equal(OPERATION_STEPS.restore);
    expect(commands).to.deep.equal([restoring(end.id, 1), following(end.id, 1)]);
    const calls = await rowsOf<{ verb: string; token: bigint }>(
      place,
      "select verb, token from fake.call where name = 'alone' order by id desc limit 2",
    );
    const { epoch } = (await placementOf(operations.catalog.service, alone))!;
    expect(calls, "the newest first").to.deep.equal([
      { verb: "settleFence", token: epoch },
      { verb: "prepareTenant", token: null },
    ]);
    expect(end.result).to.deep.include({ to: "latest", rotation: before + 1 });
    const told = "select rotation from fake.stack where stack = 'tenant-alone'";
    expect(await rowsOf(place, told)).to.deep.equal([{ rotation: before + 1 }]);
  });

  it("names the same command when its step runs again, and another one with a retry", async () => {
    let isCutOff = false;
    onStep = (step, phase) => {
      if (step !== "restore-primary" || phase !== "after" || isCutOff) return;
      isCutOff = true;
      throw new MillwrightError("database-unavailable", "Away.", { retryable: true });
    };
    answer = () =>
      commands.length < 3
        ? Promise.resolve()
        : Promise.reject(new MillwrightError("restore-failed", "i-replica: no files were restored"));
    const failed = await ended(operations, await restore());
    expect(failed.error).to.include({ code: "restore-failed", detail: "i-replica: no files were restored" });
    answer = () => Promise.resolve();
    await operations.service.retry(failed.id, request);
    expect((await ended(operations, failed)).status).to.equal("succeeded");
    const { id } = failed;
    expect(commands).to.deep.equal([restoring(id, 1), restoring(id, 1), following(id, 1), following(id, 2)]);
  });

  it("refuses what cannot be taken back, and sends nothing", async () => {
    expect(await codeOf(restore("latest", tenantId.parse("in-company")))).to.equal("restore-unavailable");
    expect(await codeOf(restore("2020-01-01T00:00:00Z"))).to.equal("request-invalid");
    await addMoveTo(operations.catalog.service, alone, "dedicated2-alone");
    expect(await codeOf(restore()), "its earlier home still follows").to.equal("move-unfinished");
    expect(commands).to.deep.equal([]);
  });
});
