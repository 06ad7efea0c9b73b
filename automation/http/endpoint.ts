import type { Request, Response } from "express";
import * as z from "zod";
import { mayDo, type Permission } from "../../model/role.ts";
import { MillwrightError } from "../../model/errors.ts";
import { tenantId, type TenantId } from "../../model/tenant.ts";
import type { Authenticate, Caller } from "./authenticate.ts";
import { parseJson } from "../entrance/json.ts";
import { readBody, type RawBody } from "./body.ts";
import { parseStorable } from "./parse.ts";
import type { Hold, Room } from "../entrance/room.ts";

/**
 * One method of one address, declared once: what is checked, what is answered and what the OpenAPI document says come
 * from the same place and cannot disagree.
 */
export interface Endpoint {
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** As express writes it: `/v1/tenants/:tenantId`. */
  readonly path: string;
  readonly summary: string;
  readonly description?: string;
  /** `open` needs no token; everything else says which permission the caller's role must have. */
  readonly permission: Permission | "open";
  /**
   * Whose rows a call is about. `named`: the path's `tenantId`, else the credential's, else `?tenant=ID`, else 400.
   * `optional`: platform roles may leave it out and mean all. `none`: nobody's.
   */
  readonly tenancy: Tenancy;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly headers?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Of a JSON body; 256 KiB when left out. */
  readonly maxBodyBytes?: number;
  /** A body that the endpoint reads itself; the schemas are for the document. */
  readonly rawBody?: { readonly maxBytes: number; readonly content: Readonly<Record<string, z.ZodType>> };
  readonly answers: Readonly<Record<number, DocumentedAnswer>>;
  readonly handle: (call: AnyCall) => Promise<Answer>;
}

export type Tenancy = "named" | "optional" | "none";

export interface DocumentedAnswer {
  readonly description: string;
  /** Schema by media type; left out: no body. */
  readonly content?: Readonly<Record<string, z.ZodType>>;
}

/** A checked request: all that an endpoint sees of it. */
interface Call<T, P, Q, H, B> {
  readonly caller: Caller;
  readonly tenant: T;
  readonly params: P;
  readonly query: Q;
  readonly headers: H;
  readonly body: B;
  /** Counts what the answer holds while its client takes it. */
  readonly keep: Hold["keep"];
  /** The media type that the client likes best; the first one when it likes none. */
  readonly preferred: (mediaTypes: readonly string[]) => string;
}
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- types are checked where the endpoint is declared
type AnyCall = Call<any, any, any, any, any>;

