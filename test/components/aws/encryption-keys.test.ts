import { expect } from "chai";
import { EncryptionKeys } from "../../../components/aws/encryption-keys.ts";
import { mockAws } from "../../support/aws-mocks.ts";

describe("EncryptionKeys", () => {
  const created = mockAws();

  async function makeKeys(isProtected = true) {
    new EncryptionKeys(
      "keys",
      {
        scope: { environment: "production", tenant: undefined },
        accountId: "123456789012",
        region: "eu-central-1",
        isProtected,
      },
      created.watched,
    );
    return created.settled();
  }

  it("makes keys that AWS changes yearly, that cannot go at once, and that are protected", async () => {
    const resources = await makeKeys();
    const keys = resources.ofType("aws:kms/key:Key");
    expect(keys.map(({ name }) => name)).to.have.members(
      ["data", "secrets", "logs", "messages"].map((purpose) => `keys-${purpose}`),
    );
    for (const { inputs, options } of keys) {
      expect(inputs["enableKeyRotation"]).to.equal(true);
      expect(inputs["deletionWindowInDays"]).to.equal(30);
      expect(options?.protect).to.equal(true);
    }
    const aliases = resources.ofType("aws:kms/alias:Alias").map(({ inputs }) => inputs["name"]);
    expect(aliases).to.include("alias/millwright-production-shared-keys-data");
    expect(resources.orphans()).to.deep.equal([]);
  });

  it("lets services use only the key that is for them, and for this account", async () => {
    const resources = await makeKeys();
    const servicesOf = (purpose: string) => {
      const policy = resources.get("aws:kms/key:Key", `keys-${purpose}`).inputs["policy"] as string;
      const { Statement } = JSON.parse(policy) as {
        Statement: { Principal: { Service?: string }; Condition?: object; Action: unknown }[];
      };
      const services = Statement.filter(({ Principal }) => Principal.Service !== undefined);
      for (const { Condition } of services) expect(JSON.stringify(Condition)).to.include("123456789012");
      return services.map(({ Principal }) => Principal.Service);
    };
    expect(servicesOf("data")).to.deep.equal([]);
    expect(servicesOf("secrets")).to.deep.equal([]);
    expect(servicesOf("logs")).to.deep.equal(["logs.eu-central-1.amazonaws.com"]);
    expect(servicesOf("messages")).to.deep.equal(
      ["cloudwatch", "sns", "budgets", "costalerts", "ses"].map((service) => `${service}.amazonaws.com`),
    );
  });
});
