import { randomUUID } from "node:crypto";
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from "express";
import type { Logger } from "pino";
import { Histogram, type Registry } from "prom-client";
import { MillwrightError } from "../../model/errors.ts";
import { authentication, type Authenticate, type Caller } from "./authenticate.ts";
import { allowOrigins } from "./cors.ts";
import { docsAssets } from "./docs-page.ts";
import { answer, type Endpoint } from "./endpoint.ts";
import { apiEndpoints } from "./endpoints.ts";
import { toProblem } from "./problem.ts";
import { Room, type Hold, type RoomLimits } from "../entrance/room.ts";
import type { TokenCheck } from "../entrance/token-check.ts";
import type { ApiServices } from "./services.ts";

export interface ApiDependencies extends ApiServices {
  readonly tokens: Pick<TokenCheck, "check">;
  readonly logger: Pick<Logger, "debug" | "info" | "error">;
  readonly room?: RoomLimits;
  readonly web?: WebSettings;
}

/** Of who calls from where. */
export interface WebSettings {
  /** Whose pages may call. */
  readonly corsOrigins: readonly string[];
  /** Every call from outside comes through API Gateway, and nothing else reaches this port. */
  readonly isBehindGateway: boolean;
}
const LOCAL: WebSettings = { corsOrigins: [], isBehindGateway: false };

/** Answers of the API are data, never a page. */
const SECURITY_HEADERS = {
  "X-Content-Type-Options": "nosniff",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-store",
};

export function createApp(dependencies: ApiDependencies): Express {
  const { logger, metrics, web = LOCAL } = dependencies;
  const authenticate = authentication(dependencies.tokens, web);
  const room = new Room(dependencies.room);
  const endpoints = apiEndpoints(dependencies);
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag"); // every answer is `no-store`; a hash over 10,000 rows would be for nobody
  app.set("query parser", "simple");

  app.use((request, response, next) => {
    response.set({ ...SECURITY_HEADERS, "X-Request-Id": randomUUID() });
    observe(request, response);
    next();
  });
  if (web.corsOrigins.length > 0) app.use(allowOrigins(web.corsOrigins));
  app.use("/docs", docsAssets());
  for (const endpoint of endpoints) {
    app[endpoint.method](endpoint.path, async (request, response) => {
      response.locals["route"] = endpoint.path;
      await send(response, await answer(endpoint, { authenticate, room }, request, response));
    });
  }
  refuseOtherMethods(app, endpoints, authenticate);
  app.use(async (request, response) => {
    // Also for what does not exist a token is asked first: the API shows a stranger nothing of its shape.
    if (request.path.startsWith("/v1")) await authenticate(request, response);
    throw new MillwrightError("not-found", "There is no such address; /openapi.json has them all.");
  });

  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- express knows an error handler by its four arguments
  const problems: ErrorRequestHandler = (error: unknown, request, response, _next) => {
    const problem = toProblem(error, request.path);
    if (problem.status >= 500) logger.error({ ...loggedError(error), ...idsOf(response) }, "request failed");
    if (response.headersSent) {
      response.destroy(); // a broken stream must not look like a finished one
      return;
    }
    if (problem.retryable && response.get("Retry-After") === undefined) response.set("Retry-After", "1");
    response.status(problem.status).type("application/problem+json").send(JSON.stringify(problem));
  };
  app.use(problems);
  return app;

  function observe(request: Request, response: Response): void {
    const startMs = performance.now();
    response.once("close", () => {
      const durationMs = performance.now() - startMs;
      const { method } = request;
      const route = (response.locals["route"] as string | undefined) ?? "none";
      const status = response.writableFinished ? response.statusCode : 499; // the client left before the end
      requestSeconds(metrics.registry).observe({ method, route, status }, durationMs / 1_000);
      const line = {
        method,
        route,
        status,
        durationMs: Math.round(durationMs * 10) / 10,
        ...idsOf(response),
      };
      // A machine a second for each of thousands of tenants is no news; what went wrong is.
      if (status < 400) logger.debug(line, "request");
      else logger.info(line, "request");
    });
  }
}

async function send(response: Response, answered: Awaited<ReturnType<typeof answer>>): Promise<void> {
  if ("stream" in answered) return answered.stream(response);
  response.status(answered.status).set(answered.headers ?? {});
  if ("text" in answered) response.type(answered.mediaType).send(answered.text);
  else if (answered.body === undefined) response.end();
  else {
    const text = JSON.stringify(answered.body);
    (response.locals["hold"] as Hold).keep(text.length);
    response.type("application/json").send(text);
  }
}

function refuseOtherMethods(app: Express, endpoints: readonly Endpoint[], authenticate: Authenticate): void {
  const byPath = Map.groupBy(endpoints, ({ path }) => path);
  for (const [path, known] of byPath) {
    const allow = known.map(({ method }) => method.toUpperCase()).join(", ");
    app.all(path, async (request, response) => {
      if (known.every(({ permission }) => permission !== "open")) await authenticate(request, response);
      response.set("Allow", allow);
      throw new MillwrightError("method-not-allowed", `This address takes ${allow}.`);
    });
  }
}

/** Fields of a log line that let an operator follow a caller; never a token, a query or a body. */
function idsOf(response: Response) {
  const caller = response.locals["caller"] as Caller | undefined;
  return { requestId: response.get("X-Request-Id"), credentialId: caller?.id, tenantId: caller?.tenant };
}

/** Chosen by name: a driver's error carries rows and parameters in other fields. */
function loggedError(error: unknown) {
  if (!(error instanceof Error)) return { message: "something that is no error was thrown" };
  const { code, message, stack, cause } = error as NodeJS.ErrnoException;
  return { code, message, stack, cause: cause instanceof Error ? cause.message : undefined };
}

function requestSeconds(registry: Registry): Histogram<"method" | "route" | "status"> {
  const name = "millwright_http_request_seconds";
  const known = registry.getSingleMetric(name) as Histogram<"method" | "route" | "status"> | undefined;
  return (
    known ??
    new Histogram({
      name,
      help: "Time from the request's headers to the end of its answer",
      labelNames: ["method", "route", "status"],
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
      registers: [registry],
    })
  );
}
