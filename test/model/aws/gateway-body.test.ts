import { Validator } from "@seriousme/openapi-schema-validator";
import { expect } from "chai";
import { apiDocument, declaredEndpoints } from "../../../automation/http/document.ts";
import { problem } from "../../../automation/http/schemas.ts";
import {
  apiDocument as documentSchema,
  gatewayBody,
  gatewayFaults,
  type GatewayBodyOptions,
} from "../../../model/aws/gateway-body.ts";

interface Integration {
  readonly uri: string;
  readonly httpMethod: string;
  readonly connectionId: string;
  readonly integrationTarget: string;
  readonly responseTransferMode: string;
  readonly timeoutInMillis: number;
  readonly requestParameters: Readonly<Record<string, string>>;
}
interface Operation {
  readonly operationId?: string;
  readonly parameters: readonly object[];
  readonly "x-amazon-apigateway-integration": Integration;
}
interface Body {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly [extension: `x-amazon-${string}`]: unknown;
}

const UPSTREAM = { vpcLinkId: "link1", loadBalancerArn: "arn:lb", url: "https://service.example.com" };
const OPTIONS: GatewayBodyOptions = { title: "api", allowsOtherOrigins: false, vpcEndpointId: undefined };
/** All that API Gateway is told; what is not here would have to be one that its importer knows. */
const KEYWORDS = [
  ...["openapi", "info", "title", "version", "paths", "get", "post", "put", "patch", "delete", "options"],
  ...["operationId", "parameters", "name", "in", "required", "schema", "type", "responses", "default"],
  ...[
    "description",
    "x-amazon-apigateway-integration",
    "httpMethod",
    "uri",
    "connectionType",
    "connectionId",
  ],
  ...["integrationTarget", "passthroughBehavior", "responseTransferMode", "timeoutInMillis"],
  ...["requestParameters", "x-amazon-apigateway-binary-media-types", "x-amazon-apigateway-gateway-responses"],
  ...["statusCode", "responseParameters", "responseTemplates", "application/json"],
];

