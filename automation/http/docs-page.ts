import path from "node:path";
import { fileURLToPath } from "node:url";
import express, { Router } from "express";
import * as z from "zod";
import { endpoint, type Endpoint } from "./endpoint.ts";

/** Everything comes from this server: the page works without a network, and tells nobody that it is open. */
const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>Millwright API</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="/docs/swagger-ui.css" />
  </head>
  <body>
    <div id="page"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

// validatorUrl: the default sends the document's address to a public service.
const START = `SwaggerUIBundle({ url: "/openapi.json", dom_id: "#page", validatorUrl: null, deepLinking: true });
`;

/** Swagger UI sets styles from scripts and draws its icons from data: URLs; nothing else is allowed. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const ASSETS = path.dirname(fileURLToPath(import.meta.resolve("swagger-ui-dist/package.json")));

/** The files of the page, and nothing else of their folder. */
export function docsAssets(): Router {
  const router = Router();
  router.use((_request, response, next) => {
    response.set("Content-Security-Policy", PAGE_POLICY);
    next();
  });
  router.get("/start.js", (_request, response) => {
    response.type("text/javascript").send(START);
  });
  for (const file of ["swagger-ui.css", "swagger-ui-bundle.js"])
    router.use(`/${file}`, express.static(path.join(ASSETS, file), { index: false, redirect: false }));
  return router;
}

/** @param document - made when all endpoints are known, these included */
export function docsEndpoints(document: () => object): Endpoint[] {
  return [
    endpoint({
      method: "get",
      path: "/openapi.json",
      summary: "This document",
      permission: "open",
      tenancy: "none",
      answers: { 200: { description: "OpenAPI 3.1", content: { "application/json": z.looseObject({}) } } },
      handle: () => Promise.resolve({ status: 200, body: document() }),
    }),
    endpoint({
      method: "get",
      path: "/docs",
      summary: "This document as a page",
      permission: "open",
      tenancy: "none",
      answers: { 200: { description: "HTML", content: { "text/html": z.string() } } },
      handle: () => Promise.resolve({ status: 200, text: PAGE, mediaType: "text/html" }),
    }),
  ];
}
