import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { awsTarget } from "../../../components/aws/aws-target.ts";
import { DedicatedTier } from "../../../components/tiers/dedicated-tier.ts";
import { SharedTier } from "../../../components/tiers/shared-tier.ts";
import { cellSecret } from "../../../data/cell/cell-secret.ts";
import { mockAws } from "../../support/aws-mocks.ts";
import { valueOf } from "../../support/outputs.ts";
import { timescalePlace } from "../../support/timescale-place.ts";

describe("awsTarget", () => {
  const created = mockAws();
  const target = (promotedCells: readonly string[] = []) =>
    awsTarget({
      provider: new aws.Provider("aws", { region: "us-east-1" }),
      place: timescalePlace(),
      promotedCells,
    });

  it("builds a shared tier: a pair of servers for each cell", async () => {
    const cells = ["shared-1", "shared-2"].map((name) => ({ name, url: undefined }));
    const tier = new SharedTier("shared", { target: target(), cells, isProtected: true }, created.watched);
    const resources = await created.settled();
    expect(resources.ofType("aws:ec2/instance:Instance").map(({ name }) => name)).to.have.members([
      ...["shared-1-a", "shared-1-b", "shared-2-a", "shared-2-b"],
    ]);
    const access = (await valueOf(tier.cells))["shared-1"];
    expect(cellSecret.parse(access)).to.deep.equal(access);
    expect(access?.tls?.ca).to.include("shared-1-a/certificate"); // the mocks' answer names the parameter
    expect(await pulumi.isSecret(tier.cells)).to.equal(true);
    expect(await valueOf(tier.sslmodes)).to.deep.equal({ "shared-1": "require", "shared-2": "require" });
    expect(resources.orphans()).to.have.members(["aws", "random"]); // the stack's two providers
  });

  it("builds a dedicated tier, and keeps the roles' passwords in Secrets Manager", async () => {
    new DedicatedTier(
      "dedicated-acme",
      {
        target: target(),
        url: undefined,
        isProtected: false,
        dedicatedTenantCount: 1,
        maxDedicatedTenants: 1,
      },
      created.watched,
    );
    const resources = await created.settled();
    const { options } = resources.get("aws:ebs/volume:Volume", "dedicated-acme-a-data");
    expect(options?.protect).to.equal(false);
    expect(resources.ofType("aws:secretsmanager/secret:Secret").map(({ name }) => name)).to.have.members(
      ["logins", "ingest", "query"].map((part) => `dedicated-acme-${part}`),
    );
    const roles = resources.ofType("postgresql:index/role:Role");
    for (const role of roles) expect(role.options?.deletedWith, role.name).to.not.equal(undefined);
  });

  it("makes no server where one is given", async () => {
    const cells = [{ name: "shared-1", url: pulumi.secret("postgres://boss:safe@db.example:6432/x") }];
    const tier = new SharedTier("shared", { target: target(), cells, isProtected: true }, created.watched);
    const resources = await created.settled();
    expect(resources.ofType("aws:ec2/instance:Instance")).to.deep.equal([]);
    expect((await valueOf(tier.cells))["shared-1"]?.host).to.equal("db.example");
  });
});
