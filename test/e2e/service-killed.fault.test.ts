import { expect } from "chai";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { cellAddress, readCellSecret } from "../../data/cell/cell-secret.ts";
import { folderSecretStore } from "../../data/secret-store.ts";
import { OPERATION_STEPS, type Operation } from "../../model/operation.ts";
import { tenantId, tenantNames, type Tier } from "../../model/tenant.ts";
import { eventually } from "../support/eventually.ts";
import { faultRounds, faultSample, isFullRun } from "../support/faults.ts";
import { TestPlatform } from "../support/platform.ts";
import { randomFrom, seed } from "../support/seed.ts";

const POLL_MS = 5;

/** A dedicated tenant has the same steps, each several times as long: a quarter of the rounds. */
const ROUNDS: Readonly<Record<Tier, number>> = {
  shared: faultRounds,
  dedicated: Math.ceil(faultRounds / 4),
};
const SAMPLES: Readonly<Record<Tier, number>> = { shared: 3, dedicated: 1 };

describe(`the service is killed while tenants come and go (seed ${seed})`, function () {
  this.timeout(4 * 3_600_000);
  const random = randomFrom(seed);
  let platform: TestPlatform;
  before(async () => (platform = await (await TestPlatform.inNewHome()).start()));
  after(() => platform.remove());

  for (const tier of ["shared", "dedicated"] as const) {
    it(`makes ${tier} tenants and takes them away, whatever step it was in (${ROUNDS[tier]} × each)`, async () => {
      const usualMs = await stepLengths(platform, tier);
      await expectExactly(platform, []);
      for (let round = 0; round < ROUNDS[tier]; round++) {
        const creates = faultSample(OPERATION_STEPS.create, SAMPLES[tier]);
        const deletes = faultSample(OPERATION_STEPS.delete, SAMPLES[tier]);
        for (const [index, createStep] of creates.entries()) {
          const deleteStep = deletes[index % deletes.length]!;
          const id = `${tier}-${round}-${index}`;
          const killAt = async (operation: Operation, step: string) => {
            const delayMs = random() * (usualMs.get(step) ?? 0);
            if (isFullRun) console.error(`${id}: kill ${Math.round(delayMs)} ms into ${step}`);
            await reaches(platform, operation.id, step, delayMs);
            await platform.killService();
            await platform.start();
            const end = (await platform.ended(operation.id)) as Operation;
            const why = `${step}: ${JSON.stringify(end.error)}\n${platform.stderr.slice(-4_000)}`;
            expect(end.status, why).to.equal("succeeded");
          };
          await killAt(await create(platform, id, tier), createStep);
          await expectExactly(platform, [{ id, tier }]);
          await killAt(await remove(platform, id), deleteStep);
          await expectExactly(platform, []);
        }
      }
    });
  }
});

/** The secret `catalog`: address, and a password for each login. */
interface CatalogAccess {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly service: string;
  readonly log: string;
}

async function create(platform: TestPlatform, id: string, tier: Tier): Promise<Operation> {
  const { status, body } = await platform.call("POST", "/v1/tenants", { id, name: id, tier, machines: 1 });
  expect(status, JSON.stringify(body)).to.equal(202);
  return body.operation;
}

async function remove(platform: TestPlatform, id: string): Promise<Operation> {
  const { status, body } = await platform.call("DELETE", `/v1/tenants/${id}`, { confirm: id });
  expect(status, JSON.stringify(body)).to.equal(202);
  return body.operation;
}

/** How long each step of a create and a delete takes when nobody disturbs it. */
async function stepLengths(platform: TestPlatform, tier: Tier): Promise<ReadonlyMap<string, number>> {
  const lengths = new Map<string, number>();
  for (const start of [() => create(platform, "measured", tier), () => remove(platform, "measured")]) {
    const { steps } = (await platform.ended((await start()).id)) as Operation;
    for (const { name, startedAt, finishedAt } of steps) {
      lengths.set(name, Date.parse(finishedAt ?? "") - Date.parse(startedAt ?? ""));
    }
  }
  return lengths;
}

/** Waits until the operation is so far in the step; a step that was too quick is behind us, which is a fault point too. */
async function reaches(
  platform: TestPlatform,
  operationId: string,
  step: string,
  delayMs: number,
): Promise<void> {
  for (;;) {
    const { body } = await platform.call("GET", `/v1/operations/${operationId}`);
    const { steps, status } = body.operation as Operation;
    const begun = steps.find(({ name }) => name === step)?.status ?? "pending";
    if (begun === "running") return delay(delayMs);
    if (begun !== "pending" || !["queued", "running"].includes(status)) return;
    await delay(POLL_MS);
  }
}

