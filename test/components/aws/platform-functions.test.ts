import { expect } from "chai";
import { PlatformFunctions } from "../../../components/aws/platform-functions.ts";
import { mockAws } from "../../support/aws-mocks.ts";

const KEY = "arn:aws:kms:us-east-1:123456789012:key/k";
const secret = (name: string) => `arn:aws:secretsmanager:us-east-1:123456789012:secret:${name}`;

describe("PlatformFunctions", () => {
  const created = mockAws();
  const make = () =>
    new PlatformFunctions(
      "functions",
      {
        scope: { environment: "production", tenant: undefined },
        ...{ bundles: "dist/handlers", subnetIds: ["subnet-1"], securityGroupIds: ["sg-1"] },
        ...{ keyArns: { secrets: KEY, logs: KEY, messages: KEY }, logRetentionDays: 90 },
        eventLog: {
          clusterArn: "arn:aws:kafka:us-east-1:123456789012:cluster/millwright/abc-1",
          brokers: "b-1.millwright.kafka.us-east-1.amazonaws.com:9098",
        },
        cells: ["shared-1", "shared-2"].map((name) => ({ name, secretArn: secret(name) })),
        secrets: { CATALOG_SECRET: secret("catalog"), CHANNEL_KEY_SECRET: secret("channel-key") },
        settings: { notify: { SNS_REGION: "us-east-1" } },
        reservedConcurrency: { alert: 100 },
        ...{ clusterName: "millwright", shiftsGradually: false },
      },
      created.watched,
    );

  it("are one for each handler, and one to fill each cell", async () => {
    const { functions } = make();
    expect([...functions.keys()]).to.have.members(["ingest-shared-1", "ingest-shared-2", "alert", "notify"]);
    const resources = await created.settled();
    const made = resources.ofType("aws:lambda/function:Function");
    const variablesOf = (part: string) => {
      const { inputs } = made.find(({ name }) => name === `functions-${part}`)!;
      return (inputs["environment"] as { variables: Record<string, string> }).variables;
    };
    expect(variablesOf("ingest-shared-2")).to.include({ CELL: "shared-2", CELL_SECRET: secret("shared-2") });
    expect(variablesOf("notify")).to.include({ SNS_REGION: "us-east-1" });
    const reserved = made.map(({ inputs }) => inputs["reservedConcurrentExecutions"]);
    expect(reserved.filter((count) => count !== undefined)).to.deep.equal([100]);
    expect(resources.orphans()).to.deep.equal([]);
  });

  it("each read all of the shared topic, and are watched there", async () => {
    const { subjects } = make();
    const resources = await created.settled();
    const mappings = resources.ofType("aws:lambda/eventSourceMapping:EventSourceMapping");
    const groups = mappings.map(
      ({ inputs }) =>
        (inputs["amazonManagedKafkaEventSourceConfig"] as { consumerGroupId: string }).consumerGroupId,
    );
    const watched = subjects.filter(({ kind }) => kind === "consumer");
    expect(groups).to.have.length(3);
    expect(watched.map(({ dimensions }) => dimensions["Consumer Group"])).to.have.members(groups);
    expect(subjects.filter(({ kind }) => kind === "deadLetters")).to.have.length(4);
  });
});
