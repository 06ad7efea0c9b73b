import * as z from "zod";
import { OPERATION_STATUSES, type Operation } from "../../model/operation.ts";
import { endpoint, jsonAnswer, type Answer, type Endpoint } from "./endpoint.ts";
import { EventStreams } from "./event-stream.ts";
import { problemDetails } from "./problem.ts";
import { listOf, operation as operationSchema, pageQuery, shortText } from "./schemas.ts";
import type { ApiServices } from "./services.ts";
import { requestOf } from "./tenant-work.ts";

export const operationParams = z.strictObject({ operationId: z.string().max(100) });
const operationAnswer = z.strictObject({ operation: operationSchema });
/** Why somebody steps in; a call without a body gives no reason. */
const reasonBody = z.strictObject({ reason: shortText.optional() }).prefault({});

export const acceptedAnswer = jsonAnswer(
  "Accepted; the work goes on at the address in Location",
  operationAnswer,
);

/** Answers before the work is done: it outlives any HTTP time-out. */
export function accepted(operation: Operation): Answer {
  return {
    status: 202,
    headers: { Location: `/v1/operations/${operation.id}` },
    body: { operation: shown(operation) },
  };
}

function shown(operation: Operation) {
  return { ...operation, error: operation.error && problemDetails(operation.error) };
}

export function operationEndpoints({ catalog, operations, stopping }: ApiServices): Endpoint[] {
  const streams = new EventStreams(catalog.service, stopping);
  return [
    endpoint({
      method: "get",
      path: "/v1/operations",
      summary: "List operations, newest first",
      permission: "operation:read",
      tenancy: "optional",
      query: z.strictObject({ ...pageQuery, status: z.enum(OPERATION_STATUSES).optional() }),
      answers: { 200: jsonAnswer("A page of operations", listOf("operations", operationSchema)) },
      async handle({ caller, tenant, query }) {
        const { items, nextCursor } = await operations.list({ ...query, tenant }, caller.tenant);
        return { status: 200, body: { operations: items.map(shown), nextCursor } };
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/operations/:operationId",
      summary: "Show an operation",
      permission: "operation:read",
      tenancy: "optional",
      params: operationParams,
      answers: { 200: jsonAnswer("The operation", operationAnswer) },
      async handle({ caller, params: { operationId } }) {
        return { status: 200, body: { operation: shown(await operations.get(operationId, caller.tenant)) } };
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/operations/:operationId/events",
      summary: "Follow an operation",
      description:
        "Server-sent events `status`, `step` and `progress`, numbered from 1. `Last-Event-ID` goes on behind that one. " +
        "The stream ends after the status that ends the operation.",
      permission: "operation:read",
      tenancy: "optional",
      params: operationParams,
      headers: z.object({ "last-event-id": z.coerce.number().int().min(0).default(0) }),
      answers: { 200: { description: "Events", content: { "text/event-stream": z.string() } } },
      async handle({ caller, params: { operationId }, headers }) {
        const { id } = await operations.get(operationId, caller.tenant);
        const lastSeen = headers["last-event-id"];
        const events = (signal: AbortSignal) => operations.events(id, lastSeen, signal);
        return { stream: (response) => streams.send(response, caller, events) };
      },
    }),
    endpoint({
      method: "post",
      path: "/v1/operations/:operationId/cancel",
      summary: "Ask an operation to stop at its next safe point",
      permission: "operation:write",
      tenancy: "none",
      params: operationParams,
      body: reasonBody,
      answers: { 202: acceptedAnswer },
      async handle({ caller, params: { operationId }, body: { reason } }) {
        return accepted(await operations.cancel(operationId, requestOf(caller, { reason })));
      },
    }),
    endpoint({
      method: "post",
      path: "/v1/operations/:operationId/retry",
      summary: "Go on from the failed step",
      permission: "operation:write",
      tenancy: "none",
      params: operationParams,
      body: reasonBody,
      answers: { 202: acceptedAnswer },
      async handle({ caller, params: { operationId }, body: { reason } }) {
        return accepted(await operations.retry(operationId, requestOf(caller, { reason })));
      },
    }),
  ];
}