/** Looks at the facts themselves: the API's list, the engine's files, roles and schemas, clusters, secrets, the log. */
async function expectExactly(
  platform: TestPlatform,
  tenants: readonly { readonly id: string; readonly tier: Tier }[],
): Promise<void> {
  const { home } = platform;
  const { body } = await platform.call("GET", "/v1/tenants?limit=1000");
  expect(
    body.tenants.map(({ id, tier, state }: { id: string; tier: Tier; state: string }) => ({
      id,
      tier,
      state,
    })),
  ).to.deep.equal(tenants.map((tenant) => ({ ...tenant, state: "ready" })));

  const stacks = ["platform-development", ...tenants.map(({ id }) => `tenant-${id}`)];
  const jsonFiles = async (folder: string) =>
    (await readdir(path.join(home, folder)).catch(() => [])).filter((name) => name.endsWith(".json"));
  expect(await jsonFiles("state/.pulumi/stacks/millwright")).to.have.members(
    stacks.map((stack) => `${stack}.json`),
  );
  expect(
    await readdir(path.join(home, "state/.pulumi/locks"), { recursive: true }).catch(() => []),
  ).to.satisfy((names: string[]) => names.every((name) => !name.endsWith(".json")));
  // the engine's process ends just after its operation
  await eventually("empty work folder", async () => (await readdir(path.join(home, "work"))).length === 0);
  expect(
    (await readdir(path.join(home, "project"))).filter((name) => name.startsWith("Pulumi.tenant-")),
  ).to.have.members(tenants.map(({ id }) => `Pulumi.tenant-${id}.yaml`));

  const dedicated = tenants.filter(({ tier }) => tier === "dedicated").map(({ id }) => `dedicated-${id}`);
  expect(await readdir(path.join(home, "cells"))).to.have.members(["shared-1", ...dedicated]);
  expect(await servedFolders(home)).to.have.members(
    ["catalog", "cells/shared-1", ...dedicated.map((name) => `cells/${name}`)].sort(),
  );
  const secrets = (await jsonFiles("secrets")).filter((name) => /^(cell|reader)-/.test(name));
  expect(secrets).to.have.members(
    [
      "cell-shared-1",
      ...dedicated.map((name) => `cell-${name}`),
      ...tenants.map(({ id }) => `reader-${id}`),
    ].map((name) => `${name}.json`),
  );

  const store = folderSecretStore(path.join(home, "secrets"));
  for (const cell of ["shared-1", ...dedicated]) {
    const inCell = tenants.filter(
      ({ id, tier }) => (tier === "shared" ? "shared-1" : `dedicated-${id}`) === cell,
    );
    const address = cellAddress((await readCellSecret(store, cell))!, "admin");
    const found = await namesIn(
      address,
      "select rolname as name from pg_roles where rolname like 'tenant\\_%' union all select nspname from pg_namespace where nspname like 'tenant\\_%'",
    );
    const names = inCell.map(({ id }) => tenantNames(tenantId.parse(id)));
    expect(found).to.have.members(
      names.flatMap(({ schema, owner, writer, reader }) => [schema, owner, writer, reader]),
    );
    expect(await namesIn(address, "select tenant as name from millwright.fence")).to.have.members(
      inCell.map(({ id }) => id),
    );
  }
  const access = (await store.get("catalog")) as CatalogAccess;
  const { host, port, database } = access;
  const catalog = { host, port, database, user: "millwright_service", password: access.service };
  expect(await namesIn(catalog, "select tenant as name from catalog.tenant_placement")).to.have.members(
    tenants.map(({ id }) => id),
  );
  const log = { ...catalog, user: "millwright_log", password: access.log };
  expect(
    await namesIn(log, "select distinct split_part(topic, '.', 1) as name from log.partition"),
  ).to.have.members(["system-events", ...tenants.map(({ id }) => id)]);
}

async function namesIn(address: pg.ClientConfig, query: string): Promise<string[]> {
  const client = new pg.Client(address);
  await client.connect();
  try {
    return (await client.query<{ name: string }>(query)).rows.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

/** Folders below `home` that a PostgreSQL server has as its data directory now. */
async function servedFolders(home: string): Promise<string[]> {
  const folders = new Set<string>();
  for (const pid of await readdir("/proc").catch(() => [])) {
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    const folder = /postgres\0-D\0([^\0]+)/.exec(command)?.[1];
    if (folder?.startsWith(`${home}/`) === true) folders.add(path.relative(home, folder));
  }
  return [...folders].sort();
}
