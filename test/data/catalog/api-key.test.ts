import { expect } from "chai";
import {
  createKey,
  deleteKey,
  findCredential,
  listKeys,
  revokedKeys,
} from "../../../data/catalog/api-key.ts";
import { inTenant } from "../../../data/catalog/catalog.ts";
import { hasCode } from "../../../model/errors.ts";
import { tenantId } from "../../../model/tenant.ts";
import { testCatalog, type TestCatalog } from "../../support/catalog.ts";

const acme = tenantId.parse("acme");
const globex = tenantId.parse("globex");

describe("API keys", () => {
  let test: TestCatalog;
  before(async () => {
    test = await testCatalog();
    for (const id of [acme, globex]) {
      await test.catalog.service.query(
        "insert into tenant (tenant, name, tier, state, machines) values ($1, $1, 'shared', 'ready', 1)",
        [id],
      );
    }
  });
  after(() => test.catalog.close());
  const make = (tenant: typeof acme | undefined, role: "viewer" | "sales") =>
    createKey(test.catalog.service, tenant, { role, label: "test", createdBy: "test" });

  it("stand for their role and tenant, and for nothing once altered", async () => {
    const { id, token } = await make(acme, "viewer");
    expect(await findCredential(test.catalog.service, token)).to.deep.equal({
      id,
      role: "viewer",
      tenant: acme,
      machineId: undefined,
    });
    const altered = token.slice(0, -1) + (token.endsWith("A") ? "B" : "A");
    for (const wrong of [altered, `${token} `, token.toUpperCase(), ""])
      expect(await findCredential(test.catalog.service, wrong), wrong).to.equal(undefined);
  });

  it("of one machine say which, and only machines have such", async () => {
    const facts = { label: "press", machineId: "m-7", createdBy: "test" };
    const { id, token } = await createKey(test.catalog.service, acme, { role: "machine", ...facts });
    expect(await findCredential(test.catalog.service, token)).to.deep.include({ machineId: "m-7" });
    const listed = (await listKeys(test.catalog.service, acme)).find((key) => key.id === id);
    expect(listed?.machineId).to.equal("m-7");
    const viewer = createKey(test.catalog.service, acme, { role: "viewer", ...facts });
    expect(String(await viewer.catch((refusal: unknown) => refusal))).to.contain("api_key");
  });

  it("are known to be revoked", async () => {
    const [kept, gone] = [await make(acme, "viewer"), await make(acme, "viewer")];
    await deleteKey(test.catalog.service, acme, gone.id);
    expect(await revokedKeys(test.catalog.service, [kept.id, gone.id])).to.deep.equal([gone.id]);
  });

  it("are shown to their own tenant only, and the platform's to none", async () => {
    const { id } = await make(globex, "viewer");
    const platform = await make(undefined, "sales");
    const visible = await inTenant(test.catalog, acme, async (tx) => [
      ...(await listKeys(tx, globex)),
      ...(await listKeys(tx, undefined)),
    ]);
    expect(visible).to.deep.equal([]);
    for (const foreign of [id, platform.id]) {
      const refusal: unknown = await inTenant(test.catalog, acme, (tx) => deleteKey(tx, acme, foreign)).catch(
        (error: unknown) => error,
      );
      expect(hasCode(refusal, "key-unknown")).to.equal(true);
    }
    expect((await listKeys(test.catalog.service, globex)).map((key) => key.id)).to.deep.equal([id]);
  });

  it("have roles of their kind", async () => {
    for (const wrong of [make(acme, "sales"), make(undefined, "viewer")]) {
      const error: unknown = await wrong.catch((refusal: unknown) => refusal);
      expect(String(error)).to.contain("api_key_check");
    }
  });

  it("remember their last use, and write it once an hour at most", async () => {
    const { id, token } = await make(acme, "viewer");
    const lastUse = async () =>
      (await listKeys(test.catalog.service, acme)).find((key) => key.id === id)?.lastUsedAt;
    expect(await lastUse()).to.equal(null);
    await findCredential(test.catalog.service, token);
    const first = await lastUse();
    await findCredential(test.catalog.service, token);
    expect(await lastUse())
      .to.be.a("string")
      .and.equal(first);
    await test.catalog.service.query(
      "update api_key set last_used_at = now() - interval '2 hours' where key = $1",
      [id],
    );
    await findCredential(test.catalog.service, token);
    expect(Date.parse((await lastUse()) ?? "")).to.be.at.least(Date.parse(first ?? ""));
  });

  it("go with their tenant", async () => {
    const { token } = await make(globex, "viewer");
    await test.catalog.service.query("delete from tenant where tenant = $1", [globex]);
    expect(await findCredential(test.catalog.service, token)).to.equal(undefined);
  });
});
