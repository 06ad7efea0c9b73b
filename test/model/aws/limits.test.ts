import { expect } from "chai";
import { limitViolations } from "../../../model/aws/limits.ts";
import { AWS_PRESETS, awsSettings, type AwsSettings } from "../../../model/aws/settings.ts";

type Change = { readonly [Part in keyof AwsSettings]?: Partial<AwsSettings[Part]> };

function changed(change: Change): AwsSettings {
  const production = awsSettings.parse(AWS_PRESETS.production);
  const parts = Object.entries(production).map(([part, values]) => [
    part,
    { ...values, ...change[part as keyof Change] },
  ]);
  return Object.fromEntries(parts) as AwsSettings;
}

describe("limits of AWS", () => {
  it("leave every preset alone", () => {
    for (const preset of Object.values(AWS_PRESETS))
      expect(limitViolations(awsSettings.parse(preset))).to.deep.equal([]);
  });

  const BROKEN: readonly [Change, string, RegExp][] = [
    [{ eventLog: { brokerCount: 4 } }, "eventLog.brokerCount", /multiple of the 3 zones/],
    [{ network: { natCount: 2 } }, "network.natCount", /one for each of the 3 zones/],
    [{ network: { cidrBlock: "10.0.0.0/24" } }, "network.cidrBlock", /do not fit/],
    [
      { network: { connectedCidrBlocks: ["192.168.0.0/16", "10.64.255.0/24"] } },
      "network.connectedCidrBlocks",
      /^10\.64\.255\.0\/24 overlaps/,
    ],
    [
      { functions: { alertReservedConcurrency: 901 } },
      "functions.alertReservedConcurrency",
      /100 stay unreserved, so 900 at most/,
    ],
    [{ functions: { accountConcurrency: 50 } }, "functions.alertReservedConcurrency", /so 0 at most/],
    [{ catalog: { maxStorageGb: 99 } }, "catalog.maxStorageGb", /less than/],
    [{ eventLog: { maxStorageGb: 1 } }, "eventLog.maxStorageGb", /less than/],
    [{ archive: { infrequentAccessAfterDays: 29 } }, "archive.infrequentAccessAfterDays", /30 days/],
    [{ archive: { glacierAfterDays: 59 } }, "archive.glacierAfterDays", /30 days/],
    [{ archive: { deepArchiveAfterDays: 179 } }, "archive.deepArchiveAfterDays", /90 days/],
  ];
  for (const [change, key, reason] of BROKEN) {
    it(`name ${key} (${JSON.stringify(change)})`, () => {
      const [violation, ...others] = limitViolations(changed(change));
      expect(others).to.deep.equal([]);
      expect(violation?.key).to.equal(key);
      expect(violation?.reason).to.match(reason);
    });
  }

  it("take the last value that is allowed", () => {
    const change = {
      ...{ functions: { alertReservedConcurrency: 900 }, eventLog: { brokerCount: 6 } },
      archive: { infrequentAccessAfterDays: 30, glacierAfterDays: 60, deepArchiveAfterDays: 150 },
    };
    expect(limitViolations(changed(change))).to.deep.equal([]);
  });

  it("name all that is wrong at once", () => {
    const wrong = changed({ eventLog: { brokerCount: 5 }, network: { natCount: 2 } });
    expect(limitViolations(wrong).map(({ key }) => key)).to.have.members([
      "eventLog.brokerCount",
      "network.natCount",
    ]);
  });
});
