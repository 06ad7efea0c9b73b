import { expect } from "chai";
import { apiDocument } from "../../../automation/http/document.ts";
import { ApiAccount } from "../../../components/aws/api-account.ts";
import { ApiLink } from "../../../components/aws/api-link.ts";
import { Api, type ApiArgs } from "../../../components/aws/api.ts";
import { apiDocument as documentSchema } from "../../../model/aws/gateway-body.ts";
import { AWS_PRESETS } from "../../../model/aws/settings.ts";
import { mockAws } from "../../support/aws-mocks.ts";
import { valueOf } from "../../support/outputs.ts";

const REST_API = "aws:apigateway/restApi:RestApi";
const DEPLOYMENT = "aws:apigateway/deployment:Deployment";
const SETTINGS = "aws:apigateway/methodSettings:MethodSettings";
const RECORD = "aws:route53/record:Record";
const scope = { environment: "production", tenant: undefined };
const settings = { ...AWS_PRESETS.production.api, corsOrigins: [] };

describe("Api", () => {
  const created = mockAws();
  const make = (more: Partial<ApiArgs> = {}) =>
    new Api(
      "api",
      {
        ...{ scope, settings, document: documentSchema.parse(apiDocument()), vpcEndpointId: undefined },
        upstream: { vpcLinkId: "link1", loadBalancerArn: "arn:lb", url: "https://service.example.com" },
        ...{ logKeyArn: "arn:key/logs", logRetentionDays: 90 },
        ...more,
      },
      created.watched,
    );
  const bodyHash = async (more: Partial<ApiArgs> = {}) => {
    make(more);
    const { inputs } = (await created.settled()).ofType(DEPLOYMENT).at(-1)!;
    return (inputs["triggers"] as { readonly body: string }).body;
  };

  it("is called from the internet through the service's load balancer, and logs each call without what it says", async () => {
    const api = make();
    const resources = await created.settled();
    const { body, ...rest } = resources.get(REST_API, "api").inputs;
    expect(rest).to.deep.equal({
      ...{ name: "millwright-production-shared-api", failOnWarnings: true, disableExecuteApiEndpoint: false },
      endpointConfiguration: { types: "REGIONAL" },
    });
    expect(body).to.include('"integrationTarget":"arn:lb"');
    const log = resources.get("aws:cloudwatch/logGroup:LogGroup", "api").inputs;
    expect(log).to.deep.include({
      ...{ name: "/millwright/production/shared/api/access", kmsKeyId: "arn:key/logs", retentionInDays: 90 },
    });
    const stage = resources.get("aws:apigateway/stage:Stage", "api").inputs;
    expect(stage).to.deep.include({ stageName: "live", xrayTracingEnabled: true });
    const { format } = stage["accessLogSettings"] as { readonly format: string };
    expect(Object.values(JSON.parse(format) as object).join()).not.to.match(
      /header|querystring|authorizer|\.path/i,
    );
    expect(await valueOf(api.url)).to.match(/invokeUrl$/); // API Gateway's own
    expect(resources.orphans()).to.deep.equal([]);
  });

  it("limits all calls, and those of machines for themselves, and never logs bodies", async () => {
    make();
    const limits = (await created.settled()).ofType(SETTINGS).map(({ inputs }) => inputs);
    const rates = limits.map(({ methodPath, settings: of }) => {
      const { throttlingRateLimit, loggingLevel, dataTraceEnabled } = of as Record<string, unknown>;
      expect([loggingLevel, dataTraceEnabled]).to.deep.equal(["OFF", false]);
      return [methodPath, throttlingRateLimit];
    });
    expect(rates).to.have.deep.members([
      ["*/*", 1_000],
      ["~1v1~1data/POST", 5_000],
      ["~1v1~1alerts~1events/POST", 5_000],
    ]);
  });

  it("deploys again when something of the API has changed, and only then", async () => {
    const first = await bodyHash();
    expect(await bodyHash()).to.equal(first);
    const elsewhere = { vpcLinkId: "link2", loadBalancerArn: "arn:lb", url: "https://service.example.com" };
    expect(await bodyHash({ upstream: elsewhere })).not.to.equal(first);
    expect(await bodyHash({ settings: { ...settings, corsOrigins: ["https://a.example"] } })).not.to.equal(
      first,
    );
  });

  it("has a domain whose certificate is proven in its zone, and is then called by it alone", async () => {
    const api = make({ settings: { ...settings, domain: "api.example.com", zoneId: "Z123" } });
    const resources = await created.settled();
    expect(await valueOf(api.url)).to.equal("https://api.example.com");
    expect(resources.get(REST_API, "api").inputs).to.include({ disableExecuteApiEndpoint: true });
    expect(resources.ofType(RECORD).map(({ inputs }) => [inputs["zoneId"], inputs["name"]])).to.deep.include([
      "Z123",
      "api.example.com",
    ]);
    const validation = "aws:acm/certificateValidation:CertificateValidation";
    const { inputs } = resources.get("aws:apigateway/domainName:DomainName", "api");
    expect(inputs).to.include({ domainName: "api.example.com", securityPolicy: "TLS_1_2" });
    const certificate = resources.get(validation, "api").inputs["certificateArn"];
    expect(inputs["regionalCertificateArn"]).to.equal(certificate);
    expect(resources.orphans()).to.deep.equal([]);
  });

  it("takes the certificate of a domain whose zone is not ours, and says what it must lead to", async () => {
    const certificateArn = "arn:aws:acm:us-east-1:123456789012:certificate/c";
    const api = make({ settings: { ...settings, domain: "api.example.com", certificateArn } });
    const resources = await created.settled();
    const { inputs } = resources.get("aws:apigateway/domainName:DomainName", "api");
    expect(inputs["regionalCertificateArn"]).to.equal(certificateArn);
    expect(resources.ofType(RECORD)).to.deep.equal([]);
    expect(await valueOf(api.domainTarget!)).to.match(/regionalDomainName$/);
  });

  it("is reached through one endpoint alone where it is private", async () => {
    const api = make({ vpcEndpointId: "vpce-1" });
    const { inputs } = (await created.settled()).get(REST_API, "api");
    expect(inputs["endpointConfiguration"]).to.deep.equal({ types: "PRIVATE", vpcEndpointIds: ["vpce-1"] });
    const { Statement } = JSON.parse(inputs["policy"] as string) as { Statement: Record<string, unknown>[] };
    expect(Statement.map(({ Effect, Condition }) => [Effect, Condition])).to.deep.equal([
      ["Allow", undefined],
      ["Deny", { StringNotEquals: { "aws:SourceVpce": "vpce-1" } }],
    ]);
    expect(await valueOf(api.url)).to.match(/-vpce-1\.execute-api\.us-east-1\.amazonaws\.com\/live$/);
  });

  it("refuses a document that API Gateway would refuse, before anything is made", () => {
    const paths = Object.fromEntries(
      Array.from({ length: 300 }, (_, n) => [`/v1/a${n}`, { get: { operationId: `a${n}`, responses: {} } }]),
    );
    const document = documentSchema.parse({ info: { version: "1" }, paths });
    expect(() => make({ document })).to.throw(/302 resources.*L-01C8A9E0/);
  });

  it("comes into the network by one link, with a group of its own", async () => {
    new ApiLink("api", { scope, subnetIds: ["subnet-1"], securityGroupId: "sg-link" }, created.watched);
    const resources = await created.settled();
    expect(resources.get("aws:apigatewayv2/vpcLink:VpcLink", "api").inputs).to.deep.equal({
      ...{ name: "millwright-production-shared-api", subnetIds: ["subnet-1"] },
      securityGroupIds: ["sg-link"],
    });
  });

  it("may write logs by a role that stays when the stack goes", async () => {
    new ApiAccount("api", { scope }, created.watched);
    const resources = await created.settled();
    const account = resources.get("aws:apigateway/account:Account", "api");
    expect(account.options?.retainOnDelete).to.equal(true);
    expect(resources.orphans()).to.deep.equal([]);
  });
});
