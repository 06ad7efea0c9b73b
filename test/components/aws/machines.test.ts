import { expect } from "chai";
import { MachineEntrance } from "../../../components/aws/machine-entrance.ts";
import { TenantMachines, type TenantMachinesArgs } from "../../../components/aws/tenant-machines.ts";
import { tenantId } from "../../../model/tenant.ts";
import { mockAws } from "../../support/aws-mocks.ts";

const SECRET = "aws:secretsmanager/secret:Secret";
const ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy";
const RULE = "aws:iot/topicRule:TopicRule";
const KEYS = { secrets: "arn:key/secrets", messages: "arn:key/messages" };

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: object;
}
const statementsOf = (policy: unknown) =>
  (JSON.parse(policy as string) as { readonly Statement: readonly Statement[] }).Statement;
const listOf = (value: string | readonly string[]) => [value].flat();

describe("MachineEntrance", () => {
  const created = mockAws();
  async function make() {
    new MachineEntrance(
      "machines",
      {
        scope: { environment: "production", tenant: undefined },
        ...{ vpcId: "vpc-1", subnetIds: ["subnet-1"], securityGroupId: "sg-1", keyArns: KEYS },
        clusterArn: "arn:cluster",
      },
      created.watched,
    );
    return created.settled();
  }

  it("logs in to MSK by a secret of the name that MSK wants, under our key, which it alone may read", async () => {
    const resources = await make();
    const secret = resources.get(SECRET, "machines-login");
    expect(secret.inputs).to.include({
      name: "AmazonMSK_millwright-production-shared-machines",
      kmsKeyId: KEYS.secrets,
    });
    const association = resources.get("aws:msk/scramSecretAssociation:ScramSecretAssociation", "machines");
    expect(association.inputs["clusterArn"]).to.equal("arn:cluster");
    const policy = resources.get("aws:secretsmanager/secretPolicy:SecretPolicy", "machines-login").inputs;
    expect(statementsOf(policy["policy"])).to.have.length(1);
    expect(statementsOf(policy["policy"])[0]).to.deep.include({
      Principal: { Service: "kafka.amazonaws.com" },
      Action: "secretsmanager:GetSecretValue",
    });
    expect(resources.orphans()).to.deep.equal([]);
  });

  it("reads that secret and writes its dead letters, and may do nothing else to what is ours", async () => {
    const resources = await make();
    const rules = statementsOf(resources.get(ROLE_POLICY, "machines-rules").inputs["policy"]);
    expect(rules.flatMap(({ Resource }) => listOf(Resource))).not.to.include("*");
    expect(
      rules.flatMap(({ Action }) => listOf(Action)).filter((action) => action.endsWith("*")),
    ).to.deep.equal([]);
    const network = statementsOf(resources.get(ROLE_POLICY, "machines-network").inputs["policy"]);
    for (const action of network.flatMap(({ Action }) => listOf(Action))) expect(action).to.match(/^ec2:/);
    const queue = resources.get("aws:sqs/queue:Queue", "machines-dead-letters").inputs;
    expect(queue).to.include({ kmsMasterKeyId: KEYS.messages, messageRetentionSeconds: 1_209_600 });
  });

  it("enters the network by a group of its own", async () => {
    const { inputs } = (await make()).get("aws:iot/topicRuleDestination:TopicRuleDestination", "machines");
    expect(inputs["vpcConfiguration"]).to.deep.include({
      ...{ vpcId: "vpc-1", subnetIds: ["subnet-1"], securityGroups: ["sg-1"] },
    });
  });
});

