import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect } from "chai";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { REPOSITORY } from "../../../automation/engine/layout.ts";
import { policyFacts } from "../../../model/policy/facts.ts";
import { readAwsConfig, readTarget } from "../../../stacks/config/aws-config.ts";
import { readCells } from "../../../stacks/config/platform-config.ts";
import { readPolicyFacts } from "../../../stacks/config/policy-config.ts";

describe("the example of a platform's config", () => {
  for (const environment of ["development", "production"])
    it(`for ${environment} is taken as it is`, async () => {
      const file = path.join(REPOSITORY, `Pulumi.platform-${environment}.yaml`);
      const { config } = parse(await readFile(file, "utf8")) as { config: Record<string, unknown> };
      const project = pulumi.getProject(); // whatever the tests before have called it
      pulumi.runtime.setAllConfig(
        Object.fromEntries(
          Object.entries(config).map(([key, value]) => [
            key.replace("millwright", project),
            typeof value === "string" ? value : JSON.stringify(value),
          ]),
        ),
      );
      expect(readTarget()).to.equal("aws");
      const read = readAwsConfig(environment);
      expect(read.isProtected).to.equal(true);
      const facts = policyFacts.parse(readPolicyFacts(read, { tenant: false }));
      expect(facts).to.include({ preset: environment });
      expect(facts.elsewhereUsdPerMonth, "nobody knows it beforehand: left out, the pack refuses").to.equal(
        undefined,
      );
      expect(readCells(0).map(({ name }) => name)).to.deep.equal(["shared-1"]);
    });
});
