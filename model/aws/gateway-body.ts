import * as z from "zod";
import type { ErrorCode } from "../errors.ts";

/** The parts of our OpenAPI document (3.1) that API Gateway has a use for. */
export const apiDocument = z.looseObject({
  info: z.looseObject({ version: z.string() }),
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.looseObject({
        operationId: z.string(),
        responses: z.record(z.string(), z.looseObject({ content: z.looseObject({}).optional() })),
      }),
    ),
  ),
});
export type ApiDocument = z.infer<typeof apiDocument>;

/** Where the API is served, inside the network. */
export interface GatewayUpstream {
  readonly vpcLinkId: string;
  readonly loadBalancerArn: string;
  /** `https://NAME` or `http://NAME`, as its listener has it. */
  readonly url: string;
}

export interface GatewayBodyOptions {
  readonly title: string;
  /** Pages of other origins may call: the service answers their preflights (automation/http/cors.ts). */
  readonly allowsOtherOrigins: boolean;
  /** The only way in; undefined: the internet. */
  readonly vpcEndpointId: string | undefined;
}

/** Tells the service whose call it is. Whatever a client writes into it is overwritten here. */
export const CLIENT_ADDRESS_HEADER = "X-Millwright-Client";

// What is called from outside. Health, metrics and the page of the document are for operators, who are inside.
const PUBLIC = /^\/(v1\/|problems\/|openapi\.json$)/;
// A part of a path is one variable, or these characters (developer guide, "Important notes", read 2026-11-22).
const SEGMENT = /^(\{\w+\}|[\w.,:-]+)$/;

const BUFFERED_TIMEOUT_MS = 29_000; // more is a quota of the account
const STREAM_TIMEOUT_MS = 900_000;
/** Streams, and what can be over the 10 MB that a buffered answer may have. */
const STREAMED = ["text/event-stream", "text/csv", "application/x-ndjson"];

const MAX_RESOURCES = 300;
const MAX_BODY_BYTES = 6_000_000;

/** The document's routes from outside, by path. */
function publicPaths({ paths }: ApiDocument) {
  return Object.entries(paths).filter(([path]) => PUBLIC.test(path));
}

const segmentsOf = (path: string) => path.split("/").slice(1);

/** Every reason for which API Gateway would refuse the document in the middle of a deployment. */
export function gatewayFaults(document: ApiDocument): string[] {
  const operationIds = publicPaths(document).flatMap(([, methods]) =>
    Object.values(methods).map(({ operationId }) => operationId),
  );
  const repeated = operationIds.filter((id, index) => operationIds.indexOf(id) !== index);
  const children = new Map<string, Set<string>>([["", new Set()]]); // by the path of their parent
  const wrong: string[] = [];
  for (const [path] of publicPaths(document)) {
    let parent = "";
    for (const segment of segmentsOf(path)) {
      if (!SEGMENT.test(segment)) wrong.push(`${path}: '${segment}' is no part of a path`);
      children.set(parent, (children.get(parent) ?? new Set()).add(segment));
      parent += `/${segment}`;
      children.set(parent, children.get(parent) ?? new Set());
    }
  }
  for (const [parent, names] of children) {
    const variables = [...names].filter((name) => name.startsWith("{"));
    if (variables.length > 1)
      wrong.push(`${parent}: ${variables.join(" and ")} cannot stand beside each other`);
  }
  return [
    ...wrong,
    ...repeated.map((id) => `operationId ${id} is given twice`),
    ...(children.size > MAX_RESOURCES
      ? [
          `${children.size} resources; an API has at most ${MAX_RESOURCES} (quota L-01C8A9E0, "Resources per API")`,
        ]
      : []),
  ];
}

/**
 * The document as API Gateway imports it (OpenAPI 3.0): a way to the service for each route from outside. Schemas are left
 * out, and with them all that 3.1 has and 3.0 has not: the service checks each call by the schemas that they are made of,
 * and a second check would only be another one. A proxy passes queries, headers and bodies as they are.
 * @throws RangeError over the size that can be imported
 */
