import { expect } from "chai";
import { execFile } from "node:child_process";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { cellLogin, requireCellSecret, type CellSecret } from "../../data/cell/cell-secret.ts";
import { folderSecretStore } from "../../data/secret-store.ts";
import { inheritedEnvironment } from "../../environment.ts";
import { OPERATION_STEPS, type Operation } from "../../model/operation.ts";
import { eventually } from "../support/eventually.ts";
import { faultRounds, faultSample } from "../support/faults.ts";
import { runAs } from "../support/local-stacks.ts";
import { TestPlatform } from "../support/platform.ts";
import { randomFrom, seed } from "../support/seed.ts";

const WRONG_PASSWORD = "28P01";
const KILLED_STEPS = OPERATION_STEPS.rotate.slice(1); // a preview changes nothing

type Id = "acme" | "giant";
const cellOf = (id: Id) => (id === "giant" ? "dedicated-giant" : "shared-1");

/** Every login that a rotation of the tenant changes, as the secrets have it now. */
interface Logins {
  readonly cell: CellSecret;
  readonly changing: readonly { readonly user: string; readonly password: string }[];
}

describe(`new passwords for tenants that write and read (seed ${seed})`, function () {
  this.timeout(3_600_000);
  const random = randomFrom(seed);
  let platform: TestPlatform;
  let machines: Readonly<Record<Id, string>>;
  const postedCount: Record<Id, number> = { acme: 0, giant: 0 };

  before(async () => {
    platform = await (await TestPlatform.inNewHome()).start();
    await platform.tenant("acme");
    await platform.tenant("giant", { tier: "dedicated" });
    machines = {
      acme: await platform.key("acme", "machine"),
      giant: await platform.key("giant", "machine"),
    };
    for (const id of ["acme", "giant"] as const) await post(id);
  });
  after(() => platform.remove());

  async function logins(id: Id): Promise<Logins> {
    const store = folderSecretStore(path.join(platform.home, "secrets"));
    const cell = await requireCellSecret(store, cellOf(id));
    const reader = cellLogin.parse(await store.get(`reader-${id}`));
    return { cell, changing: id === "giant" ? [reader, cell.ingest, cell.query] : [reader] };
  }

  async function post(id: Id): Promise<number> {
    const ts = new Date(Date.now() - 1_000 + postedCount[id]).toISOString();
    const readings = [{ type: "machine", machineId: "m-1", ts, values: { cycle_count: postedCount[id] } }];
    const { status } = await platform.call("POST", "/v1/data", { readings }, { token: machines[id] });
    if (status === 202) postedCount[id] += 1;
    return status;
  }

  const query = (id: Id) => platform.call("GET", `/v1/data/machine?tenant=${id}&limit=10000`);

  /** Every accepted reading can be read, and once. */
  const allStored = (id: Id) =>
    eventually(`the ${postedCount[id]} readings of ${id}`, async () => {
      const { rows } = (await query(id)).body as { rows: { cycle_count: number }[] };
      const counts = rows.map(({ cycle_count }) => cycle_count).toSorted((a, b) => a - b);
      expect(counts).to.deep.equal(Array.from({ length: postedCount[id] }, (_, count) => count));
      return true;
    });

  async function rotate(id: Id, headers: Record<string, string> = {}): Promise<Operation> {
    const { status, body } = await platform.call("POST", `/v1/tenants/${id}/rotate`, {}, { headers });
    expect(status, JSON.stringify(body)).to.equal(202);
    return body.operation;
  }

  async function expectChanged(id: Id, before: Logins): Promise<void> {
    const after = await logins(id);
    expect(after.cell.admin).to.deep.equal(before.cell.admin);
    for (const [index, login] of before.changing.entries()) {
      const fresh = after.changing[index]!;
      expect(fresh.user).to.equal(login.user);
      expect(await runAs(before.cell, login, ["select 1"]), `the old ${login.user}`).to.equal(WRONG_PASSWORD);
      expect(await runAs(after.cell, fresh, ["select 1 as one"])).to.deep.equal([{ one: 1 }]);
    }
  }

  /** What people do next: their connections are new ones, and the engine has nothing left to do. */
  async function expectWhole(id: Id): Promise<void> {
    const { cell } = await logins(id);
    await runAs(cell, cell.admin, [
      "select pg_terminate_backend(pid) from pg_stat_activity where usename in ('millwright_ingest', 'millwright_query')",
    ]);
    expect(await post(id)).to.equal(202);
    await allStored(id);
    const args = ["node24.cjs", "automation/engine/pulumi-command.ts", "preview", "--expect-no-changes"];
    const env = { ...inheritedEnvironment(), MILLWRIGHT_HOME: platform.home };
    const stack = ["--stack", `tenant-${id}`, "--non-interactive"];
    await promisify(execFile)(process.execPath, [...args, ...stack], { env });
  }

  for (const id of ["acme", "giant"] as const)
    it(`of ${id}: the old ones are refused, no call fails, no reading is lost`, async () => {
      const before = await logins(id);
      const failures: number[] = [];
      let isOver = false;
      const repeat = async (call: () => Promise<number>) => {
        while (!isOver) {
          const status = await call();
          if (status >= 300) failures.push(status);
          await delay(10);
        }
      };
      const load = [
        repeat(() => post(id)),
        ...Array.from({ length: 4 }, () => repeat(async () => (await query(id)).status)),
      ];
      const key = { "idempotency-key": `rotate-${id}` };
      const started = await rotate(id, key);
      expect((await rotate(id, key)).id, "the same key again").to.equal(started.id);
      const end = (await platform.ended(started.id)) as Operation;
      isOver = true;
      await Promise.all(load);
      expect(end.error).to.equal(null);
      const users = before.changing.map(({ user }) => ({ cell: cellOf(id), user }));
      expect(end.result?.["rotation"]).to.equal(1);
      expect(end.result?.["logins"]).to.have.deep.members(users);
      expect(failures).to.deep.equal([]);
      await expectChanged(id, before);
      await expectWhole(id);
      for (const { password } of (await logins(id)).changing)
        expect(platform.stderr + JSON.stringify(end)).to.not.contain(password);
      const { entries } = (await platform.call("GET", `/v1/audit?tenant=${id}`)).body;
      const results = entries.filter(({ action }: { action: string }) => action === "operation.rotate");
      expect(results.map(({ result }: { result: string }) => result)).to.deep.equal([
        "succeeded",
        "accepted",
      ]);
      const [up, store] = ["up", "store-secrets"].map((name) => end.steps.find((step) => step.name === name));
      const windowMs = Date.parse(store?.finishedAt ?? "") - Date.parse(up?.finishedAt ?? "");
      console.error(
        `      ${id}: secrets stored ${windowMs} ms after the end of up; ${postedCount[id]} readings`,
      );
    });

  for (const step of faultSample(KILLED_STEPS, 2))
    it(`goes on when the service is killed in ${step}`, async () => {
      for (let round = 0; round < faultRounds; round++) {
        const before = await logins("giant");
        const { id } = await rotate("giant");
        await eventually(`step ${step}`, async () => {
          const { steps, status } = (await platform.call("GET", `/v1/operations/${id}`)).body
            .operation as Operation;
          return status !== "queued" && steps.find(({ name }) => name === step)?.status !== "pending";
        });
        await delay(random() * (step === "up" ? 2_000 : 200)); // anywhere in it, or behind it
        await platform.killService();
        await platform.start();
        const end = (await platform.ended(id)) as Operation;
        expect(end.error).to.equal(null);
        await expectChanged("giant", before);
        await expectWhole("giant");
      }
    });
});
