import { expect } from "chai";
import { EventLog } from "../../../components/aws/event-log.ts";
import { LogTopics } from "../../../components/aws/log-topics.ts";
import { AWS_PRESETS } from "../../../model/aws/settings.ts";
import { tenantLogOf } from "../../../model/tenant-log.ts";
import { tenantId } from "../../../model/tenant.ts";
import { mockAws } from "../../support/aws-mocks.ts";

describe("EventLog", () => {
  const created = mockAws();

  async function makeLog() {
    new EventLog(
      "log",
      {
        settings: AWS_PRESETS.production.eventLog,
        scope: { environment: "production", tenant: undefined },
        subnetIds: ["subnet-1", "subnet-2", "subnet-3"],
        securityGroupId: "sg-msk",
        kmsKeyArn: "arn:key/data",
        logKeyArn: "arn:key/logs",
        logRetentionDays: 90,
        isProtected: true,
      },
      created.watched,
    );
    return created.settled();
  }

  it("takes IAM and the login of IoT Core, over TLS and from inside the network", async () => {
    const { inputs, options } = (await makeLog()).get("aws:msk/cluster:Cluster", "log");
    expect(inputs["clientAuthentication"]).to.deep.equal({
      sasl: { iam: true, scram: true },
      unauthenticated: false,
    });
    expect(inputs["encryptionInfo"]).to.deep.equal({
      encryptionAtRestKmsKeyArn: "arn:key/data",
      encryptionInTransit: { clientBroker: "TLS", inCluster: true },
    });
    expect(inputs["brokerNodeGroupInfo"]).to.deep.include({
      clientSubnets: ["subnet-1", "subnet-2", "subnet-3"],
      securityGroups: ["sg-msk"],
      connectivityInfo: { publicAccess: { type: "DISABLED" } },
    });
    expect(inputs["numberOfBrokerNodes"]).to.equal(3);
    expect(options?.protect).to.equal(true);
  });

  it("acknowledges a record by two of three, and makes no topic by itself", async () => {
    const { inputs } = (await makeLog()).get("aws:msk/configuration:Configuration", "log");
    for (const line of [
      ...["default.replication.factor=3", "min.insync.replicas=2", "auto.create.topics.enable=false"],
      "unclean.leader.election.enable=false",
    ])
      expect((inputs["serverProperties"] as string).split("\n")).to.include(line);
  });

  it("grows its storage, keeps what grew, and writes a log that ends", async () => {
    const resources = await makeLog();
    const target = resources.get("aws:appautoscaling/target:Target", "log").inputs;
    expect(target).to.deep.include({
      scalableDimension: "kafka:broker-storage:VolumeSize",
      maxCapacity: 4_000,
    });
    expect(resources.get("aws:msk/cluster:Cluster", "log").options?.ignoreChanges).to.deep.equal([
      "brokerNodeGroupInfo.storageInfo.ebsStorageInfo.volumeSize",
    ]);
    const group = resources.get("aws:cloudwatch/logGroup:LogGroup", "log").inputs;
    expect(group).to.deep.include({ retentionInDays: 90, kmsKeyId: "arn:key/logs" });
    expect(resources.orphans()).to.deep.equal([]);
  });

  it("holds a tenant's topics as code", async () => {
    const topic = { topic: "acme.readings.g1", stream: "readings", partitions: 6 } as const;
    const log = tenantLogOf(tenantId.parse("acme"), [topic]);
    new LogTopics(
      "acme",
      { clusterArn: "arn:cluster", topics: log.topics, isProtected: true },
      created.watched,
    );
    const { inputs, options } = (await created.settled()).get("aws:msk/topic:Topic", "acme.readings.g1");
    expect(inputs).to.deep.equal({
      clusterArn: "arn:cluster",
      name: "acme.readings.g1",
      partitionCount: 6,
      replicationFactor: 3,
      configs: JSON.stringify({
        "message.timestamp.type": "LogAppendTime",
        ...{ "compression.type": "uncompressed", "max.message.bytes": "1048576" },
        "retention.ms": "604800000",
      }),
    });
    expect(options?.protect).to.equal(true);
  });
});
