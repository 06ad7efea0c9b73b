import { expect } from "chai";
import { ControlPlane, type ControlPlaneArgs } from "../../../components/aws/control-plane.ts";
import { readSettings } from "../../../environment.ts";
import { AWS_PRESETS } from "../../../model/aws/settings.ts";
import { mockAws } from "../../support/aws-mocks.ts";

const SERVICE = "aws:ecs/service:Service";
const TASK = "aws:ecs/taskDefinition:TaskDefinition";

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: object;
}

describe("ControlPlane", () => {
  const created = mockAws();

  async function makeControlPlane(settings: Partial<ControlPlaneArgs["settings"]> = { imageTag: "1.4.0" }) {
    const arn = (what: string) => `arn:aws:kms:us-east-1:123456789012:key/${what}`;
    new ControlPlane(
      "service",
      {
        scope: { environment: "production", tenant: undefined },
        ...{ region: "us-east-1", accountId: "123456789012", subnetIds: ["subnet-1"], isProtected: true },
        settings: { ...AWS_PRESETS.production.service, ...settings },
        ...{ securityGroupId: "sg-service", targetGroupArn: "arn:targets" },
        keyArns: { data: arn("data"), secrets: arn("secrets"), logs: arn("logs"), messages: arn("messages") },
        eventLog: {
          clusterArn: "arn:aws:kafka:us-east-1:123456789012:cluster/log/uuid",
          brokers: "b-1.log.abc.c2.kafka.us-east-1.amazonaws.com:9098",
        },
        catalog: { adminSecretArn: "arn:admin", loginSecretArn: "arn:login" },
        machines: { endpoint: "abc-ats.iot.us-east-1.amazonaws.com", entrance: "iot" },
        state: { bucket: "123456789012-millwright-state", keyAlias: "alias/millwright-state" },
        variables: { SNS_REGION: "us-east-1" },
        catalogLoginVersion: "v1",
        sharedCells: [{ name: "shared-1", tenantCapacity: 100 }],
        stackConfig: { region: "us-east-1" },
        environmentBudgetUsdPerMonth: 10_000,
        tenantExceptions: [],
      },
      created.watched,
    );
    return created.settled();
  }
  const containerOf = (resources: Awaited<ReturnType<typeof makeControlPlane>>) => {
    const { inputs } = resources.get(TASK, "service");
    const [container] = JSON.parse(inputs["containerDefinitions"] as string) as {
      image: string;
      environment: { name: string; value: string }[];
      logConfiguration: { options: Record<string, string> };
    }[];
    return container!;
  };

  it("runs one task, in private subnets, behind the load balancer, and goes back when a new one fails", async () => {
    const resources = await makeControlPlane();
    const { inputs } = resources.get(SERVICE, "service");
    expect(inputs).to.deep.include({
      ...{ desiredCount: 1, deploymentMinimumHealthyPercent: 0, deploymentMaximumPercent: 100 },
      deploymentCircuitBreaker: { enable: true, rollback: true },
      networkConfiguration: { subnets: ["subnet-1"], securityGroups: ["sg-service"], assignPublicIp: false },
      loadBalancers: [{ targetGroupArn: "arn:targets", containerName: "service", containerPort: 8080 }],
    });
    expect(resources.orphans()).to.deep.equal([]);
  });

  it("gives the task settings that the service takes, and no secret", async () => {
    const { environment, image, logConfiguration } = containerOf(await makeControlPlane());
    const settings = readSettings(Object.fromEntries(environment.map(({ name, value }) => [name, value])));
    expect(settings).to.deep.include({ host: "0.0.0.0", port: 8080 });
    expect(settings.notify.sns?.region).to.equal("us-east-1");
    expect(settings.kafka?.sasl).to.deep.equal({ mechanism: "aws-msk-iam" });
    expect(settings.kafka?.writers, "who is let into the log: IoT Core").to.deep.equal([
      "millwright-machines",
    ]);
    expect(settings.web.isBehindGateway).to.equal(true);
    expect(settings.environmentBudgetUsd).to.equal(10_000);
    expect(settings.aws).to.deep.equal({
      ...{ region: "us-east-1", environment: "production", endpoint: undefined },
      secrets: {
        prefix: "millwright-production-shared-store",
        kmsKeyArn: "arn:aws:kms:us-east-1:123456789012:key/secrets",
      },
      state: {
        url: "s3://123456789012-millwright-state?region=us-east-1",
        secretsProvider: "awskms:///alias/millwright-state?region=us-east-1",
      },
      sharedCells: [{ name: "shared-1", tenantCapacity: 100 }],
      stackConfig: { region: "us-east-1" },
      environmentBudgetUsdPerMonth: 10_000,
      tenantExceptions: [],
      catalog: { serviceSecret: "arn:login", adminSecret: "arn:admin" },
      machines: { endpoint: "abc-ats.iot.us-east-1.amazonaws.com", entrance: "iot" },
    });
    expect(image).to.match(/:1\.4\.0$/);
    expect(logConfiguration.options["awslogs-group"]).to.equal("/millwright/production/shared/service");
  });

  it("has a repository whose images are encrypted, scanned and never renamed, and waits for the first one", async () => {
    const resources = await makeControlPlane({});
    expect(resources.ofType(SERVICE)).to.deep.equal([]);
    const { inputs, options } = resources.get("aws:ecr/repository:Repository", "service");
    expect(inputs).to.deep.include({
      imageTagMutability: "IMMUTABLE",
      imageScanningConfiguration: { scanOnPush: true },
    });
    expect(inputs["encryptionConfigurations"]).to.deep.equal([
      { encryptionType: "KMS", kmsKey: "arn:aws:kms:us-east-1:123456789012:key/data" },
    ]);
    expect(options?.protect).to.equal(true);
  });

  it("may act on what bears our names or tags only", async () => {
    const resources = await makeControlPlane();
    const roles = resources.ofType("aws:iam/rolePolicy:RolePolicy");
    const managed = resources.ofType("aws:iam/policy:Policy");
    expect(roles.map(({ name }) => name)).to.have.members(["service-start", "service-task"]);
    const attached = resources.ofType("aws:iam/rolePolicyAttachment:RolePolicyAttachment");
    expect(attached.map(({ name }) => name)).to.have.members(managed.map(({ name }) => name));
    for (const { inputs } of [...roles, ...managed]) {
      const { Statement } = JSON.parse(inputs["policy"] as string) as { Statement: readonly Statement[] };
      for (const { Action, Resource, Condition } of Statement) {
        for (const action of [Action].flat()) expect(action).to.not.include("*");
        if ([Resource].flat().includes("*") && Condition === undefined)
          for (const action of [Action].flat())
            expect(action).to.match(
              /^(ec2:Describe|logs:Describe|iot:CreateCertificateFromCsr|sts:|ecr:GetAuthorizationToken|ssm:Describe|ce:)/,
            );
        if ([Action].flat().includes("ssm:SendCommand")) {
          const isDocument = Resource === "arn:aws:ssm:us-east-1::document/AWS-RunShellScript";
          if (isDocument) continue;
          expect(Resource).to.equal("arn:aws:ec2:us-east-1:123456789012:instance/*");
          expect(Condition).to.deep.equal({
            StringEquals: {
              "ssm:resourceTag/project": "millwright",
              "ssm:resourceTag/environment": "production",
            },
            StringNotEquals: { "ssm:resourceTag/tenant": "shared" },
          });
        }
        if ([Action].flat().includes("iam:PassRole")) {
          expect(Condition).to.not.equal(undefined);
          expect(Resource).to.equal("arn:aws:iam::123456789012:role/millwright-production-*");
        }
      }
    }
  });
});
