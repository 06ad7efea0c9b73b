import type { RequestHandler } from "express";

/** How long a browser asks no more. */
const MAX_AGE_S = 600;
const METHODS = "GET, POST, PUT, PATCH, DELETE";
const REQUEST_HEADERS = "Authorization, Content-Type, Content-Encoding, Idempotency-Key";
const ANSWER_HEADERS = "Location, Retry-After, X-Request-Id";

/**
 * Lets pages of these origins call (the Fetch standard's CORS protocol). Who they are is said by their token, never by a
 * cookie: a page that is not named here can do nothing in its visitor's name, named ones no more than with a token.
 */
export function allowOrigins(origins: readonly string[]): RequestHandler {
  const known = new Set(origins);
  return (request, response, next) => {
    const origin = request.get("origin");
    // Answers differ by it, also for those who send none.
    response.vary("Origin");
    if (origin === undefined || !known.has(origin)) {
      next();
      return;
    }
    response.set({ "Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": ANSWER_HEADERS });
    const isPreflight =
      request.method === "OPTIONS" && request.get("access-control-request-method") !== undefined;
    if (!isPreflight) {
      next();
      return;
    }
    response.set({
      "Access-Control-Allow-Methods": METHODS,
      "Access-Control-Allow-Headers": REQUEST_HEADERS,
      "Access-Control-Max-Age": String(MAX_AGE_S),
    });
    response.status(204).end();
  };
}
