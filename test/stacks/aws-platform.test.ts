import { expect } from "chai";
import type { ChangeSummary } from "../../automation/engine/engine.ts";
import { MillwrightError } from "../../model/errors.ts";
import { awsStacks, type AwsStacks } from "../support/aws-stacks.ts";
import { expectStackPage } from "../support/documents.ts";
import { isUnchanged } from "../support/local-stacks.ts";

type Outputs = Readonly<
  Record<
    "api" | "buckets" | "database" | "functions" | "kafka" | "service" | "topics",
    Readonly<Record<string, string>>
  >
>;

describe("the platform on AWS under the real engine (test plugin; the network's inside is a guess)", function () {
  this.timeout(600_000);
  let stacks: AwsStacks;

  before(async function () {
    this.timeout(900_000); // the engine may have to be built first
    stacks = await awsStacks();
  });
  after(() => stacks.remove());

  const refusalOf = async (work: Promise<unknown>): Promise<MillwrightError> => {
    const error: unknown = await work.catch((reason: unknown) => reason);
    if (!(error instanceof MillwrightError)) throw new Error("expected a MillwrightError", { cause: error });
    return error;
  };
  const textOf = ({ message, fields }: MillwrightError) => `${message} ${JSON.stringify(fields)}`;
  const print = (stack: string, summary: ChangeSummary) => {
    console.error(`      ${stack}: ${JSON.stringify(summary)} (layout of the network by the test plugin)`);
  };

  it("builds an account's first platform without cells, then cells and the service's task beside what is there", async () => {
    const stack = "platform-first";
    const first = { preset: "development" };
    const withImage = { ...first, service: { imageTag: "1.4.0" } };
    await stacks.session(stack, { ...stacks.config(first), "millwright:cells": "[]" }, async (session) => {
      print(stack, await session.up());
      const { service, functions } = (await session.outputs()) as Outputs;
      expect(service["repository"]).to.be.a("string");
      expect(Object.keys(functions)).to.have.members(["alert", "notify"]);
    });
    await stacks.session(stack, stacks.config(withImage), async (session, changes) => {
      await session.up();
      const made = changes.filter(({ op }) => op === "create").map(({ type }) => type);
      expect(made).to.include.members(["aws:ecs/service:Service", "aws:ec2/instance:Instance"]);
      expect(changes.filter(({ op }) => /replace|delete/.test(op))).to.deep.equal([]);
    });
  });

  for (const environment of ["development", "production"]) {
    const stack = `platform-${environment}`;
    const budget = {
      budgetUsdPerMonth: 5_000,
      service: { imageTag: "1.4.0" },
      api: environment === "production" ? { domain: "api.example.com", zoneId: "Z0123" } : {},
      ...(environment === "production" ? { mailDomain: "mail.example.com" } : {}),
    };
    it(`previews and builds ${environment} from nothing, finds nothing to do, and is not destroyed while protected`, async () => {
      await stacks.session(stack, stacks.config(budget), async (session) => {
        print(stack, await session.preview());
        await session.up();
        const { api, database, kafka, buckets, topics, functions } = (await session.outputs()) as Outputs;
        expect(Object.keys(functions)).to.have.members(["ingest-shared-1", "alert", "notify"]);
        expect(database["host"]).to.match(/rds\.amazonaws\.com$/);
        expect(kafka["brokers"]?.split(",")).to.have.length(3);
        expect(buckets["archive"]).to.equal(`millwright-${environment}-shared-archive-123456789012`);
        expect(api["url"]).to.match(
          environment === "production" ? /^https:\/\/api\.example\.com$/ : /invokeUrl$/, // of API Gateway
        );
        expect(topics["alarms"]).to.match(/^arn:aws:sns:/);
        expect(isUnchanged(await session.up())).to.equal(true);
        const title = `The platform on AWS, ${environment}`;
        await expectStackPage(stack, title, await stacks.resourcesOf(stack));
        const refusal = await refusalOf(session.destroy());
        expect(textOf(refusal)).to.match(/protect/);
      });
    });
  }

  it("is destroyed when its protection is lifted", async () => {
    const lifted = stacks.config({}, { isProtected: false });
    await stacks.session("platform-development", lifted, async (session) => {
      await session.up();
      const summary = await session.destroy();
      expect(summary["delete"]).to.be.above(200);
    });
  });

  for (const [what, aws, message] of [
    ["an unknown key", { network: { natCuont: 1 } }, /aws\.network.*natCuont/],
    ["a block that does not fit", { network: { cidrBlock: "10.0.0.0/25" } }, /aws\.network\.cidrBlock/],
    ["a region without two zones", { region: "xx-narrow-1" }, /aws\.network\.zoneCount.*xx-narrow-1.* has 1/],
    [
      "a zone of another region",
      { network: { zones: ["eu-west-1a", "eu-west-1b", "eu-west-1c"] } },
      /aws\.network\.zones: us-east-1 has no eu-west-1a/,
    ],
    ["a region with two zones for three", { region: "us-west-1" }, /aws\.network\.zoneCount: is 3.*has 2/],
    ["a domain without a certificate", { api: { domain: "api.example.com" } }, /aws\.api\.domain: needs/],
    ["a document that nobody built", { apiDocument: "/nowhere.json" }, /aws\.apiDocument: .*npm run build/],
    ["a full quota of VPCs", { region: "xx-full-1" }, /aws\.region: .*5 other VPCs.*quota of 5.*L-F678F1CE/],
  ] as const) {
    it(`refuses ${what} in the preview and names the key`, async () => {
      const previewing = stacks.session("platform-production", stacks.config(aws), (session) =>
        session.preview(),
      );
      expect(textOf(await refusalOf(previewing))).to.match(message);
    });
  }
});