export type Answer =
  | { readonly status: number; readonly body?: object; readonly headers?: Readonly<Record<string, string>> }
  | {
      readonly status: number;
      readonly text: string;
      readonly mediaType: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Writes and ends the answer itself. */
  | { readonly stream: (response: Response) => Promise<void> };

type TenantOf<T extends Tenancy> = T extends "named"
  ? TenantId
  : T extends "optional"
    ? TenantId | undefined
    : undefined;
type OutputOf<S> = S extends z.ZodType ? z.output<S> : undefined;

type Declared<T extends Tenancy, P, Q, H, B, R> = Omit<
  Endpoint,
  "tenancy" | "params" | "query" | "headers" | "body" | "rawBody" | "handle"
> & {
  readonly tenancy: T;
  readonly params?: P;
  readonly query?: Q;
  readonly headers?: H;
  readonly body?: B;
  readonly rawBody?: R;
  readonly handle: (
    call: Call<
      TenantOf<T>,
      OutputOf<P>,
      OutputOf<Q>,
      OutputOf<H>,
      R extends object ? RawBody | undefined : OutputOf<B>
    >,
  ) => Promise<Answer>;
};

/** Types a declaration by its own schemas. */
export function endpoint<
  T extends Tenancy,
  P extends z.ZodObject | undefined = undefined,
  Q extends z.ZodObject | undefined = undefined,
  H extends z.ZodObject | undefined = undefined,
  B extends z.ZodType | undefined = undefined,
  R extends Endpoint["rawBody"] = undefined,
>(declared: Declared<T, P, Q, H, B, R>): Endpoint {
  return declared as unknown as Endpoint;
}

export const jsonAnswer = (description: string, schema: z.ZodType): DocumentedAnswer => ({
  description,
  content: { "application/json": schema },
});

const MAX_JSON_BYTES = 256 * 1024;

/** What `?tenant=` adds to the query of a tenant's address. */
const tenantQuery = { tenant: tenantId.optional() };

/** The query of an endpoint as it is checked and documented. */
export function querySchema({ query, tenancy, params }: Endpoint): z.ZodObject {
  const own = query ?? z.strictObject({});
  const takesTenant = tenancy !== "none" && params?.shape["tenantId"] === undefined;
  return takesTenant ? own.extend(tenantQuery) : own;
}

/** Checks a request in the order that tells a stranger least (who, whose, what, then how) and lets the endpoint answer. */
export async function answer(
  endpoint: Endpoint,
  { authenticate, room }: { readonly authenticate: Authenticate; readonly room: Room },
  request: Request,
  response: Response,
): Promise<Answer> {
  const { permission, params, headers, body, maxBodyBytes = MAX_JSON_BYTES, rawBody } = endpoint;
  const caller = permission === "open" ? undefined : await authenticate(request, response);
  response.locals["caller"] = caller;
  const { keep } = holdOf(response, room, caller);
  const path = params === undefined ? undefined : parseStorable(params, request.params, "path");
  const { tenant: asked, ...query } = parseStorable(querySchema(endpoint), request.query, "query");
  const tenant = caller && tenantOf(endpoint.tenancy, caller, path?.["tenantId"] ?? asked);
  if (permission !== "open" && (caller === undefined || !mayDo(caller.role, permission)))
    throw new MillwrightError("forbidden", `The role ${caller?.role ?? "none"} may not do '${permission}'.`);

  return endpoint.handle({
    caller: caller as Caller, // an open endpoint is about nobody, and looks at no caller
    tenant,
    params: path,
    query,
    // Other headers are none of our business, so these alone are no strict object.
    headers: headers && parseStorable(headers, request.headers, "header"),
    body:
      rawBody === undefined
        ? body && (await jsonBody(request, { body, maxBodyBytes }, keep))
        : await readBody(request, Object.keys(rawBody.content), rawBody.maxBytes, keep),
    keep,
    preferred: (mediaTypes) => request.accepts([...mediaTypes]) || (mediaTypes[0] ?? ""),
  });
}

/** What the call may hold until its client has the answer, or is gone. */
function holdOf(response: Response, room: Room, caller: Caller | undefined): Hold {
  const hold = room.open(caller?.tenant ?? caller?.id ?? "everybody");
  response.locals["hold"] = hold;
  if (response.closed) hold.end();
  else response.once("close", hold.end);
  return hold;
}

async function jsonBody(
  request: Request,
  { body, maxBodyBytes }: Required<Pick<Endpoint, "body" | "maxBodyBytes">>,
  keep: Hold["keep"],
): Promise<unknown> {
  const raw = await readBody(request, ["application/json"], maxBodyBytes, keep);
  return parseStorable(body, raw && parseJson(raw.bytes), "body");
}

/** @param asked - the tenant that the request names */
function tenantOf(tenancy: Tenancy, caller: Caller, asked: unknown): TenantId | undefined {
  if (tenancy === "none") return undefined;
  const named = asked as TenantId | undefined;
  if (caller.tenant !== undefined) {
    // The words of a tenant that does not exist: whether another one does is nobody's business.
    if (named !== undefined && named !== caller.tenant)
      throw new MillwrightError("tenant-unknown", `There is no tenant ${named}.`);
    return caller.tenant;
  }
  if (named === undefined && tenancy === "named")
    throw new MillwrightError("tenant-required", "This token is not of one tenant: name it with ?tenant=ID.");
  return named;
}
