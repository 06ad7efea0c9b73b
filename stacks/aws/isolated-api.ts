import type * as pulumi from "@pulumi/pulumi";
import { apiSubject } from "../../components/aws/alarm-subject.ts";
import { Api } from "../../components/aws/api.ts";
import { IsolatedNetwork } from "../../components/aws/isolated-network.ts";
import type { AwsScope } from "../../components/aws/names.ts";
import type { AwsConfig } from "../config/aws-config.ts";
import { readApiDocument } from "./entrance.ts";
import type { Foundation } from "./foundation.ts";

interface IsolatedApiArgs {
  readonly config: AwsConfig;
  readonly scope: AwsScope;
  readonly zones: readonly string[];
  readonly foundation: Pick<Foundation, "api" | "keys">;
  readonly isProtected: boolean;
}

/**
 * A tenant's own way to the service: a private API that its own network alone can reach, with limits, log and figures of
 * its own. undefined where the tenant has none.
 */
export function deployIsolatedApi(
  { config, scope, zones, foundation, isProtected }: IsolatedApiArgs,
  opts: pulumi.ComponentResourceOptions,
) {
  const { isolatedApi, region } = config;
  if (isolatedApi === undefined) return undefined;
  const network = new IsolatedNetwork(
    "isolated",
    { ...isolatedApi, scope, region, zones: zones.slice(0, 2), isProtected },
    opts,
  );
  const api = new Api(
    "api",
    {
      ...{ scope, upstream: foundation.api, document: readApiDocument(config) },
      // The platform's domain leads to the platform's API.
      settings: { ...config.api, domain: undefined },
      vpcEndpointId: network.apiEndpointId,
      ...{ logKeyArn: foundation.keys.logs, logRetentionDays: config.service.logRetentionDays },
    },
    opts,
  );
  return {
    subjects: [apiSubject(api.apiName)],
    outputs: { url: api.url, vpcId: network.vpcId, vpcEndpointId: network.apiEndpointId },
  };
}