export function gatewayBody(
  document: ApiDocument,
  upstream: GatewayUpstream,
  { title, allowsOtherOrigins, vpcEndpointId }: GatewayBodyOptions,
): string {
  const paths = publicPaths(document).map(([path, methods]) => {
    const operations = Object.entries(methods).map(([method, { operationId, responses }]) => {
      const types = Object.values(responses).flatMap(({ content = {} }) => Object.keys(content));
      const isStreamed = types.some((type) => STREAMED.includes(type));
      return [method, operationOf({ method, path, operationId, isStreamed }, upstream)] as const;
    });
    const preflight = { method: "options", path, operationId: undefined, isStreamed: false };
    const more = allowsOtherOrigins ? [["options", operationOf(preflight, upstream)] as const] : [];
    return [path, Object.fromEntries([...operations, ...more])] as const;
  });
  const body = JSON.stringify({
    openapi: "3.0.1",
    info: { title, version: document.info.version },
    paths: Object.fromEntries(paths),
    // Bytes, not text: a body may be compressed, and no character of it is ours to change.
    "x-amazon-apigateway-binary-media-types": ["*/*"],
    "x-amazon-apigateway-gateway-responses": gatewayResponses(allowsOtherOrigins),
    // An import without it would take the endpoint away.
    ...(vpcEndpointId === undefined
      ? {}
      : { "x-amazon-apigateway-endpoint-configuration": { vpcEndpointIds: [vpcEndpointId] } }),
  });
  const bytes = new TextEncoder().encode(body).length;
  if (bytes > MAX_BODY_BYTES)
    throw new RangeError(`The API's document has ${bytes} bytes; API Gateway takes ${MAX_BODY_BYTES}.`);
  return body;
}

interface GatewayRoute {
  readonly method: string;
  readonly path: string;
  readonly operationId: string | undefined;
  readonly isStreamed: boolean;
}

function operationOf({ method, path, operationId, isStreamed }: GatewayRoute, upstream: GatewayUpstream) {
  const variables = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
  return {
    ...(operationId === undefined ? {} : { operationId }),
    parameters: variables.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
    responses: { default: { description: "What the service answers" } },
    "x-amazon-apigateway-integration": {
      ...{ type: "http_proxy", httpMethod: method.toUpperCase(), uri: upstream.url + path },
      ...{ connectionType: "VPC_LINK", connectionId: upstream.vpcLinkId },
      ...{ integrationTarget: upstream.loadBalancerArn, passthroughBehavior: "when_no_match" },
      responseTransferMode: isStreamed ? "STREAM" : "BUFFERED",
      timeoutInMillis: isStreamed ? STREAM_TIMEOUT_MS : BUFFERED_TIMEOUT_MS,
      requestParameters: {
        ...Object.fromEntries(
          variables.map((name) => [`integration.request.path.${name}`, `method.request.path.${name}`]),
        ),
        [`integration.request.header.${CLIENT_ADDRESS_HEADER}`]: "context.identity.sourceIp",
      },
    },
  };
}

interface GatewayProblem {
  readonly status: number;
  readonly code: ErrorCode;
  readonly title: string;
  readonly detail: string;
  readonly retryable?: boolean;
}

const NO_ADDRESS: GatewayProblem = {
  ...{ status: 404, code: "not-found", title: "There is nothing at this address" },
  detail: "There is no such address; /openapi.json has them all.",
};
const AWAY = { code: "service-unavailable", title: "The service is away", retryable: true } as const;

/** What API Gateway answers itself, in the words of the API. */
const PROBLEMS: Readonly<Record<string, GatewayProblem>> = {
  ACCESS_DENIED: {
    ...{ status: 403, code: "forbidden", title: "Not from here" },
    detail: "This address is for callers in its own network.",
  },
  // What API Gateway calls an address that it does not know.
  MISSING_AUTHENTICATION_TOKEN: NO_ADDRESS,
  RESOURCE_NOT_FOUND: NO_ADDRESS,
  REQUEST_TOO_LARGE: {
    ...{ status: 413, code: "body-too-large", title: "The body is over the limit" },
    detail: "No body may have more than 8 MiB.",
  },
  THROTTLED: {
    ...{ status: 429, code: "too-many-requests", title: "Too many requests", retryable: true },
    detail: "All callers together send more than this address takes; try again in 1 s.",
  },
  INTEGRATION_FAILURE: { ...AWAY, status: 503, detail: "The service cannot be reached; try again." },
  INTEGRATION_TIMEOUT: {
    ...{ ...AWAY, status: 504 },
    detail: "The service did not answer in time; what was asked may have been done.",
  },
  DEFAULT_5XX: {
    ...{ status: 500, code: "internal", title: "Internal Server Error", retryable: true },
    detail: "The way to the service failed.",
  },
};

function gatewayResponses(allowsOtherOrigins: boolean): object {
  return Object.fromEntries(
    Object.entries(PROBLEMS).map(([kind, { code, retryable = false, ...shown }]) => {
      const headers = {
        "Content-Type": "application/problem+json",
        "Cache-Control": "no-store",
        ...(retryable ? { "Retry-After": "1" } : {}),
        // There is nothing in these answers that a page must not see.
        ...(allowsOtherOrigins ? { "Access-Control-Allow-Origin": "*" } : {}),
      };
      const problem = { type: `/problems/${code}`, ...shown, code, retryable };
      return [
        kind,
        {
          statusCode: shown.status,
          responseParameters: Object.fromEntries(
            Object.entries(headers).map(([name, value]) => [`gatewayresponse.header.${name}`, `'${value}'`]),
          ),
          responseTemplates: { "application/json": JSON.stringify(problem) },
        },
      ];
    }),
  );
}
