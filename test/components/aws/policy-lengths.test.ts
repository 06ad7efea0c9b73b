import { expect } from "chai";
import { ControlPlane } from "../../../components/aws/control-plane.ts";
import { HandlerFunction } from "../../../components/aws/handler-function.ts";
import { MachineEntrance } from "../../../components/aws/machine-entrance.ts";
import { awsName, awsPath } from "../../../components/aws/names.ts";
import { TenantMachines } from "../../../components/aws/tenant-machines.ts";
import { TimescaleRole } from "../../../components/aws/timescale-role.ts";
import { AWS_PRESETS } from "../../../model/aws/settings.ts";
import { tenantId } from "../../../model/tenant.ts";
import { mockAws } from "../../support/aws-mocks.ts";

/** In characters, by what the policy is (quotas of IAM and of IoT Core, read 2026-11). */
const LIMITS: Readonly<Record<string, number>> = {
  "aws:iam/rolePolicy:RolePolicy": 10_240,
  "aws:iam/policy:Policy": 6_144,
  "aws:iot/policy:Policy": 2_048,
};

const REGION = "ap-southeast-1";
const ACCOUNT = "123456789012";
const PLATFORM = { environment: "development1", tenant: undefined };
const TENANT = { ...PLATFORM, tenant: tenantId.parse("a".repeat(32)) };
const ID = "01234567-89ab-cdef-0123-456789abcdef";
const SECRET_NAME = "s".repeat(64);

const arn = (service: string, resource: string) => `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`;
const key = arn("kms", `key/${ID}`);
const secret = arn("secretsmanager", `secret:${SECRET_NAME}-AbCdEf`);
const given = {
  ...{ region: REGION, accountId: ACCOUNT, subnetIds: ["subnet-1"], securityGroupId: "sg-1" },
  keyArns: { data: key, secrets: key, logs: key, messages: key },
  eventLog: {
    clusterArn: arn("kafka", `cluster/${awsName("kafkaCluster", PLATFORM, "event-log")}/${ID}-1`),
    brokers: "b-1.example:9098",
  },
};

/** A stack's first preview knows no ARNs, and so not how long its policies are. Here ARNs are as long as they come. */
describe("policies with the longest names", () => {
  const created = mockAws();

  async function expectLengths(...names: readonly string[]) {
    const policies = (await created.settled()).all.filter(({ type }) => type in LIMITS);
    expect(policies.map(({ name }) => name)).to.have.members(names);
    for (const { type, name, inputs } of policies)
      expect(String(inputs["policy"]).length, `${type} ${name}`).to.be.at.most(LIMITS[type]!);
  }

  it("fit a role or policy of the control plane", async () => {
    new ControlPlane(
      "service",
      {
        ...{ ...given, scope: PLATFORM, settings: AWS_PRESETS.production.service, isProtected: true },
        ...{ targetGroupArn: "arn:targets", variables: {}, catalogLoginVersion: "v1" },
        catalog: { adminSecretArn: secret, loginSecretArn: secret },
        machines: { endpoint: "abc-ats.iot.ap-southeast-1.amazonaws.com", entrance: "iot" },
        state: { bucket: "b".repeat(63), keyAlias: `alias/${"k".repeat(64)}` },
        ...{ sharedCells: [], stackConfig: {}, environmentBudgetUsdPerMonth: 10_000, tenantExceptions: [] },
      },
      created.watched,
    );
    await expectLengths("service-start", "service-task", "service-tenants", "service-servers");
  });

  it("fit a function's role", async () => {
    new HandlerFunction(
      "ingest",
      {
        ...{ ...given, scope: TENANT, handler: "ingest", part: "cell", bundles: "dist/handlers" },
        ...{ securityGroupIds: ["sg-1"], logRetentionDays: 14 },
        secrets: { CATALOG_SECRET: secret, CELL_SECRET: secret },
      },
      created.watched,
    );
    await expectLengths("ingest");
  });

  it("fit the role of a cell's servers", async () => {
    new TimescaleRole(
      "server",
      {
        ...{ scope: TENANT, cell: TENANT.tenant, dataKeyArn: key, secretsKeyArn: key },
        ...{ backupBucketArn: `arn:aws:s3:::${"b".repeat(63)}`, loginsSecretArn: secret },
        certificateParameters: ["a", "b"].map((node) =>
          awsPath(TENANT, `${TENANT.tenant}-${node}/certificate`),
        ),
      },
      created.watched,
    );
    await expectLengths("server");
  });

  it("fit the roles of IoT Core", async () => {
    const { clusterArn } = given.eventLog;
    new MachineEntrance(
      "machines",
      { ...given, scope: PLATFORM, vpcId: "vpc-1", clusterArn },
      created.watched,
    );
    await expectLengths("machines-rules", "machines-network");
  });

  it("fit a certificate of a machine", async () => {
    new TenantMachines(
      "machines",
      {
        ...{ ...given, scope: TENANT, generation: 1, brokers: "b-1:9096" },
        ...{ topic: "readings", isShared: false },
        entrance: {
          ...{ destinationArn: "arn:destination", roleArn: "arn:role", loginSecretArn: secret },
          deadLetterUrl: "https://queue",
        },
      },
      created.watched,
    );
    await expectLengths("machines");
  });
});
