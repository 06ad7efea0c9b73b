import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { ApiAccount } from "../../components/aws/api-account.ts";
import { ApiLink } from "../../components/aws/api-link.ts";
import { Api } from "../../components/aws/api.ts";
import { apiSubject } from "../../components/aws/alarm-subject.ts";
import type { Network } from "../../components/aws/network.ts";
import type { ServiceLoadBalancer } from "../../components/aws/service-load-balancer.ts";
import type { AwsScope } from "../../components/aws/names.ts";
import { apiDocument, type ApiDocument } from "../../model/aws/gateway-body.ts";
import type { AwsConfig } from "../config/aws-config.ts";

interface EntranceArgs {
  readonly config: AwsConfig;
  readonly scope: AwsScope;
  readonly network: Pick<Network, "privateSubnetIds" | "securityGroupIds">;
  readonly balancer: Pick<ServiceLoadBalancer, "loadBalancerArn" | "url">;
  readonly logKeyArn: pulumi.Input<string>;
}

/** The API as users call it, and what is to be watched of it. */
export function deployEntrance(
  { config, scope, network, balancer, logKeyArn }: EntranceArgs,
  opts: pulumi.ComponentResourceOptions,
) {
  const { privateSubnetIds: subnetIds, securityGroupIds } = network;
  const link = new ApiLink("api", { scope, subnetIds, securityGroupId: securityGroupIds.apiLink }, opts);
  const account = new ApiAccount("api", { scope }, opts);
  const { domain } = config.service;
  const upstream = {
    ...{ vpcLinkId: link.vpcLinkId, loadBalancerArn: balancer.loadBalancerArn },
    // API Gateway looks for the name on the certificate, which is not the load balancer's own.
    url: domain === undefined ? balancer.url : pulumi.output(`https://${domain}`),
  };
  const api = new Api(
    "api",
    {
      ...{ scope, upstream, document: readApiDocument(config), settings: config.api, logKeyArn },
      ...{ vpcEndpointId: undefined, logRetentionDays: config.service.logRetentionDays },
    },
    // A stage with an access log is refused before the account may write one.
    { ...opts, dependsOn: [account] },
  );
  return { upstream, api, subjects: [apiSubject(api.apiName)] };
}

/** @throws pulumi.RunError where `npm run build` has not written the document */
export function readApiDocument({ apiDocument: file }: Pick<AwsConfig, "apiDocument">): ApiDocument {
  try {
    return apiDocument.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    const message = `Wrong stack config. aws.apiDocument: '${file}' is no document of the API; \`npm run build\` writes it.`;
    throw new pulumi.RunError(`${message} (${String(cause)})`);
  }
}
