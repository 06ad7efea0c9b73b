import { expect } from "chai";
import { HandlerFunction, type FunctionPlace } from "../../../components/aws/handler-function.ts";
import { HANDLERS, type HandlerName } from "../../../components/aws/handlers.ts";
import { TopicSource } from "../../../components/aws/topic-source.ts";
import { tenantId } from "../../../model/tenant.ts";
import { mockAws } from "../../support/aws-mocks.ts";
import type { Registrations } from "../../support/pulumi-mocks.ts";

const KEY = "arn:aws:kms:us-east-1:123456789012:key/k";
const CLUSTER = "arn:aws:kafka:us-east-1:123456789012:cluster/millwright/abc-1";
const SECRETS = {
  CATALOG_SECRET: "arn:aws:secretsmanager:us-east-1:123456789012:secret:catalog",
  CELL_SECRET: "arn:aws:secretsmanager:us-east-1:123456789012:secret:cell",
  CHANNEL_KEY_SECRET: "arn:aws:secretsmanager:us-east-1:123456789012:secret:channel-key",
};
const place: FunctionPlace = {
  scope: { environment: "development", tenant: undefined },
  bundles: "dist/handlers",
  subnetIds: ["subnet-1", "subnet-2"],
  securityGroupIds: ["sg-1"],
  keyArns: { secrets: KEY, logs: KEY, messages: KEY },
  logRetentionDays: 14,
  eventLog: { clusterArn: CLUSTER, brokers: "b-1.millwright.kafka.us-east-1.amazonaws.com:9098" },
};

/** Actions that take no resource, so that AWS itself wants `*`; sns:Publish for topics and phones of other accounts. */
const WITHOUT_RESOURCE = [
  ...["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces"],
  ...["ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"],
  ...["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"],
  ...["xray:PutTraceSegments", "xray:PutTelemetryRecords", "sns:Publish"],
];

interface Statement {
  readonly Action: string | string[];
  readonly Resource: string | string[];
}

function statementsOf(resources: Registrations, name: string): readonly Statement[] {
  const { policy } = resources.get("aws:iam/rolePolicy:RolePolicy", name).inputs;
  return (JSON.parse(policy as string) as { Statement: Statement[] }).Statement;
}

