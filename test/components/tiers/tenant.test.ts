import { expect } from "chai";
import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { Tenant } from "../../../components/tiers/tenant.ts";
import { tenantId } from "../../../model/tenant.ts";
import { valueOf } from "../../support/outputs.ts";
import { mockPulumi } from "../../support/pulumi-mocks.ts";

const ROLE = "postgresql:index/role:Role";
const GRANT_ROLE = "postgresql:index/grantRole:GrantRole";
const DEFAULTS = "postgresql:index/defaultPrivileges:DefaultPrivileges";

const login = (user: string) => ({ user, password: "secret" });
const access = {
  ...{ host: "127.0.0.1", port: 5432, database: "readings", admin: login("admin") },
  ...{ ingest: login("millwright_ingest"), query: login("millwright_query") },
};

describe("Tenant", () => {
  const created = mockPulumi();

  async function makeTenant(isProtected = true) {
    const provider = new postgresql.Provider("cell", { host: "127.0.0.1" });
    const args = {
      tenantId: tenantId.parse("customer-123"),
      provider,
      access: pulumi.secret(access),
      container: undefined,
      readerPassword: pulumi.secret("generated"),
      isProtected,
    };
    const tenant = new Tenant("customer-123", args, created.watched);
    return { tenant, resources: await created.settled() };
  }

  it("makes an owner and a writer that cannot log in, and a reader with limits", async () => {
    const { resources } = await makeTenant();

    expect(
      resources.ofType(ROLE).map(({ inputs }) => [inputs["name"], inputs["login"]]),
    ).to.have.deep.members([
      ["tenant_customer_123_owner", false],
      ["tenant_customer_123_writer", false],
      ["tenant_customer_123_reader", true],
    ]);
    const { inputs } = resources.get(ROLE, "customer-123-reader");
    for (const limit of ["connectionLimit", "statementTimeout", "idleInTransactionSessionTimeout"]) {
      expect(inputs[limit], limit).to.be.above(0);
    }
  });

  it("lets the reader only read and the writer only read and add, in tables that come later", async () => {
    const { resources } = await makeTenant();
    expect(resources.get(DEFAULTS, "customer-123-reader-tables").inputs["privileges"]).to.deep.equal([
      "SELECT",
    ]);
    expect(resources.get(DEFAULTS, "customer-123-writer-tables").inputs["privileges"]).to.deep.equal([
      "SELECT",
      "INSERT",
    ]);
  });

  it("lends the writer to ingestion and the reader to queries", async () => {
    const { resources } = await makeTenant();
    expect(
      resources.ofType(GRANT_ROLE).map(({ inputs }) => [inputs["grantRole"], inputs["role"]]),
    ).to.have.deep.members([
      ["tenant_customer_123_writer", "millwright_ingest"],
      ["tenant_customer_123_reader", "millwright_query"],
    ]);
  });

  it("protects the schema, and nothing else, until that is lifted", async () => {
    const isProtected = ({ options }: { options?: { protect?: boolean } | undefined }) =>
      options?.protect === true;
    const before = (await makeTenant(true)).resources;
    expect(before.all.filter(isProtected).map(({ name }) => name)).to.deep.equal(["customer-123"]);
  });

  it("is not protected any more once that is lifted", async () => {
    const { resources } = await makeTenant(false);
    expect(resources.get("postgresql:index/schema:Schema", "customer-123").options?.protect).to.equal(false);
  });

  it("gives out the reader's login as a secret and leaves no orphan", async () => {
    const { tenant, resources } = await makeTenant();
    expect(await valueOf(tenant.reader)).to.deep.equal({
      user: "tenant_customer_123_reader",
      password: "generated",
    });
    expect(await pulumi.isSecret(tenant.reader)).to.equal(true);
    expect(resources.orphans()).to.deep.equal(["cell"]); // the provider of this test
  });
});
