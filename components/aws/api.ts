import { createHash } from "node:crypto";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import {
  gatewayBody,
  gatewayFaults,
  type ApiDocument,
  type GatewayUpstream,
} from "../../model/aws/gateway-body.ts";
import type { AwsSettings } from "../../model/aws/settings.ts";
import { ApiDomain } from "./api-domain.ts";
import { awsName, awsPath, type AwsScope } from "./names.ts";
import { policyOf, type Statement } from "./policy.ts";

export interface ApiArgs {
  readonly scope: AwsScope;
  readonly document: ApiDocument;
  readonly upstream: Readonly<Record<keyof GatewayUpstream, pulumi.Input<string>>>;
  readonly settings: AwsSettings["api"];
  /** The only way in, an endpoint in somebody's network; undefined: the internet. */
  readonly vpcEndpointId: pulumi.Input<string> | undefined;
  readonly logKeyArn: pulumi.Input<string>;
  readonly logRetentionDays: number;
}

const STAGE = "live";

/** Calls that bring readings and alerts; they come from machines, and as often as those want. */
const INTAKE = ["/v1/data", "/v1/alerts/events"];

/** Of a call, for who looks for it later: no query and no header, for those may hold what is nobody's business. */
const LOGGED = {
  ...{ requestId: "$context.requestId", time: "$context.requestTimeEpoch" },
  ...{ address: "$context.identity.sourceIp", method: "$context.httpMethod", route: "$context.resourcePath" },
  ...{ status: "$context.status", serviceStatus: "$context.integrationStatus" },
  ...{ latencyMs: "$context.responseLatency", serviceLatencyMs: "$context.integrationLatency" },
  ...{ bytes: "$context.responseLength", error: "$context.error.message" },
};

/**
 * The API in API Gateway: the routes of our own document, each a proxy to the service. Limits are those of the stage, for
 * all callers together; who calls is known to the service alone, which limits each credential and meters each tenant (ADR 55).
 */
export class Api extends pulumi.ComponentResource {
  readonly url: pulumi.Output<string>;
  /** Of CloudWatch's metrics. */
  readonly apiName: string;
  /** What the domain must be a CNAME of; undefined without a domain. */
  readonly domainTarget: pulumi.Output<string> | undefined;

  constructor(name: string, args: ApiArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:Api", name, {}, opts);
    const { scope, document, settings, vpcEndpointId } = args;
    const faults = gatewayFaults(document);
    if (faults.length > 0)
      throw new pulumi.RunError(`API Gateway would refuse the API. ${faults.join("; ")}.`);
    const child = { parent: this };
    this.apiName = awsName("other", scope, name);

    const body = pulumi.all([pulumi.output(args.upstream), vpcEndpointId]).apply(([upstream, endpointId]) =>
      gatewayBody(document, upstream, {
        title: this.apiName,
        allowsOtherOrigins: settings.corsOrigins.length > 0,
        vpcEndpointId: endpointId,
      }),
    );
    const api = new aws.apigateway.RestApi(
      name,
      {
        name: this.apiName,
        body,
        failOnWarnings: true,
        disableExecuteApiEndpoint: settings.domain !== undefined,
        ...(vpcEndpointId === undefined
          ? { endpointConfiguration: { types: "REGIONAL" } }
          : {
              endpointConfiguration: { types: "PRIVATE", vpcEndpointIds: [vpcEndpointId] },
              policy: policyOf(onlyThrough(vpcEndpointId)),
            }),
      },
      child,
    );
    // A deployment is a copy: without the hash a change of the body would stay where nobody calls it.
    const bodyHash = body.apply((text) => createHash("sha256").update(text).digest("hex"));
    const deployment = new aws.apigateway.Deployment(
      name,
      { restApi: api.id, triggers: { body: bodyHash } },
      child,
    );
    const log = new aws.cloudwatch.LogGroup(
      name,
      {
        name: awsPath(scope, `${name}/access`),
        retentionInDays: args.logRetentionDays,
        kmsKeyId: args.logKeyArn,
      },
      child,
    );
    const stage = new aws.apigateway.Stage(
      name,
      {
        restApi: api.id,
        stageName: STAGE,
        deployment: deployment.id,
        accessLogSettings: { destinationArn: log.arn, format: JSON.stringify(LOGGED) },
        xrayTracingEnabled: true,
      },
      child,
    );
    this.#limit(name, api.id, stage.stageName, settings);
    const domain =
      settings.domain === undefined
        ? undefined
        : new ApiDomain(
            name,
            {
              ...{
                domain: settings.domain,
                zoneId: settings.zoneId,
                certificateArn: settings.certificateArn,
              },
              ...{ restApiId: api.id, stageName: stage.stageName },
            },
            child,
          );
    this.domainTarget = domain?.target;
    this.url =
      settings.domain !== undefined
        ? pulumi.output(`https://${settings.domain}`)
        : vpcEndpointId === undefined
          ? stage.invokeUrl
          : pulumi.interpolate`https://${api.id}-${vpcEndpointId}.execute-api.${api.region}.amazonaws.com/${STAGE}`;
    this.registerOutputs({ url: this.url });
  }

  #limit(
    name: string,
    restApi: pulumi.Output<string>,
    stageName: pulumi.Output<string>,
    settings: AwsSettings["api"],
  ): void {
    const limit = (part: string, methodPath: string, ratePerSecond: number, burst: number) =>
      new aws.apigateway.MethodSettings(
        `${name}-${part}`,
        {
          ...{ restApi, stageName, methodPath },
          settings: {
            ...{ throttlingRateLimit: ratePerSecond, throttlingBurstLimit: burst },
            // An execution log goes to a group of its own, without our key and without an end, and may hold bodies.
            ...{ loggingLevel: "OFF", dataTraceEnabled: false, metricsEnabled: false },
          },
        },
        { parent: this },
      );
    limit("all", "*/*", settings.requestsPerSecond, settings.burst);
    for (const path of INTAKE)
      limit(
        path.slice("/v1/".length).replaceAll("/", "-"),
        `${path.replaceAll("/", "~1")}/POST`,
        settings.intakeRequestsPerSecond,
        settings.intakeBurst,
      );
  }
}

/** `*` is everybody and everything of this API: who may call is decided by the service, from where by this. */
function onlyThrough(vpcEndpointId: pulumi.Input<string>): Statement[] {
  const call = { Principal: { AWS: "*" }, Action: "execute-api:Invoke", Resource: "*" };
  return [
    { ...call, Effect: "Allow" },
    { ...call, Effect: "Deny", Condition: { StringNotEquals: { "aws:SourceVpce": vpcEndpointId } } },
  ];
}
