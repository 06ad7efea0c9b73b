import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { cellSecret, type CellSecret } from "../../data/cell/cell-secret.ts";
import { eventually } from "../support/eventually.ts";
import { runAs } from "../support/local-stacks.ts";
import { TestPlatform, type Answer } from "../support/platform.ts";

const MIB = 1024 * 1024;
const NEW = { id: "never-made", name: "Never made", tier: "shared", machines: 1 };
const reading = (facts: object = {}) => ({
  ...{ type: "machine", machineId: "m-1", ts: new Date().toISOString(), values: { temperature_c: 20 } },
  ...facts,
});

// A port in use and broken settings: bad-start.test.ts. A full disk: disk-full.fault.test.ts.
describe("bad input to a running platform", function () {
  this.timeout(10 * 60_000);
  let platform: TestPlatform;
  let machine: string;
  before(async () => {
    platform = await (await TestPlatform.inNewHome()).start();
    await platform.tenant("acme");
    machine = await platform.key("acme", "machine");
  });
  after(() => platform.remove());

  /** Each refusal is a problem with a code, and shows nothing of the inside. */
  function expectProblem({ status, body, headers }: Answer, expected: number, code: string): void {
    expect([status, body.code], JSON.stringify(body).slice(0, 500)).to.deep.equal([expected, code]);
    expect(headers.get("content-type")).to.match(/^application\/problem\+json/);
    expect(JSON.stringify(body))
      .to.not.contain(platform.home)
      .and.not.match(/node_modules|\.ts:|select |Error:/);
  }
  const write = (body: unknown, headers: Record<string, string> = {}) =>
    platform.call("POST", "/v1/data", body, { token: machine, headers });
  const rows = async () => (await platform.call("GET", "/v1/data/machine?tenant=acme")).body.rows as object[];
  const servicePeakMb = async () => {
    const { service } = await platform.running();
    const status = await readFile(`/proc/${service.pid}/status`, "utf8");
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
  };
  const stacks = () => readdir(path.join(platform.home, "state/.pulumi/stacks/millwright"));

  it("makes nothing of a tenant that was described wrongly", async () => {
    const post = (body: unknown) => platform.call("POST", "/v1/tenants", body);
    expectProblem(await post('{"id": "acme",'), 400, "body-unreadable");
    expectProblem(await post({ ...NEW, colour: "red" }), 400, "request-invalid");
    expectProblem(
      await post('{"__proto__": {"tier": "shared"}, "id": "never-made", "name": "x"}'),
      400,
      "request-invalid",
    );
    for (const id of ["ACME", "a".repeat(300), "../acme", "acme\u0000", "аcme"])
      expectProblem(await post({ ...NEW, id }), 400, "request-invalid");
    expectProblem(await post({ ...NEW, id: "acme" }), 409, "tenant-exists");
    const { tenants } = (await platform.call("GET", "/v1/tenants")).body;
    expect(tenants.map(({ id }: { id: string }) => id)).to.deep.equal(["acme"]);
    expect((await stacks()).filter((name) => /^tenant-(?!acme)/.test(name))).to.deep.equal([]);
  });

  it("stores the good readings of a batch, and says what is wrong with each of the others", async () => {
    const bad = [
      reading({ ts: "1970-01-01T00:00:00Z" }),
      reading({ ts: "2100-01-01T00:00:00Z" }),
      reading({ machineId: "m 1" }),
      reading({ machineId: "m".repeat(300) }),
      reading({ values: { temperature_c: "NaN" } }),
      reading({ values: { temperature_c: null } }),
      reading({ values: { state: "half \ud800 a pair" } }),
      reading({ values: { state: "a\u0000b" } }),
      reading({ values: {} }),
      reading({ unknown: 1 }),
      JSON.parse('{"__proto__": {"type": "machine"}}') as object,
      7,
      null,
    ];
    const good = reading();
    const huge = JSON.stringify(reading()).replace(":20", ":1e400");
    const body = `{"readings":[${[...bad.map((one) => JSON.stringify(one)), huge, JSON.stringify(good)].join()}]}`;
    const { status, body: answer } = await write(body);
    expect(status).to.equal(202);
    expect(answer.accepted).to.equal(1);
    const codes = answer.rejected.map(({ code }: { code: string }) => code);
    expect(codes.slice(0, 2)).to.deep.equal(["time-out-of-range", "time-out-of-range"]);
    expect(codes.slice(2)).to.deep.equal(Array(bad.length - 1).fill("reading-invalid"));
    expectProblem(
      await write(JSON.stringify({ readings: [reading()] }).replace(":20", ":NaN")),
      400,
      "body-unreadable",
    );
    const stored = await eventually("the good one", async () =>
      (await rows()).length > 0 ? rows() : undefined,
    );
    expect(stored).to.deep.equal([{ time: good.ts, machineId: "m-1", temperature_c: 20 }]);
  });

  it("refuses 9 MB, and a gzip bomb, without growing by what they ask for", async () => {
    const before = await servicePeakMb();
    expectProblem(await write(Buffer.alloc(9 * MIB, " ")), 413, "body-too-large");
    const bomb = gzipSync(Buffer.alloc(1_000 * MIB, " "));
    const headers = { "content-encoding": "gzip" };
    const answers = await Promise.all(Array.from({ length: 12 }, () => write(bomb, headers)));
    // 12 × 1,000 MB were asked for. More than a tenant's share at once is refused for now, and may be tried again.
    for (const answer of answers)
      expect(answer.body.code).to.be.oneOf(["body-too-large", "too-many-requests"]);
    expect(answers.map(({ status }) => status)).to.include(413);
    expect((await servicePeakMb()) - before).to.be.lessThan(400);
    expect((await write({ readings: [] })).status).to.equal(202);
  });

  it("lets in no wrong, revoked or neighbour's key", async () => {
    for (const token of ["wrong", `${machine.slice(0, -1)}!`, `${machine}x`])
      expectProblem(await platform.call("GET", "/v1/tenants", undefined, { token }), 401, "unauthenticated");
    const { key } = (await platform.call("POST", "/v1/tenants/acme/keys", { role: "viewer", label: "x" }))
      .body;
    expect((await platform.call("GET", "/v1/rules", undefined, { token: key.secret })).status).to.equal(200);
    expect((await platform.call("DELETE", `/v1/tenants/acme/keys/${key.id as string}`)).status).to.equal(204);
    expectProblem(
      await platform.call("GET", "/v1/rules", undefined, { token: key.secret }),
      401,
      "unauthenticated",
    );
    const other = await platform.call("POST", "/v1/data?tenant=other", { readings: [] }, { token: machine });
    expectProblem(other, 404, "tenant-unknown");
  });

  it("runs one operation for one Idempotency-Key, and refuses the key with another body", async () => {
    const headers = { "idempotency-key": "k-1" };
    const change = (body: object) => platform.call("PATCH", "/v1/tenants/acme", body, { headers });
    const first = await change({ machines: 20 });
    const again = await change({ machines: 20 });
    expect([first.status, again.status]).to.deep.equal([202, 202]);
    expect(again.body.operation.id).to.equal(first.body.operation.id);
    expectProblem(await change({ machines: 21 }), 422, "idempotency-key-reused");
    await platform.ended(first.body.operation.id);
    expect((await platform.call("GET", "/v1/tenants/acme")).body.tenant.machines).to.equal(20);
  });

  it("takes a delete while the engine creates, and leaves nothing half made", async () => {
    const created = await platform.call("POST", "/v1/tenants", { ...NEW, id: "short-lived" });
    const id: string = created.body.operation.id;
    await eventually("the engine builds", async () => {
      const { steps } = (await platform.call("GET", `/v1/operations/${id}`)).body.operation;
      return steps.some(
        (step: { name: string; status: string }) => step.name === "up" && step.status === "running",
      );
    });
    const deleted = await platform.call("DELETE", "/v1/tenants/short-lived", { confirm: "short-lived" });
    expect(deleted.status).to.equal(202);
    expect((await platform.ended(deleted.body.operation.id)).status).to.equal("succeeded");
    expect((await platform.ended(id)).status).to.be.oneOf(["cancelled", "succeeded"]);
    expectProblem(await platform.call("GET", "/v1/tenants/short-lived"), 404, "tenant-unknown");
    expect((await stacks()).filter((name) => name.includes("short-lived"))).to.deep.equal([]);
    const cell: CellSecret = cellSecret.parse(
      JSON.parse(await readFile(path.join(platform.home, "secrets/cell-shared-1.json"), "utf8")),
    );
    const left = await runAs(cell, cell.admin, [
      `select rolname from pg_roles where rolname like '%short_lived%'
        union all select nspname from pg_namespace where nspname like '%short_lived%'
        union all select tenant from millwright.fence where tenant = 'short-lived'`,
    ]);
    expect(left).to.deep.equal([]);
    expect(
      (await readdir(path.join(platform.home, "secrets"))).filter((name) => name.includes("short")),
    ).to.deep.equal([]);
  });

  it("goes past the state lock that a dead process left", async () => {
    const folder = path.join(platform.home, "state/.pulumi/locks/organization/millwright/tenant-locked-out");
    await mkdir(folder, { recursive: true });
    const lock = { pid: spawnSync("true").pid, username: "ann", hostname: hostname(), timestamp: new Date() };
    await writeFile(path.join(folder, `${randomUUID()}.json`), JSON.stringify(lock));
    await platform.tenant("locked-out");
  });

  it("waits for nobody when a live process holds the state lock: the operation fails, says who, and may be retried", async () => {
    const folder = path.join(platform.home, "state/.pulumi/locks/organization/millwright/tenant-locked-now");
    await mkdir(folder, { recursive: true });
    const file = path.join(folder, `${randomUUID()}.json`);
    const lock = { pid: process.pid, username: "ann", hostname: hostname(), timestamp: new Date() };
    await writeFile(file, JSON.stringify(lock));
    const { body } = await platform.call("POST", "/v1/tenants", { ...NEW, id: "locked-now" });
    const failed = await platform.ended(body.operation.id);
    expect([failed.status, failed.error.code, failed.error.retryable]).to.deep.equal([
      "failed",
      "stack-locked",
      true,
    ]);
    expect(failed.error.detail).to.contain("ann");
  });
});

