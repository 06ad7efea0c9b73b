import { expect } from "chai";
import { readSettings } from "../environment.ts";

describe("the environment's budget", () => {
  const NAME = "MILLWRIGHT_ENVIRONMENT_BUDGET_USD";

  it("is what was set, and the gate's own where nothing was", () => {
    expect(readSettings({ [NAME]: "1200.50" }).environmentBudgetUsd).to.equal(1_200.5);
    expect(readSettings({ [NAME]: "" }).environmentBudgetUsd).to.equal(50_000);
  });

  for (const wrong of ["0", "-5", "much", "1e10"])
    it(`is not ${wrong}`, () => {
      expect(() => readSettings({ [NAME]: wrong })).to.throw(NAME);
    });

  it("is the platform stack's on AWS: the gate's and the one that is watched do not differ", () => {
    const aws = {
      ...{ region: "us-east-1", environment: "production", secrets: { prefix: "millwright" } },
      state: { url: "s3://state", secretsProvider: "awskms://alias/state" },
      ...{ sharedCells: [], stackConfig: {}, machines: { endpoint: "iot.us-east-1.amazonaws.com" } },
      catalog: { serviceSecret: "arn:service", adminSecret: "arn:admin" },
    };
    const told = (budget: object) => ({
      ...{ MILLWRIGHT_AWS: JSON.stringify({ ...aws, ...budget }), KAFKA_BROKERS: "broker:9098" },
      ...{ KAFKA_TLS: "true", KAFKA_SASL_MECHANISM: "aws-msk-iam" },
    });
    expect(readSettings(told({ environmentBudgetUsdPerMonth: 10_000 })).environmentBudgetUsd).to.equal(
      10_000,
    );
    expect(readSettings(told({})).environmentBudgetUsd).to.equal(50_000);
    expect(() => readSettings({ ...told({}), [NAME]: "10000" })).to.throw(`${NAME}: has no effect`);
  });
});
