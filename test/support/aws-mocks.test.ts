import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { mockAws } from "./aws-mocks.ts";
import { valueOf } from "./outputs.ts";

class Both extends pulumi.ComponentResource {
  readonly topicArn: pulumi.Output<string>;
  constructor(args: { readonly isAdopted: boolean }, opts: pulumi.ComponentResourceOptions) {
    super("millwright:aws:Both", "both", {}, opts);
    const topic = new aws.sns.Topic("alerts", { name: "alerts" }, { parent: this, protect: true });
    new aws.sqs.Queue("letters", { name: "letters" }, args.isAdopted ? { parent: this } : {});
    this.topicArn = topic.arn;
  }
}

class Untyped extends pulumi.CustomResource {}

describe("mockAws", () => {
  const created = mockAws();

  it("shows what was asked for, under whom, and what AWS could answer", async () => {
    const { topicArn } = new Both({ isAdopted: true }, created.watched);
    const resources = await created.settled();
    const topic = resources.get("aws:sns/topic:Topic", "alerts");
    expect(topic.inputs).to.deep.equal({ name: "alerts" });
    expect(topic.options?.protect).to.equal(true);
    expect(await valueOf(topicArn)).to.equal("arn:aws:sns:us-east-1:123456789012:topic/alerts");
    expect(resources.orphans()).to.deep.equal([]);
  });

  it("names a child without a parent", async () => {
    new Both({ isAdopted: false }, created.watched);
    expect((await created.settled()).orphans()).to.deep.equal(["letters"]);
  });

  it("answers look-ups", async () => {
    const { accountId } = await valueOf(aws.getCallerIdentityOutput());
    expect(accountId).to.equal("123456789012");
  });

  const refusalOf = async (type: string, inputs: object) => {
    new Untyped(type, "x", inputs);
    return created.settled().then(() => undefined, String);
  };

  it("refuses a type that AWS does not have", async () => {
    expect(await refusalOf("aws:sns/tpoic:Tpoic", {})).to.match(
      /no mock for a resource of type aws:sns.tpoic/,
    );
  });

  it("refuses a property that the type does not have", async () => {
    expect(await refusalOf("aws:sns/topic:Topic", { nmae: "x" })).to.match(/sns.topic:Topic takes no nmae/);
  });
});
