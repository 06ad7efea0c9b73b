import { expect } from "chai";
import * as pulumi from "@pulumi/pulumi";
import { localTarget } from "../../../components/local/local-target.ts";
import { Cell } from "../../../components/tiers/cell.ts";
import { cellSecret } from "../../../data/cell/cell-secret.ts";
import { valueOf } from "../../support/outputs.ts";
import { mockPulumi } from "../../support/pulumi-mocks.ts";

const URL = "postgres://boss:s%40fe@db.example:6432/whatever";

describe("Cell", () => {
  const created = mockPulumi();

  async function makeCell(url?: string) {
    const secretUrl = url === undefined ? undefined : pulumi.secret(url);
    const args = { target: localTarget("/srv/millwright"), url: secretUrl, isProtected: true };
    const cell = new Cell("shared-1", args, created.watched);
    return { cell, resources: await created.settled() };
  }

  it("makes a cluster in a folder of its own and protects it with its database", async () => {
    const { resources } = await makeCell();
    const server = resources.get("millwright:index:Cell", "shared-1");
    expect(server.inputs["folder"]).to.equal("/srv/millwright/cells/shared-1");
    expect(server.options?.protect).to.equal(true);
    expect(resources.get("postgresql:index/database:Database", "shared-1").options?.protect).to.equal(true);
    expect(resources.orphans()).to.deep.equal(["local"]);
  });

  it("takes from everybody what PostgreSQL gives to everybody", async () => {
    const { resources } = await makeCell();
    const grants = resources.ofType("postgresql:index/grant:Grant").map(({ inputs }) => inputs);
    const toPublic = grants.filter(({ role }) => role === "public");
    expect(toPublic.map(({ objectType, privileges }) => [objectType, privileges])).to.have.deep.members([
      ["database", []],
      ["schema", ["USAGE"]],
    ]);
  });

  it("gives the query role nothing by inheritance, and limits", async () => {
    const { resources } = await makeCell();
    const { inputs } = resources.get("postgresql:index/role:Role", "shared-1-query");
    expect(inputs["inherit"]).to.equal(false);
    for (const limit of ["connectionLimit", "statementTimeout", "idleInTransactionSessionTimeout"])
      expect(inputs[limit], limit).to.be.above(0);
  });

  it("gives out what data/cell reads, as a secret", async () => {
    const { cell } = await makeCell();
    const access = await valueOf(cell.access);
    expect(cellSecret.parse(access)).to.deep.equal(access);
    expect(await pulumi.isSecret(cell.access)).to.equal(true);
  });

  it("uses a server that is there already and neither makes nor owns it", async () => {
    const { cell, resources } = await makeCell(URL);
    expect(resources.ofType("millwright:index:Cell")).to.deep.equal([]);
    expect(cell.container).to.equal(undefined);
    const { host, port, admin, database } = (await valueOf(cell.access)) as Awaited<
      ReturnType<typeof cellSecret.parse>
    >;
    expect({ host, port, admin, database }).to.deep.equal({
      host: "db.example",
      port: 6432,
      admin: { user: "boss", password: "s@fe" },
      database: "readings",
    });
  });
});