describe("the API's document for API Gateway", () => {
  const document = documentSchema.parse(apiDocument());
  const bodyOf = (options: Partial<GatewayBodyOptions> = {}) =>
    JSON.parse(gatewayBody(document, UPSTREAM, { ...OPTIONS, ...options })) as Body;
  const operationsOf = (body: Body) =>
    Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        ...{ path, method, operation },
        integration: operation["x-amazon-apigateway-integration"],
      })),
    );
  const isPublic = (path: string) => !/^\/(healthz|readyz|metrics|docs)$/.test(path);

  it("has nothing that the import would refuse, as it is today", async () => {
    expect(gatewayFaults(document)).to.deep.equal([]);
    const { valid, errors } = await new Validator().validate(
      bodyOf({ allowsOtherOrigins: true }) as unknown as Record<string, unknown>,
    );
    expect(valid, JSON.stringify(errors)).to.equal(true);
    const ids = operationsOf(bodyOf()).map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).to.equal(ids.length);
    expect(gatewayBody(document, UPSTREAM, OPTIONS).length).to.be.below(6_000_000);
  });

  it("leads every call from outside to the service, and none of the operators'", () => {
    const wanted = declaredEndpoints()
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`)
      .filter((route) => isPublic(route.split(" ")[1]!));
    const operations = operationsOf(bodyOf());
    expect(operations.map(({ method, path }) => `${method} ${path}`)).to.have.members(wanted);
    for (const { path, method, integration } of operations) {
      expect(integration).to.include({
        ...{ type: "http_proxy", httpMethod: method.toUpperCase(), uri: UPSTREAM.url + path },
        ...{ connectionType: "VPC_LINK", connectionId: "link1", integrationTarget: "arn:lb" },
      });
    }
  });

  it("hands on each part of the path, and whose call it is by API Gateway's own word", () => {
    for (const { path, operation, integration } of operationsOf(bodyOf())) {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
      expect(operation.parameters, path).to.deep.equal(
        names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
      );
      expect(integration.requestParameters, path).to.deep.equal({
        ...Object.fromEntries(
          names.map((n) => [`integration.request.path.${n}`, `method.request.path.${n}`]),
        ),
        "integration.request.header.X-Millwright-Client": "context.identity.sourceIp",
      });
    }
  });

  it("keeps no word of JSON Schema that the importer does not know", () => {
    const names = new Set<string>();
    const walk = (value: unknown, isFree: boolean): void => {
      if (typeof value !== "object" || value === null) return;
      for (const [key, part] of Object.entries(value)) {
        if (!isFree && !Array.isArray(value)) names.add(key);
        // The keys of these are names that we chose.
        walk(
          part,
          ["paths", "requestParameters", "responseParameters"].includes(key) || isGatewayResponses(key),
        );
      }
    };
    const isGatewayResponses = (key: string) => key === "x-amazon-apigateway-gateway-responses";
    walk(bodyOf({ allowsOtherOrigins: true }), false);
    expect([...names].filter((name) => !KEYWORDS.includes(name))).to.deep.equal([]);
  });

  it("streams what may be long or large, and buffers the rest for as long as an account may", () => {
    const streamed = operationsOf(bodyOf()).filter(
      (one) => one.integration.responseTransferMode === "STREAM",
    );
    expect(streamed.map(({ path }) => path)).to.have.members([
      ...["/v1/operations/{operationId}/events", "/v1/alerts/stream", "/v1/data/{type}"],
      ...["/v1/cost", "/v1/cost/export"],
    ]);
    for (const { integration } of operationsOf(bodyOf()))
      expect(integration.timeoutInMillis).to.be.at.most(
        integration.responseTransferMode === "STREAM" ? 900_000 : 29_000,
      );
  });

  it("lets through every body that the service takes", () => {
    for (const { path, rawBody } of declaredEndpoints())
      expect(rawBody?.maxBytes ?? 0, path).to.be.at.most(10 * 2 ** 20);
  });

  it("asks the service about other origins, where there are any", () => {
    expect(operationsOf(bodyOf()).filter(({ method }) => method === "options")).to.deep.equal([]);
    const body = bodyOf({ allowsOtherOrigins: true });
    for (const [path, methods] of Object.entries(body.paths))
      expect(methods["options"]?.["x-amazon-apigateway-integration"].uri, path).to.equal(UPSTREAM.url + path);
  });

  it("answers in the words of the API where the service is not reached", () => {
    const responses = bodyOf()["x-amazon-apigateway-gateway-responses"] as Readonly<
      Record<string, { statusCode: number; responseTemplates: Readonly<Record<string, string>> }>
    >;
    expect(Object.keys(responses)).to.include.members(["THROTTLED", "INTEGRATION_TIMEOUT", "DEFAULT_5XX"]);
    for (const [kind, { statusCode, responseTemplates }] of Object.entries(responses)) {
      const shown = problem.parse(JSON.parse(responseTemplates["application/json"]!));
      expect(shown.status, kind).to.equal(statusCode);
    }
  });

  it("names the endpoint of a private API in the body too", () => {
    expect(bodyOf({ vpcEndpointId: "vpce-1" })["x-amazon-apigateway-endpoint-configuration"]).to.deep.equal({
      vpcEndpointIds: ["vpce-1"],
    });
  });

  describe("refuses beforehand", () => {
    const withPaths = (...paths: string[]) =>
      documentSchema.parse({
        info: { version: "1" },
        paths: Object.fromEntries(
          paths.map((path) => [path, { get: { operationId: `get${path}`, responses: {} } }]),
        ),
      });

    it("more resources than an API may have, each part of a path counted once", () => {
      const many = (count: number) => withPaths(...Array.from({ length: count }, (_, n) => `/v1/a${n}/b`));
      expect(gatewayFaults(many(149))).to.deep.equal([]); // the root, v1, and two each
      expect(gatewayFaults(many(150))).to.match(/302 resources.*300.*L-01C8A9E0/);
    });

    it("two variables beside each other, and a part of a path that is half a variable", () => {
      expect(gatewayFaults(withPaths("/v1/a/{x}", "/v1/a/{y}/b"))).to.match(/\/v1\/a: \{x\} and \{y\}/);
      expect(gatewayFaults(withPaths("/v1/a-{x}"))).to.match(/'a-\{x\}' is no part of a path/);
    });

    it("an operationId that is given twice", () => {
      const methods = { get: { operationId: "same", responses: {} } };
      const twice = documentSchema.parse({
        info: { version: "1" },
        paths: { "/v1/a": methods, "/v1/b": methods },
      });
      expect(gatewayFaults(twice)).to.deep.equal(["operationId same is given twice"]);
    });
  });
});