describe("a start with a Pulumi CLI that is too old", function () {
  this.timeout(120_000);
  it("names the version, the remedy and a stable code, and leaves nothing running", async () => {
    const platform = await TestPlatform.inNewHome();
    const bin = path.join(platform.home, "old-bin");
    await mkdir(bin);
    await writeFile(path.join(bin, "pulumi"), "#!/bin/sh\necho v3.0.0\n");
    await chmod(path.join(bin, "pulumi"), 0o755);
    try {
      // No Go, no copy of an earlier start, and a proxy that refuses: whatever this machine has, nothing newer can be had.
      const env = { PATH: bin, XDG_CACHE_HOME: path.join(platform.home, "cache") };
      const offline = { NODE_USE_ENV_PROXY: "1", HTTPS_PROXY: "http://127.0.0.1:9" };
      const [code] = (await once(platform.spawn({ ...env, ...offline }), "close")) as [number | null];
      expect(code, platform.stderr).to.equal(1);
      expect(platform.stdout).to.equal("");
      expect(platform.stderr)
        .to.contain("engine-too-old")
        .and.contain("3.0.0")
        .and.contain("Install the Pulumi CLI");
      expect(platform.stderr).to.not.match(/\n\s+at /);
      const postmaster = await readFile(path.join(platform.home, "catalog/postmaster.pid"), "utf8").catch(
        () => "gone",
      );
      expect(postmaster).to.equal("gone");
    } finally {
      await platform.remove();
    }
  });
});
