import { gunzipSync } from "node:zlib";
import { expect } from "chai";
import * as pulumi from "@pulumi/pulumi";
import { Timescale, type TimescaleArgs, type TimescalePlace } from "../../../components/aws/timescale.ts";
import { AWS_PRESETS } from "../../../model/aws/settings.ts";
import { tenantId } from "../../../model/tenant.ts";
import { mockAws } from "../../support/aws-mocks.ts";
import { valueOf } from "../../support/outputs.ts";
import { timescalePlace } from "../../support/timescale-place.ts";

const PASSWORDS = { admin: "admin-password", replicator: "replicator-password", pooler: "pooler-password" };

describe("Timescale", () => {
  const created = mockAws();

  async function makeServer(place: Partial<TimescalePlace> = {}, args: Partial<TimescaleArgs> = {}) {
    const logins = {
      admin: pulumi.secret(PASSWORDS.admin),
      replicator: pulumi.secret(PASSWORDS.replicator),
      pooler: pulumi.secret(PASSWORDS.pooler),
    };
    const given = {
      place: { ...timescalePlace(), ...place },
      logins,
      primary: "a",
      isProtected: true,
    } as const;
    const server = new Timescale("shared-1", { ...given, ...args }, created.watched);
    return { server, resources: await created.settled() };
  }

  const cloudConfigOf = (resources: Awaited<ReturnType<typeof makeServer>>["resources"], node: string) =>
    gunzipSync(
      Buffer.from(
        resources.get("aws:ec2/launchTemplate:LaunchTemplate", node).inputs["userData"] as string,
        "base64",
      ),
    ).toString();

  it("keeps data and WAL on encrypted volumes that outlive the machine, in its zone", async () => {
    const { resources } = await makeServer();
    const volumes = resources.ofType("aws:ebs/volume:Volume");
    expect(volumes.map(({ name }) => name)).to.have.members(
      ["a-data", "a-wal", "b-data", "b-wal"].map((part) => `shared-1-${part}`),
    );
    for (const { name, inputs, options } of volumes) {
      expect(inputs).to.deep.include({
        encrypted: true,
        kmsKeyId: "arn:key/data",
        type: "gp3",
        finalSnapshot: true,
        availabilityZone: name.includes("-a-") ? "us-east-1a" : "us-east-1b",
      });
      expect(inputs["tags"]).to.include({ costCenter: "plants" });
      expect(options?.protect).to.equal(true);
    }
    expect(resources.orphans()).to.deep.equal([]);
  });

  it("starts machines with version 2 of the metadata service, without SSH, with a role that reaches its own only", async () => {
    const { resources } = await makeServer();
    const { inputs } = resources.get("aws:ec2/launchTemplate:LaunchTemplate", "shared-1-a");
    expect(inputs["metadataOptions"]).to.deep.include({ httpTokens: "required", httpPutResponseHopLimit: 1 });
    expect(inputs["keyName"]).to.equal(undefined);
    expect(inputs["tagSpecifications"]).to.have.length(2);
    const address = resources.get("aws:ec2/networkInterface:NetworkInterface", "shared-1-a").inputs;
    expect(address["securityGroups"]).to.deep.equal(["sg-timescale"]);

    const policy = resources.get("aws:iam/rolePolicy:RolePolicy", "shared-1-server").inputs[
      "policy"
    ] as string;
    const { Statement } = JSON.parse(policy) as {
      Statement: { Sid: string; Action: string | string[]; Resource: string; Condition?: object }[];
    };
    for (const { Sid, Action, Resource, Condition } of Statement) {
      for (const action of [Action].flat()) expect(action, Sid).to.not.include("*");
      // What knows no resources has a condition, or is a channel of SSM's agent.
      if (Resource === "*" && Condition === undefined)
        for (const action of [Action].flat()) expect(action).to.match(/^(ssm|ssmmessages|ec2messages):/);
    }
    const backups = Statement.find(({ Sid }) => Sid === "OwnBackups");
    expect(backups?.Resource).to.equal("arn:aws:s3:::backups/timescale/shared-1/*");
  });

  it("tells the machine all but its passwords", async () => {
    const { server, resources } = await makeServer();
    const text = cloudConfigOf(resources, "shared-1-b");
    expect(text)
      .to.match(/ROLE=replica/)
      .and.match(/repo1-path=\/timescale\/shared-1/);
    for (const password of Object.values(PASSWORDS)) expect(text).to.not.include(password);
    const { inputs } = resources.get("aws:secretsmanager/secretVersion:SecretVersion", "shared-1-logins");
    expect(JSON.stringify(inputs["secretString"])).to.include(PASSWORDS.admin);
    expect(await pulumi.isSecret(server.password)).to.equal(true);
  });

  it("lets each server publish a certificate of its own, and nothing else, and gives out the primary's", async () => {
    const { server, resources } = await makeServer({}, { primary: "b" });
    const [, parameter] = /CERTIFICATE_PARAMETER=(.*)/.exec(cloudConfigOf(resources, "shared-1-b")) ?? [];
    expect(parameter).to.match(/^\/millwright\/production\/shared\/shared-1-b\/certificate$/);
    expect(await valueOf(server.certificate)).to.include(parameter);
    const role = resources.get("aws:iam/rolePolicy:RolePolicy", "shared-1-server").inputs["policy"] as string;
    const written = (JSON.parse(role) as { Statement: { Sid: string; Resource: string[] }[] }).Statement.find(
      ({ Sid }) => Sid === "OwnCertificates",
    );
    expect(written?.Resource).to.deep.equal(
      ["a", "b"].map(
        (node) =>
          `arn:aws:ssm:us-east-1:123456789012:parameter/millwright/production/shared/shared-1-${node}/certificate`,
      ),
    );
  });

  it("has a root disk of the type and size that it is priced by", async () => {
    const { resources } = await makeServer();
    const { inputs } = resources.get("aws:ec2/launchTemplate:LaunchTemplate", "shared-1-a");
    const [{ ebs }] = inputs["blockDeviceMappings"] as [{ ebs: object }];
    expect(ebs).to.include({ volumeType: "gp3", volumeSize: 16, iops: 3_000, throughput: 125 });
    expect(ebs).not.to.have.property("type"); // of a volume, which a template's disk does not know
  });

  it("fits into user data with the longest tenant's name", async () => {
    const scope = { environment: "development1", tenant: tenantId.parse("a".repeat(32)) };
    const { resources } = await makeServer({ scope });
    const { inputs } = resources.get("aws:ec2/launchTemplate:LaunchTemplate", "shared-1-a");
    expect(Buffer.from(inputs["userData"] as string, "base64").length).to.be.at.most(16_384);
  });

  it("serves when its passwords are set, and sets them again for each version of the secret", async () => {
    const { resources } = await makeServer();
    const { inputs } = resources.get("aws:ssm/association:Association", "shared-1");
    expect(inputs["waitForSuccessTimeoutSeconds"]).to.be.above(0);
    expect(JSON.stringify(inputs["parameters"])).to.match(/set-passwords\.sh # \S+/);
  });

  it("replaces no machine because a template changed, and shares no volume between two", async () => {
    const { resources } = await makeServer();
    const { inputs, options } = resources.get("aws:ec2/instance:Instance", "shared-1-a");
    expect(inputs["launchTemplate"]).to.deep.include({ version: "$Latest" });
    expect(options?.deleteBeforeReplace).to.equal(true);
    expect(inputs["disableApiTermination"]).to.equal(true);
    for (const attachment of resources.ofType("aws:ec2/volumeAttachment:VolumeAttachment"))
      expect(attachment.options?.deleteBeforeReplace).to.equal(true);
  });

  it("is one machine where no replica is wanted", async () => {
    const { server, resources } = await makeServer({ settings: AWS_PRESETS.development.timescale });
    expect(resources.ofType("aws:ec2/instance:Instance")).to.have.length(1);
    expect(server.replicaHost).to.equal(undefined);
    expect(cloudConfigOf(resources, "shared-1-a")).to.match(/PEER_HOST=\n/);
  });

  for (const [primary, replica] of [
    ["a", "b"],
    ["b", "a"],
  ] as const)
    it(`gives out server ${primary} as the primary, and tells it so`, async () => {
      const { server, resources } = await makeServer({}, { primary });
      expect(await valueOf(server.host)).to.not.equal(await valueOf(server.replicaHost!));
      expect(cloudConfigOf(resources, `shared-1-${primary}`)).to.match(/ROLE=primary/);
      const peer = await valueOf(server.host);
      expect(cloudConfigOf(resources, `shared-1-${replica}`)).to.include(`PEER_HOST=${peer}\n`);
      const idOf = (node: string) =>
        resources.get("aws:ec2/volumeAttachment:VolumeAttachment", `shared-1-${node}-data`).inputs[
          "instanceId"
        ];
      const ids = await valueOf(server.instanceIds);
      expect(ids, "where a restore goes first").to.deep.equal([idOf(primary), idOf(replica)]);
    });

  it("refuses to promote a server that is not there", () => {
    const settings = AWS_PRESETS.development.timescale;
    return makeServer({ settings }, { primary: "b" }).then(
      () => expect.fail("made"),
      (error: unknown) => expect(String(error)).to.match(/timescale\.hasReplica/),
    );
  });
});
