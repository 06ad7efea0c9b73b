import { expect } from "chai";
import { CatalogDatabase } from "../../../components/aws/catalog-database.ts";
import { AWS_PRESETS, type AwsPreset } from "../../../model/aws/settings.ts";
import { mockAws } from "../../support/aws-mocks.ts";
import { valueOf } from "../../support/outputs.ts";

describe("CatalogDatabase", () => {
  const created = mockAws();

  async function makeCatalog(preset: AwsPreset = "production", isProtected = true) {
    const catalog = new CatalogDatabase(
      "catalog",
      {
        settings: AWS_PRESETS[preset].catalog,
        scope: { environment: preset, tenant: undefined },
        subnetIds: ["subnet-1", "subnet-2"],
        securityGroupId: "sg-catalog",
        kmsKeyArn: "arn:key/data",
        secretsKeyArn: "arn:key/secrets",
        isProtected,
      },
      created.watched,
    );
    const resources = await created.settled();
    return { catalog, resources, ...resources.get("aws:rds/instance:Instance", "catalog") };
  }

  it("is encrypted, private, reached by TLS, and keeps its data when it goes", async () => {
    const { inputs, options, resources } = await makeCatalog();
    expect(inputs).to.deep.include({
      identifier: "millwright-production-shared-catalog",
      storageEncrypted: true,
      kmsKeyId: "arn:key/data",
      publiclyAccessible: false,
      vpcSecurityGroupIds: ["sg-catalog"],
      deletionProtection: true,
      skipFinalSnapshot: false,
      finalSnapshotIdentifier: "millwright-production-shared-catalog-final",
      multiAz: true,
      backupRetentionPeriod: 35,
    });
    expect(options?.protect).to.equal(true);
    const parameters = resources.ofType("aws:rds/parameterGroup:ParameterGroup")[0]?.inputs["parameters"];
    expect(parameters).to.deep.include({ name: "rds.force_ssl", value: "1" });
    expect(resources.orphans()).to.deep.equal([]);
  });

  it("has no password of ours: RDS keeps the administrator's, everybody else comes by IAM", async () => {
    const { inputs, catalog } = await makeCatalog();
    expect(inputs["password"]).to.equal(undefined);
    expect(inputs["manageMasterUserPassword"]).to.equal(true);
    expect(inputs["masterUserSecretKmsKeyId"]).to.equal("arn:key/secrets");
    expect(inputs["iamDatabaseAuthenticationEnabled"]).to.equal(true);
    expect(await valueOf(catalog.adminSecretArn)).to.match(/^arn:aws:secretsmanager:/);
  });

  it("is a single one in development, and can be deleted once it is not protected", async () => {
    const { inputs, options } = await makeCatalog("development", false);
    expect(inputs["multiAz"]).to.equal(false);
    expect(inputs["deletionProtection"]).to.equal(false);
    expect(options?.protect).to.equal(false);
  });
});
