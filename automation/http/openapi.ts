import type * as z from "zod";
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from "zod-openapi";
import { querySchema, type DocumentedAnswer, type Endpoint } from "./endpoint.ts";
import { problem } from "./schemas.ts";

/** The document of the API (OpenAPI 3.1), from the same schemas that check its calls. */
export function openApiDocument(endpoints: readonly Endpoint[]): object {
  const paths: ZodOpenApiPathsObject = {};
  for (const endpoint of endpoints) {
    const path = endpoint.path.replace(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [endpoint.method]: operationOf(endpoint) };
  }
  return createDocument({
    openapi: "3.1.0",
    info: {
      title: "Millwright",
      version: "1",
      description:
        "Tenants, readings and alerts of companies that monitor machines. Send `Authorization: Bearer TOKEN`. A " +
        "tenant's key fixes its tenant; roles of the platform name it with `?tenant=ID`.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
    paths,
  });
}

function operationOf(endpoint: Endpoint): ZodOpenApiOperationObject {
  const { method, path, summary, description, permission, params, headers, body, rawBody, answers } =
    endpoint;
  const content = rawBody?.content ?? (body === undefined ? undefined : { "application/json": body });
  const isBodyOptional = body?.safeParse(undefined).success ?? false;
  return {
    operationId: operationId(method, path),
    tags: [path.startsWith("/v1/") ? (path.split("/")[2] ?? "") : "service"],
    summary,
    ...(description === undefined ? {} : { description }),
    security: permission === "open" ? [] : [{ token: [] }],
    requestParams: {
      query: querySchema(endpoint),
      ...(params === undefined ? {} : { path: params }),
      ...(headers === undefined ? {} : { header: headers }),
    },
    ...(content === undefined
      ? {}
      : { requestBody: { required: !isBodyOptional, content: withSchemas(content) } }),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, shown]) => [status, responseOf(shown)])),
      default: { description: "A problem", content: { "application/problem+json": { schema: problem } } },
    },
  };
}

function responseOf({ description, content }: DocumentedAnswer) {
  return { description, ...(content === undefined ? {} : { content: withSchemas(content) }) };
}

function withSchemas(content: Readonly<Record<string, z.ZodType>>) {
  return Object.fromEntries(Object.entries(content).map(([mediaType, schema]) => [mediaType, { schema }]));
}

/** `post /v1/tenants/:tenantId/keys` → `postTenantsTenantIdKeys` */
function operationId(method: string, path: string): string {
  const words = path.replace(/^\/v1/, "").split(/[^A-Za-z0-9]+/);
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}