describe("TenantMachines", () => {
  const created = mockAws();
  async function make(tenant: string, more: Partial<TenantMachinesArgs> = {}) {
    const machines = new TenantMachines(
      `${tenant}-machines`,
      {
        scope: { environment: "production", tenant: tenantId.parse(tenant) },
        ...{ region: "us-east-1", accountId: "123456789012", generation: 3, brokers: "b-1:9096" },
        ...{ topic: `${tenant}.readings.g3`, isShared: false },
        entrance: {
          ...{ destinationArn: "arn:destination", roleArn: "arn:role", loginSecretArn: "arn:secret" },
          deadLetterUrl: "https://queue",
        },
        ...more,
      },
      created.watched,
    );
    return { machines, resources: await created.settled() };
  }
  const kafkaOf = (rule: Readonly<Record<string, unknown>>) =>
    (rule["kafkas"] as { topic: string; key: string; headers: object[]; clientProperties: object }[])[0]!;

  it("let a certificate publish to its own tenant's rule under its own machine's name, and read its own shadow", async () => {
    const { machines, resources } = await make("acme");
    const rule = resources.get(RULE, "acme-machines").inputs;
    expect(machines.topicPrefix).to.equal(`$aws/rules/${String(rule["name"])}/`);
    const policy = statementsOf(resources.get("aws:iot/policy:Policy", "acme-machines").inputs["policy"]);
    const publish = policy.filter(({ Action }) => Action === "iot:Publish");
    const at = "arn:aws:iot:us-east-1:123456789012:topic";
    const thing = "$aws/things/${iot:Connection.Thing.ThingName}/shadow";
    const machine = "${iot:Connection.Thing.Attributes[machine]}";
    expect(publish.flatMap(({ Resource }) => Resource)).to.deep.equal([
      `${at}/$aws/rules/millwright_production_acme_machines/sensors/${machine}/telemetry`,
      `${at}/$aws/rules/millwright_production_acme_machines/events/${machine}/scan`,
      `${at}/${thing}/get`,
      `${at}/${thing}/update`,
    ]);
    const listen = policy.filter(({ Action }) => Action === "iot:Subscribe" || Action === "iot:Receive");
    expect(listen.flatMap(({ Resource }) => Resource)).to.deep.equal([
      `${at}filter/${thing}/*`,
      `${at}/${thing}/*`,
    ]);
    for (const { Resource } of policy.filter((statement) => !listen.includes(statement)))
      for (const resource of listOf(Resource)) expect(resource).not.to.match(/[*#+]/);
    const connect = policy.find(({ Action }) => Action === "iot:Connect");
    expect(connect?.Condition).to.deep.equal({ Bool: { "iot:Connection.Thing.IsAttached": "true" } });
    expect(resources.orphans()).to.deep.equal([]);
  });

  it("are written into the tenant's topic by a rule that looks at no payload", async () => {
    const rule = (await make("acme")).resources.get(RULE, "acme-machines").inputs;
    expect(rule["sql"]).to.equal("SELECT encode(*, 'base64') AS payload");
    const { topic, key, headers, clientProperties } = kafkaOf(rule);
    expect([topic, key]).to.deep.equal(["acme.readings.g3", "${topic(2)}"]);
    expect(headers).to.deep.equal([
      { key: "mqtt-topic", value: "${topic()}" },
      { key: "produced-at", value: "${timestamp()}" },
      { key: "source", value: "live" },
    ]);
    expect(clientProperties).to.deep.include({
      ...{ "security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512", acks: "all" },
      "sasl.scram.password": "${get_secret('arn:secret', 'SecretString', 'password', 'arn:role')}",
    });
    expect(rule["errorAction"]).to.deep.equal({
      sqs: { queueUrl: "https://queue", roleArn: "arn:role", useBase64: false },
    });
  });

  it("say whose a record in the shared topic is by the rule's own word", async () => {
    const shared = { topic: "shared.readings.g128", isShared: true };
    const { key, headers } = kafkaOf(
      (await make("acme", shared)).resources.get(RULE, "acme-machines").inputs,
    );
    expect(key).to.equal("acme/${topic(2)}");
    expect(headers).to.deep.include.members([
      { key: "tenant", value: "acme" },
      { key: "generation", value: "3" },
    ]);
  });

  it("have names that do not meet, whatever dashes ids have", async () => {
    const names = [];
    for (const tenant of [
      "acme",
      "acme-2",
      "customer-whose-id-has-32-chars-a",
      "customer-whose-id-has-32-chars-b",
    ]) {
      const rule = (await make(tenant)).resources.get(RULE, `${tenant}-machines`).inputs;
      expect(rule["name"]).to.match(/^[a-z0-9_]{1,128}$/);
      names.push(rule["name"]);
    }
    expect(new Set(names).size).to.equal(names.length);
  });
});
