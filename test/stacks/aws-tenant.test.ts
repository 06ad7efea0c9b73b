import { expect } from "chai";
import type { ChangeSummary } from "../../automation/engine/engine.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { TenantLog } from "../../model/tenant-log.ts";
import { awsStacks, type AwsStacks, type AwsTenantFacts } from "../support/aws-stacks.ts";
import { expectStackPage } from "../support/documents.ts";
import { isUnchanged, type TenantHome } from "../support/local-stacks.ts";

/** What the platform's stack says is looked up by each run, by a provider of the engine's own. */
const LOOK_UP = /^pulumi:(pulumi:StackReference|providers:pulumi)$/;
const SHARED = { cell: "shared-1" };
const OWN = { cell: "dedicated-acme" };
/** What readings would be lost with. */
const DATA = /^aws:(ebs\/volume|ec2\/instance|ec2\/networkInterface|msk\/topic|secretsmanager\/secret):/;
/** Parts of something that has a name of its own. */
const NAMED_WITHIN = /(Alias|Association|Attachment|EventSourceMapping|RolePolicy|Version)::/;

describe("a tenant on AWS under the real engine (test plugins)", function () {
  this.timeout(600_000);
  let stacks: AwsStacks;

  before(async function () {
    this.timeout(900_000); // the engine may have to be built first
    stacks = await awsStacks();
    await stacks.session("platform-production", stacks.config(), (session) => session.up());
  });
  after(() => stacks.remove());

  const refusalOf = async (work: Promise<unknown>): Promise<MillwrightError> => {
    const error: unknown = await work.catch((reason: unknown) => reason);
    if (!(error instanceof MillwrightError)) throw new Error("expected a MillwrightError", { cause: error });
    return error;
  };
  const textOf = ({ message, fields }: MillwrightError) => `${message} ${JSON.stringify(fields)}`;
  const print = (what: string, summary: ChangeSummary) => {
    console.error(`      ${what}: ${JSON.stringify(summary)}`);
  };
  const counted = { dedicatedTenantCount: 1 };
  const rotated = { ...counted, rotation: 1 };

  /** Brings the stack to these homes, and checks that nothing is left to do. Answers what was done. */
  const bring = (tenant: string, homes: readonly TenantHome[], facts: AwsTenantFacts = counted) =>
    stacks.session(
      `tenant-${tenant}`,
      stacks.tenantConfig(tenant, homes, facts),
      async (session, changes) => {
        print(`tenant-${tenant} in ${homes.map(({ cell }) => cell).join(" and ")}`, await session.preview());
        const plannedCount = changes.length;
        await session.up();
        const done = changes.slice(plannedCount).filter(({ type }) => !LOOK_UP.test(type));
        const outputs = (await session.outputs()) as {
          readonly placement: { readonly cell: string };
          readonly log: TenantLog;
          readonly servers: Readonly<Record<string, readonly string[]>>;
          readonly cells: Readonly<Record<string, { readonly host: string }>>;
        };
        expect(isUnchanged(await session.up()), "a second up").to.equal(true);
        return { outputs, changes: done };
      },
    );
  const opsOn = (changes: Awaited<ReturnType<typeof bring>>["changes"], type: RegExp) =>
    new Set(changes.filter((change) => type.test(change.type)).map(({ op }) => op));

  it("from shared to dedicated, and no data is replaced or deleted on the way", async () => {
    const first = await bring("acme", [SHARED]);
    expect(first.outputs.placement.cell).to.equal("shared-1");
    expect([...opsOn(first.changes, /./)]).to.deep.equal(["create"]);
    const made = Object.values(await stacks.madeBy("tenant-acme"));
    expect(made).to.include.members(["acme.readings.g1", "/millwright/production/acme/placement"]);
    expect(made.filter((name) => /tenant-acme-latency/.test(name))).to.have.length(1);

    const page = async (tier: string) =>
      expectStackPage(`tenant-${tier}`, `A ${tier} tenant on AWS`, await stacks.resourcesOf("tenant-acme"));
    await page("shared");

    const both = await bring("acme", [SHARED, OWN]);
    const changed = both.changes.filter(({ op }) => op !== "create").map(({ type }) => type);
    expect(changed, "beside the second home").to.deep.equal(["aws:cloudwatch/dashboard:Dashboard"]);
    expect(both.outputs.cells[OWN.cell]?.host).to.match(/./);
    const servers = both.changes.filter(({ type }) => type === "aws:ec2/instance:Instance");
    expect(servers, "a primary and its replica").to.have.length(2);
    const functions = both.changes.filter(({ type }) => type === "aws:lambda/function:Function");
    expect(functions, "what fills the cell").to.have.length(1);

    const swapped = await bring("acme", [OWN, SHARED]);
    expect(swapped.outputs.placement.cell).to.equal(OWN.cell);
    expect([...opsOn(swapped.changes, DATA)]).to.deep.equal([]);
    await bring("acme", [OWN, { ...SHARED, isProtected: false }]);
    const moved = await bring("acme", [OWN]);
    expect([...opsOn(moved.changes, DATA)], "only the schema in the shared cell goes").to.deep.equal([]);
    expect([...opsOn(moved.changes, /^postgresql:index\/schema/)]).to.deep.equal(["delete"]);
    await page("dedicated");
  });

  it("makes its passwords anew with another rotation, on servers and data that stay", async () => {
    const { changes, outputs } = await bring("acme", [OWN], rotated);
    expect(outputs.servers[OWN.cell], "the primary and its replica").to.have.length(2);
    expect([...opsOn(changes, DATA)]).to.deep.equal([]);
    const replaced = changes.filter(({ op }) => op.includes("replace")).map(({ type }) => type);
    expect(new Set(replaced)).to.have.all.keys(
      "millwright:index:Secret",
      "aws:secretsmanager/secretVersion:SecretVersion",
    );
    const updated = changes.filter(({ op }) => op === "update").map(({ type }) => type);
    expect(new Set(updated)).to.have.all.keys(
      "aws:ssm/association:Association", // runs set-passwords.sh
      "pulumi:providers:postgresql",
      "postgresql:index/role:Role",
    );
  });

  it("is not destroyed while it is protected, and leaves nothing when that is lifted", async () => {
    await stacks.session("tenant-acme", stacks.tenantConfig("acme", [OWN], rotated), async (session) => {
      expect(textOf(await refusalOf(session.destroy()))).to.match(/protect/);
    });
    const lifted = stacks.tenantConfig("acme", [{ ...OWN, isProtected: false }], rotated);
    await stacks.session("tenant-acme", lifted, async (session) => {
      await session.up();
      await session.destroy();
    });
  });

  it("builds tenants with the longest ids, which differ in their last letter only, under names that do not meet", async () => {
    const ids = ["a", "b"].map((last) => `customer-whose-id-has-32-chars-${last}`);
    const names: string[] = [];
    for (const id of ids) {
      expect(id).to.have.length(32);
      await bring(id, [{ cell: `dedicated-${id}` }], { dedicatedTenantCount: 1 });
      const made = await stacks.madeBy(`tenant-${id}`);
      const named = Object.entries(made).filter(([urn]) => !NAMED_WITHIN.test(urn));
      names.push(...new Set(named.map(([urn, name]) => `${urn.split("::")[2]?.split("$").at(-1)} ${name}`)));
    }
    expect(names.length).to.be.above(40);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).to.deep.equal([]);
  });

  it("refuses a dedicated tenant over the limit, and one that nobody counted, before anything is made", async () => {
    for (const [facts, message] of [
      [{ dedicatedTenantCount: 2 }, /2 dedicated tenants; the limit is 1/],
      [{}, /not known how many/],
    ] as const) {
      const config = stacks.tenantConfig("gamma", [{ cell: "dedicated-gamma" }], facts);
      const refusal = await refusalOf(stacks.session("tenant-gamma", config, (session) => session.preview()));
      expect(refusal.code).to.equal("policy-refused");
      expect(textOf(refusal)).to.match(message);
    }
  });

  it("gives a tenant a network and a private API of its own, where the account has room for it", async () => {
    const isolated = { clientCidrBlocks: ["10.1.0.0/16"] };
    const config = (aws: object) =>
      stacks.tenantConfig("epsilon", [{ ...SHARED, isProtected: false }], { aws });
    await stacks.session("tenant-epsilon", config({ isolatedApi: isolated }), async (session) => {
      print("tenant-epsilon, isolated", await session.preview());
      await session.up();
      const { isolatedApi } = (await session.outputs()) as { isolatedApi: Readonly<Record<string, string>> };
      expect(isolatedApi["url"]).to.match(/-vpcEndpoint-\w+\.execute-api\.us-east-1\.amazonaws\.com\/live$/);
      expect(isUnchanged(await session.up()), "a second up").to.equal(true);
    });
    const full = { isolatedApi: isolated, region: "xx-full-1" };
    const previewing = stacks.session("tenant-epsilon", config(full), (session) => session.preview());
    expect(textOf(await refusalOf(previewing))).to.match(/aws\.isolatedApi: .*5 other VPCs.*L-F678F1CE/);
    await stacks.session("tenant-epsilon", config({ isolatedApi: isolated }), (session) => session.destroy());
  });

  it("builds everything for one customer: a platform of its own, and the tenant in it", async () => {
    const preset = { preset: "production" };
    await stacks.session("platform-customer123", stacks.config(preset), async (session) => {
      print("platform-customer123", await session.up());
    });
    const { outputs } = await bring("customer-123", [SHARED], { environment: "customer123", aws: preset });
    expect(outputs.placement.cell).to.equal("shared-1");
    const made = Object.values(await stacks.madeBy("tenant-customer-123"));
    expect(made).to.include("/millwright/customer123/customer-123/placement");
    expect(made.filter((name) => /production/.test(name))).to.deep.equal([]);
  });

  it("refuses an environment that has no platform, and a cell that the platform does not have", async () => {
    for (const [home, facts, message] of [
      [SHARED, { environment: "development" }, /platform-development/],
      [{ cell: "shared-7" }, {}, /no cell 'shared-7'/],
    ] as const) {
      const config = stacks.tenantConfig("delta", [home], facts);
      const previewing = stacks.session("tenant-delta", config, (session) => session.preview());
      expect(textOf(await refusalOf(previewing))).to.match(message);
    }
  });
});
