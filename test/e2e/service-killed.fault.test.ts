import { expect } from "chai";
import { readdir } from "node:fs/promises";
import path from "node:path";
import pg from "pg";
import { cellAddress, readCellSecret } from "../../data/cell/cell-secret.ts";
import { folderSecretStore } from "../../data/secret-store.ts";
import { tenantId, tenantNames } from "../../model/tenant.ts";
import { faultRounds, faultSample } from "../support/faults.ts";
import { TestPlatform } from "../support/platform.ts";
import { randomFrom, seed } from "../support/seed.ts";

const POLL_MS = 5;

describe(`the service is killed while it creates a tenant (seed ${seed})`, function () {
  this.timeout(4 * 3_600_000);
  const random = randomFrom(seed);
  let platform: TestPlatform;
  let steps: string[];
  before(async () => {
    platform = await (await TestPlatform.inNewHome()).start();
    const { body } = await platform.call("POST", "/v1/tenants", {
      id: "first",
      name: "First",
      tier: "shared",
      machines: 1,
    });
    const operation = await platform.ended(body.operation.id);
    steps = operation.steps.map(({ name }: { name: string }) => name);
    expect(steps).to.not.deep.equal([]);
  });
  after(() => platform.remove());

  it(`goes on and ends well, whatever step it was in (${faultRounds} × each)`, async () => {
    const tenants = ["first"];
    for (let round = 0; round < faultRounds; round++) {
      for (const step of faultSample(steps, 3)) {
        const index = steps.indexOf(step);
        const id = `t${round}-${index}`;
        tenants.push(id);
        const created = await platform.call("POST", "/v1/tenants", {
          id,
          name: id,
          tier: "shared",
          machines: 1,
        });
        await untilIn(platform, created.body.operation.id, step, random() * 1_000);
        await platform.killService();
        await platform.start();
        const operation = await platform.ended(created.body.operation.id);
        expect(operation.status, `${step}: ${JSON.stringify(operation.error)}`).to.equal("succeeded");
      }
    }
    await expectExactly(platform, tenants);
  });
});

/** Waits until the operation is in the step, and then for a part of the step's usual length; a step that was too quick is behind us, which is a fault point too. */
async function untilIn(
  platform: TestPlatform,
  operationId: string,
  step: string,
  extraMs: number,
): Promise<void> {
  for (;;) {
    const { operation } = (await platform.call("GET", `/v1/operations/${operationId}`)).body;
    const status: string = operation.steps.find(({ name }: { name: string }) => name === step)?.status;
    if (status === "running") return new Promise((resolve) => setTimeout(resolve, extraMs));
    if (status === "succeeded" || operation.status === "succeeded") return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Looks at the facts themselves: the API's list, the engine's state files, the roles and schemas of the cell. */
async function expectExactly(platform: TestPlatform, ids: readonly string[]): Promise<void> {
  const { body } = await platform.call("GET", "/v1/tenants?limit=1000");
  expect(
    body.tenants.map(({ id, state }: { id: string; state: string }) => `${id} ${state}`),
  ).to.have.members(ids.map((id) => `${id} ready`));

  const stackFiles = await readdir(path.join(platform.home, "state/.pulumi/stacks/millwright"));
  const stacks = stackFiles
    .filter((name) => name.endsWith(".json"))
    .map((name) => name.slice(0, -".json".length));
  expect(stacks).to.have.members(["platform-development", ...ids.map((id) => `tenant-${id}`)]);
  expect(
    await readdir(path.join(platform.home, "state/.pulumi/locks"), { recursive: true }).catch(() => []),
  ).to.satisfy((names: string[]) => names.every((name) => !name.endsWith(".json")));

  const secret = await readCellSecret(folderSecretStore(path.join(platform.home, "secrets")), "shared-1");
  const client = new pg.Client(cellAddress(secret!, "admin"));
  await client.connect();
  const { rows } = await client.query(
    "select rolname as name from pg_roles where rolname like 'tenant\\_%' union all select nspname from pg_namespace where nspname like 'tenant\\_%'",
  );
  await client.end();
  const names = ids.map((id) => tenantNames(tenantId.parse(id)));
  expect(rows.map(({ name }) => name)).to.have.members(
    names.flatMap(({ schema, owner, writer, reader }) => [schema, owner, writer, reader]),
  );
}
