import { expect } from "chai";
import { lstat, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { TENANT_ROLES } from "../../model/role.ts";
import { skipBecause } from "../support/skip.ts";
import { TestPlatform } from "../support/platform.ts";

const SAMPLE_MS = 20;
/** Where secrets belong; nowhere else may one stand in clear. */
const THEIR_PLACES = /^(secrets\/|admin-token$|(catalog|cells\/[^/]+)\/millwright\.password$)/;

describe("the secrets of an installation, while it works and logs all it can", function () {
  this.timeout(10 * 60_000);
  let platform: TestPlatform;
  const secrets = new Map<string, string>();
  const processes = new Set<string>();
  const answers: string[] = [];

  before(async function () {
    if (process.platform !== "linux")
      skipBecause(this, "procfs", "other processes can be looked into on Linux only");
    platform = await (await TestPlatform.inNewHome()).start({ LOG_LEVEL: "trace" });
    const watching = new AbortController();
    const watched = watchProcesses(watching.signal);
    const channel = {
      kind: "webhook",
      url: "http://127.0.0.1:9/",
      secret: "the-secret-of-a-webhook-of-a-tenant",
    };
    secrets.set("webhook", channel.secret);
    for (const [id, tier] of [
      ["acme", "shared"],
      ["giant", "dedicated"],
    ] as const) {
      await platform.tenant(id, { tier });
      for (const role of TENANT_ROLES) secrets.set(`${id}/${role}`, await platform.key(id, role));
      expect((await platform.call("POST", `/v1/channels?tenant=${id}`, channel)).status).to.equal(201);
    }
    // One that fails: an error has more to say than a success.
    const refused = await platform.call("POST", "/v1/tenants", {
      id: "other",
      name: "Other",
      tier: "dedicated",
      machines: 1,
    });
    answers.push(JSON.stringify(refused.body));
    const { operations } = (await platform.call("GET", "/v1/operations")).body;
    answers.push(JSON.stringify(operations));
    for (const { id } of operations)
      answers.push((await platform.call("GET", `/v1/operations/${id as string}/events`)).body);
    for (const list of [
      "/v1/tenants",
      "/v1/audit",
      "/v1/channels?tenant=acme",
      "/v1/tenants/acme/keys",
      "/metrics",
      "/readyz",
    ])
      answers.push(JSON.stringify((await platform.call("GET", list)).body));
    watching.abort();
    await watched;
    await collectSecrets();
  });
  after(() => platform.remove());

  /** Every command line and environment that a process of this machine has had meanwhile. */
  async function watchProcesses(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const pid of await readdir("/proc")) {
        if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
        for (const file of ["cmdline", "environ"])
          processes.add(await readFile(`/proc/${pid}/${file}`, "utf8").catch(() => ""));
      }
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
    }
  }

  async function collectSecrets(): Promise<void> {
    secrets.set("admin token", platform.token);
    const folder = path.join(platform.home, "secrets");
    const passwordsIn = (name: string, value: unknown): void => {
      if (typeof value === "string" && /^[A-Za-z0-9_-]{24,}$/.test(value)) secrets.set(name, value);
      if (typeof value === "object" && value !== null)
        for (const [key, part] of Object.entries(value)) passwordsIn(`${name}.${key}`, part);
    };
    for (const name of await readdir(folder)) {
      const text = await readFile(path.join(folder, name), "utf8");
      passwordsIn(name, name.endsWith(".json") ? (JSON.parse(text) as unknown) : text.trim());
    }
    // 3 logins of the catalog, 3 of each cell, 2 readers, the passphrase, the token, 8 keys, the webhook's
    expect(secrets.size).to.be.at.least(22);
  }

  function expectNone(texts: Iterable<string>, where: string): void {
    for (const text of texts)
      for (const [name, secret] of secrets)
        expect(text.includes(secret), `${name} in ${where}: ${text.slice(0, 80)}`).to.equal(false);
  }

  it("stand in no process's arguments or environment", () => {
    expect([...processes].some((text) => /pulumi\0up\0/.test(text))).to.equal(true); // it was watched while it worked
    expectNone(processes, "a process");
  });

  it("stand in no line of the log, even at level trace", () => {
    expect(platform.stderr).to.contain('"level":20');
    expectNone([platform.stderr, platform.stdout], "the log");
  });

  it("stand in no answer, event, metric or audit entry", () => expectNone(answers, "an answer"));

  it("stand in clear in no file but their own: not in the state, the project, the databases or their logs", async () => {
    for (const file of await filesIn(platform.home)) {
      if (THEIR_PLACES.test(file)) continue;
      const bytes = await readFile(path.join(platform.home, file), "latin1").catch(() => "");
      for (const [name, secret] of secrets) {
        // The dispatcher has to sign with it, so the catalog keeps it as it is, where only the dispatcher may read.
        if (name === "webhook" && file.startsWith("catalog/")) continue;
        expect(bytes.includes(secret), `${name} in ${file}`).to.equal(false);
      }
    }
  });

  it("are for their owner's eyes only, as is all of the home folder", async () => {
    const modeOf = async (file: string) => (await lstat(path.join(platform.home, file))).mode & 0o777;
    expect(await modeOf(".")).to.equal(0o700);
    for (const folder of [
      "secrets",
      "state",
      "project",
      "work",
      "catalog",
      "cells/shared-1",
      "cells/dedicated-giant",
    ])
      expect(await modeOf(folder), folder).to.equal(0o700);
    for (const file of (await filesIn(platform.home)).filter((name) => THEIR_PLACES.test(name)))
      expect(await modeOf(file), file).to.equal(0o600);
    expect(await readdir(path.join(platform.home, "work"))).to.deep.equal([]);
  });
});

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
}