describe("HandlerFunction", () => {
  const created = mockAws();
  const make = (handler: HandlerName, more: object = {}) =>
    new HandlerFunction(handler, { ...place, handler, secrets: SECRETS, ...more }, created.watched);

  for (const handler of Object.keys(HANDLERS) as HandlerName[])
    describe(`of ${handler}`, () => {
      it("runs encrypted, in the network, traced, with its own log and dead letters", async () => {
        make(handler);
        const resources = await created.settled();
        const { inputs } = resources.get("aws:lambda/function:Function", handler);
        expect(inputs).to.deep.include({
          ...{ name: `millwright-development-shared-${handler}`, kmsKeyArn: KEY, publish: true },
          ...{ runtime: "nodejs24.x", architectures: ["arm64"] },
          vpcConfig: { subnetIds: place.subnetIds, securityGroupIds: place.securityGroupIds },
          tracingConfig: { mode: "Active" },
        });
        const log = resources.get("aws:cloudwatch/logGroup:LogGroup", handler).inputs;
        expect(log).to.deep.include({ retentionInDays: 14, kmsKeyId: KEY });
        expect(inputs["loggingConfig"]).to.deep.equal({ logFormat: "JSON", logGroup: log["name"] });
        const letters = resources.get("aws:sqs/queue:Queue", `${handler}-dead-letters`).inputs;
        expect(letters).to.include({ kmsMasterKeyId: KEY });
        expect(resources.orphans()).to.deep.equal([]);
      });

      it("may do nothing to everything, and reads no secret but its own", async () => {
        make(handler);
        const statements = statementsOf(await created.settled(), handler);
        for (const { Action, Resource } of statements) {
          expect([Action].flat().join(" ")).to.not.include("*");
          if (Resource === "*") expect(WITHOUT_RESOURCE).to.include.members([Action].flat());
        }
        const secrets = statements.filter(({ Action }) => Action === "secretsmanager:GetSecretValue");
        expect(secrets.flatMap(({ Resource }) => Resource)).to.have.members(
          HANDLERS[handler].secrets.map((setting) => SECRETS[setting]),
        );
      });
    });

  it("reads topics of readings, as groups of its own name", async () => {
    make("ingest", { part: "shared-1" });
    const resources = statementsOf(await created.settled(), "ingest").flatMap(({ Resource }) => Resource);
    expect(resources.filter((arn) => /^arn:aws:kafka/.test(arn))).to.have.members([
      CLUSTER,
      "arn:aws:kafka:us-east-1:123456789012:topic/millwright/abc-1/*.readings.*",
      "arn:aws:kafka:us-east-1:123456789012:group/millwright/abc-1/millwright-development-shared-ingest-shared-1.*",
    ]);
  });

  it("is told where its secrets are, never what they hold, and reaches Kafka by IAM over TLS", async () => {
    make("ingest", { settings: { CELL: "shared-1" } });
    const { inputs } = (await created.settled()).get("aws:lambda/function:Function", "ingest");
    expect(inputs["environment"]).to.deep.equal({
      variables: {
        NODE_EXTRA_CA_CERTS: "/var/runtime/ca-cert.pem",
        CELL: "shared-1",
        CELL_SECRET: SECRETS.CELL_SECRET,
        CATALOG_SECRET: SECRETS.CATALOG_SECRET,
        ...{ KAFKA_BROKERS: "b-1.millwright.kafka.us-east-1.amazonaws.com:9098", KAFKA_TLS: "true" },
        KAFKA_SASL_MECHANISM: "aws-msk-iam",
      },
    });
  });

  it("keeps executions for alerts where it is told to", async () => {
    make("alert", { reservedConcurrency: 100 });
    const { inputs } = (await created.settled()).get("aws:lambda/function:Function", "alert");
    expect(inputs).to.include({ reservedConcurrentExecutions: 100, memorySize: 1_024, timeout: 15 });
  });

  it("is invoked by the clock through its live alias, by this rule alone", async () => {
    make("notify");
    const resources = await created.settled();
    const rule = resources.get("aws:cloudwatch/eventRule:EventRule", "notify");
    expect(rule.inputs).to.include({ scheduleExpression: "rate(1 minute)" });
    const permission = resources.get("aws:lambda/permission:Permission", "notify").inputs;
    expect(permission).to.include({ principal: "events.amazonaws.com", qualifier: "live" });
    expect(permission["sourceArn"]).to.match(/millwright-development-shared-notify$/);
    const target = resources.get("aws:cloudwatch/eventTarget:EventTarget", "notify").inputs;
    expect(target["arn"]).to.match(/:lambda:.*alias/);
  });

  it("refuses a secret that is missing", () => {
    expect(() => make("ingest", { secrets: {} })).to.throw("A function was given no CELL_SECRET.");
  });
});

describe("TopicSource", () => {
  const created = mockAws();
  const topic = "acme.readings.g1";

  it("gives each function all records, in groups of their own, and keeps what it gave up", async () => {
    const scope = { environment: "development", tenant: tenantId.parse("acme") };
    const functions = (["ingest", "alert"] as const).map(
      (handler) =>
        new HandlerFunction(handler, { ...place, scope, handler, secrets: SECRETS }, created.watched),
    );
    const source = new TopicSource("acme", { topic, functions, eventLog: place.eventLog }, created.watched);
    expect(source).to.be.instanceOf(TopicSource);
    const resources = await created.settled();
    const mappings = resources.ofType("aws:lambda/eventSourceMapping:EventSourceMapping");
    const facts = mappings.map(({ inputs }) => [
      inputs["topics"],
      inputs["amazonManagedKafkaEventSourceConfig"],
      inputs["startingPosition"],
      inputs["maximumBatchingWindowInSeconds"],
    ]);
    const group = (handler: string) => ({
      consumerGroupId: `millwright-development-acme-${handler}.${topic}`,
    });
    expect(facts).to.have.deep.members([
      [[topic], group("ingest"), "TRIM_HORIZON", 1],
      [[topic], group("alert"), "TRIM_HORIZON", 0],
    ]);
    for (const { inputs } of mappings) {
      expect(inputs["functionName"]).to.match(/alias/);
      expect(JSON.stringify(inputs["destinationConfig"])).to.match(/dead-letters/);
    }
    expect(resources.orphans()).to.deep.equal([]);
  });

  it("refuses a handler that reads no topic", () => {
    const notify = new HandlerFunction(
      "notify",
      { ...place, handler: "notify", secrets: SECRETS },
      created.watched,
    );
    const args = { topic, functions: [notify], eventLog: place.eventLog };
    expect(() => new TopicSource("acme", args, created.watched)).to.throw("notify reads no topic");
  });
});
