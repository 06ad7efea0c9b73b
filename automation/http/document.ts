import type { Endpoint } from "./endpoint.ts";
import { apiEndpoints } from "./endpoints.ts";
import { openApiDocument } from "./openapi.ts";
import type { ApiServices } from "./services.ts";

/** The document of the API without a service behind it, for who builds the way to it. */
export function apiDocument(): object {
  return openApiDocument(declaredEndpoints());
}

/** Declarations call nothing, so they need nothing to call. */
export function declaredEndpoints(): readonly Endpoint[] {
  return apiEndpoints(new Proxy({}, { get: () => ABSENT }) as ApiServices);
}

const ABSENT: unknown = new Proxy(() => undefined, {
  get: () => ABSENT,
  apply() {
    throw new Error("A declaration of an endpoint called a service.");
  },
});
