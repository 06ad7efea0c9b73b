import { expect } from "chai";
import { FunctionSecrets } from "../../../components/aws/function-secrets.ts";
import { parseDatabaseSecret } from "../../../data/database-secret.ts";
import { parseSealKey } from "../../../data/seal.ts";
import { mockAws } from "../../support/aws-mocks.ts";
import { valueOf } from "../../support/outputs.ts";

describe("FunctionSecrets", () => {
  const created = mockAws();

  it("are what the functions read, encrypted with our key", async () => {
    const catalog = { host: "catalog.rds.amazonaws.com", port: 5432, database: "millwright" };
    const more = { ...catalog, identifier: "not for a function to know" };
    const { arns } = new FunctionSecrets(
      "functions",
      {
        scope: { environment: "production", tenant: undefined },
        ...{ kmsKeyArn: "arn:key/secrets", catalog: more },
      },
      created.watched,
    );
    const resources = await created.settled();
    const contentOf = (name: string): unknown => {
      const { inputs } = resources.get("aws:secretsmanager/secretVersion:SecretVersion", name);
      // A secret arrives as a mark and its value.
      return JSON.parse((inputs["secretString"] as { readonly value: string }).value);
    };
    const login = parseDatabaseSecret("CATALOG_SECRET", contentOf("functions-catalog"));
    expect(login).to.deep.include({ ...catalog, user: "millwright_service", tls: {} });
    expect(() => parseSealKey(contentOf("functions-channel-key"))).to.not.throw();
    expect(await valueOf(arns.CATALOG_SECRET)).to.match(/^arn:aws:secretsmanager:/);
    for (const { inputs } of resources.ofType("aws:secretsmanager/secret:Secret"))
      expect(inputs["kmsKeyId"]).to.equal("arn:key/secrets");
    expect(resources.orphans()).to.deep.equal([]);
  });
});
