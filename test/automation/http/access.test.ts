import { expect } from "chai";
import { mayDo, PLATFORM_ROLES, TENANT_ROLES, type Role } from "../../../model/role.ts";
import { TestApi } from "../../support/api.ts";

describe("who may do what through the API", () => {
  let api: TestApi;
  before(async () => {
    api = await TestApi.start();
    await api.tenant("acme");
    await api.tenant("globex");
  });
  after(() => api.close());

  it("refuses every call without a valid token, and says nothing about why", async () => {
    const key = await api.key("viewer", "acme");
    const other = await api.key("viewer", "globex");
    const swapped = key.slice(0, 20) + other.slice(20); // acme's key id with globex's secret
    const answers = [];
    for (const token of [
      null,
      "",
      "nonsense",
      `${key}x`,
      key.slice(0, -1),
      swapped,
      "mw_0000000000000000_" + "a".repeat(43),
    ])
      answers.push(await api.call("GET", "/v1/tenants", undefined, { token }));
    for (const { status, headers, body } of answers) {
      expect(status).to.equal(401);
      expect(headers.get("www-authenticate")).to.equal('Bearer realm="millwright"');
      expect(body).to.deep.equal(answers[0]?.body);
    }
  });

  it("asks for a token before it says what exists", async () => {
    for (const [method, address] of [
      ["GET", "/v1/nothing"],
      ["PUT", "/v1/tenants"],
      ["GET", "/v1/tenants/ACME"],
      ["GET", "/metrics"],
    ] as const)
      expect((await api.call(method, address, undefined, { token: null })).status, address).to.equal(401);
  });

  it("takes health, document and page without a token", async () => {
    for (const address of ["/healthz", "/readyz", "/openapi.json", "/docs", "/docs/swagger-ui.css"])
      expect((await api.call("GET", address, undefined, { token: null })).status, address).to.equal(200);
  });

  it("lets a revoked key in no more, from the next call on", async () => {
    const made = await api.call("POST", "/v1/tenants/acme/keys", { role: "viewer", label: "gone soon" });
    expect(made.status).to.equal(201);
    const { id, secret: token } = made.body.key as { id: string; secret: string };
    expect((await api.call("GET", "/v1/tenants", undefined, { token })).status).to.equal(200);
    expect((await api.call("DELETE", `/v1/tenants/acme/keys/${id}`)).status).to.equal(204);
    expect((await api.call("GET", "/v1/tenants", undefined, { token })).status).to.equal(401);
    const again = await api.call("DELETE", `/v1/tenants/acme/keys/${id}`);
    expect([again.status, again.body.code]).to.deep.equal([404, "key-unknown"]);
  });

  it("keeps no secret of a key and shows none again", async () => {
    const { body } = await api.call("POST", "/v1/tenants/acme/keys", { role: "machine", label: "line 1" });
    const { id, secret } = body.key as { id: string; secret: string };
    const listed = await api.call("GET", "/v1/tenants/acme/keys");
    expect(listed.text).to.contain(id).and.not.contain(secret);
    const { rows } = await api.catalog.service.query<{ row: string }>("select k::text as row from api_key k");
    const random = secret.slice(`mw_${id}_`.length);
    for (const { row } of rows) expect(row).to.not.contain(random);
    expect(api.logged.join()).to.not.contain(random);
  });

  it("gives a machine of its own to keys of machines only", async () => {
    const make = (role: Role, machineId: string) =>
      api.call("POST", "/v1/tenants/acme/keys", { role, label: "press", machineId });
    expect((await make("machine", "m-7")).status).to.equal(201);
    const listed = await api.call("GET", "/v1/tenants/acme/keys");
    expect(listed.body.keys.map((key: { machineId: string | null }) => key.machineId)).to.include("m-7");
    for (const wrong of [await make("viewer", "m-7"), await make("machine", "m 7")])
      expect([wrong.status, wrong.body.errors[0].pointer]).to.deep.equal([400, "/machineId"]);
  });

  it("answers for another tenant as for one that does not exist", async () => {
    for (const role of TENANT_ROLES) {
      const token = await api.key(role, "acme");
      for (const address of [
        "/v1/tenants/ID",
        "/v1/tenants/ID/keys",
        "/v1/rules?tenant=ID",
        "/v1/data/machine?tenant=ID",
        "/v1/operations?tenant=ID",
        "/v1/audit?tenant=ID",
      ]) {
        const of = (id: string) => api.call("GET", address.replace("ID", id), undefined, { token });
        const [existing, missing] = [await of("globex"), await of("nobody")];
        expect(existing.status, `${role} ${address}`).to.equal(404);
        expect(existing.body.code).to.equal("tenant-unknown");
        expect(existing.text.replaceAll("globex", "nobody")).to.equal(missing.text);
      }
    }
  });

  it("shows a tenant's credential its own tenant only", async () => {
    const token = await api.key("viewer", "acme");
    const { body } = await api.call("GET", "/v1/tenants", undefined, { token });
    expect((body.tenants as { id: string }[]).map(({ id }) => id)).to.deep.equal(["acme"]);
    const own = await api.call("GET", "/v1/tenants/acme", undefined, { token });
    expect(own.body.tenant.placement).to.deep.include({ schema: "tenant_acme", epoch: 1 });
  });

  it("asks platform roles to name the tenant, and says when there is none", async () => {
    const unnamed = await api.call("GET", "/v1/rules");
    expect([unnamed.status, unnamed.body.code]).to.deep.equal([400, "tenant-required"]);
    const unknown = await api.call("GET", "/v1/rules?tenant=nobody");
    expect([unknown.status, unknown.body.code]).to.deep.equal([404, "tenant-unknown"]);
    expect((await api.call("GET", "/v1/rules?tenant=acme")).status).to.equal(200);
  });

  /** The contract's matrix, one call of each kind; true: anything but 403. */
  const CALLS: Readonly<Record<string, readonly Role[]>> = {
    "POST /v1/data": ["machine", "platform-admin"],
    "GET /v1/data/machine": ["viewer", "operator", "tenant-admin", "platform-admin"],
    "GET /v1/data/dead-letters": ["viewer", "operator", "tenant-admin", "platform-admin"],
    "POST /v1/data/dead-letters/replay": ["operator", "tenant-admin", "platform-admin"],
    "POST /v1/data/dead-letters/discard": ["operator", "tenant-admin", "platform-admin"],
    "GET /v1/rules": ["viewer", "operator", "tenant-admin", "platform-admin"],
    "POST /v1/rules": ["operator", "tenant-admin", "platform-admin"],
    "POST /v1/channels": ["operator", "tenant-admin", "platform-admin"],
    "POST /v1/alerts/events": ["machine", "operator", "tenant-admin", "platform-admin"],
    "GET /v1/system-events": ["platform-admin"],
    "POST /v1/alerts/a/acknowledge": ["operator", "tenant-admin", "platform-admin"],
    "POST /v1/tenants/acme/keys": ["tenant-admin", "platform-admin"],
    "PATCH /v1/tenants/acme": ["tenant-admin", "sales", "platform-admin"],
    "DELETE /v1/tenants/acme": ["sales", "platform-admin"],
    "POST /v1/tenants": ["sales", "platform-admin"],
    "GET /v1/tenants": ["viewer", "operator", "tenant-admin", "sales", "platform-admin"],
    "GET /v1/operations": ["viewer", "operator", "tenant-admin", "sales", "platform-admin"],
    "GET /v1/audit": ["viewer", "operator", "tenant-admin", "platform-admin"],
    "GET /v1/usage": ["viewer", "operator", "tenant-admin", "sales", "platform-admin"],
    "GET /v1/triggers/decisions": ["viewer", "operator", "tenant-admin", "platform-admin"],
    "GET /v1/triggers": ["platform-admin"],
    "PUT /v1/triggers": ["platform-admin"],
    "POST /v1/triggers/replay": ["platform-admin"],
    "POST /v1/decisions/00000000-0000-4000-8000-000000000000/approve": ["platform-admin"],
    "POST /v1/decisions/00000000-0000-4000-8000-000000000000/refuse": ["platform-admin"],
    "GET /v1/keys": ["platform-admin"],
    "GET /metrics": ["platform-admin"],
  };
  const isPlatform = (role: Role) => PLATFORM_ROLES.some((known) => known === role);
  for (const [line, allowed] of Object.entries(CALLS)) {
    it(`lets ${allowed.join(", ")} do ${line}`, async () => {
      const [method = "", address = ""] = line.split(" ");
      const takesTenant =
        !/^\/(metrics|v1\/keys|v1\/system-events|v1\/triggers$|v1\/triggers\/replay|v1\/decisions)|^\/v1\/tenants/.test(
          address,
        );
      for (const role of [...TENANT_ROLES, ...PLATFORM_ROLES]) {
        const token = await api.key(role, isPlatform(role) ? undefined : "acme");
        const query = isPlatform(role) && takesTenant ? "?tenant=acme" : "";
        // An empty object is no valid body of any of these: who may call gets something else than 403, and nothing is made.
        const { status } = await api.call(method, address + query, method === "GET" ? undefined : {}, {
          token,
        });
        expect(status === 403, `${role}: ${status}`).to.equal(!allowed.includes(role));
      }
    });
  }

  it("lets a tenant-admin change the budget and nothing else", async () => {
    const token = await api.key("tenant-admin", "acme");
    const budget = await api.call("PATCH", "/v1/tenants/acme", { budgetUsdPerMonth: 10 }, { token });
    expect(budget.status).to.equal(202);
    const name = await api.call(
      "PATCH",
      "/v1/tenants/acme",
      { budgetUsdPerMonth: 10, name: "Mine" },
      { token },
    );
    expect([name.status, name.body.code]).to.deep.equal([403, "forbidden"]);
  });

  it("lets a tenant-admin give its own tenant's logins new passwords, and no other's", async () => {
    const rotate = async (role: Role, tenant = "acme") => {
      const token = await api.key(role, role === "sales" ? undefined : "acme");
      return (await api.call("POST", `/v1/tenants/${tenant}/rotate`, {}, { token })).status;
    };
    const own = await Promise.all(
      (["viewer", "operator", "sales", "tenant-admin"] as const).map((role) => rotate(role)),
    );
    expect(own).to.deep.equal([403, 403, 403, 202]);
    expect(await rotate("tenant-admin", "globex")).to.equal(404);
  });

  it("lets a platform-admin restore, who repeats the id and names a time", async () => {
    const restore = (body: object, token?: string) =>
      api.call("POST", "/v1/tenants/acme/restore", body, token === undefined ? {} : { token });
    for (const role of ["tenant-admin", "sales"] as const) {
      const token = await api.key(role, role === "sales" ? undefined : "acme");
      expect((await restore({ to: "latest", confirm: "acme" }, token)).status, role).to.equal(403);
    }
    expect((await restore({ to: "latest", confirm: "globex" })).body.code).to.equal("confirmation-missing");
    for (const to of ["yesterday", "2026-11-22 02:00:00", "2026-11-22T02:00:00Z'; reboot #", ""])
      expect((await restore({ to, confirm: "acme" })).status, to).to.equal(400);
    for (const to of ["latest", "2026-11-22T02:00:00Z"])
      expect((await restore({ to, confirm: "acme" })).body.operation.kind, to).to.equal("restore");
  });

  it("gives the platform keys of its own", async () => {
    const made = await api.call("POST", "/v1/keys", { role: "sales", label: "crm" });
    const token = (made.body.key as { secret: string }).secret;
    expect((await api.call("GET", "/v1/tenants", undefined, { token })).status).to.equal(200);
    expect((await api.call("GET", "/v1/keys", undefined, { token })).status).to.equal(403);
    const { body } = await api.call("GET", "/v1/keys");
    expect((body.keys as { label: string }[]).map(({ label }) => label)).to.include("crm");
    expect((await api.call("POST", "/v1/keys", { role: "viewer", label: "x" })).status).to.equal(400);
    expect((await api.call("POST", "/v1/tenants/acme/keys", { role: "sales", label: "x" })).status).to.equal(
      400,
    );
  });

  it("records who made and revoked a key", async () => {
    const { body } = await api.call("POST", "/v1/tenants/globex/keys", { role: "viewer", label: "audited" });
    const audit = await api.call("GET", "/v1/audit?tenant=globex");
    expect(audit.body.entries[0]).to.deep.include({
      actor: "admin-token",
      action: "key.create",
      subject: body.key.id,
    });
    const all = await api.call("GET", "/v1/audit?limit=1");
    expect(all.body.nextCursor).to.be.a("string");
  });

  it("has no role that may do what it may not name", () => {
    expect(mayDo("machine", "data:read")).to.equal(false);
    expect(mayDo("sales", "data:read")).to.equal(false);
  });
});
