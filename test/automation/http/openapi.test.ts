import { Validator } from "@seriousme/openapi-schema-validator";
import { expect } from "chai";
import type { Router } from "express";
import { createApp } from "../../../automation/http/app.ts";
import { apiDocument } from "../../../automation/http/document.ts";
import { TestApi } from "../../support/api.ts";

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly operationId: string; readonly security: object[] }>>>
  >;
}

const templateOf = (path = "") => path.replace(/:(\w+)/g, "{$1}");

describe("the OpenAPI document", () => {
  let api: TestApi;
  let document: Document;
  before(async () => {
    api = await TestApi.start({
      checks: { catalog: () => Promise.resolve(), log: () => Promise.reject(new Error("host=secret")) },
    });
    document = (await api.call("GET", "/openapi.json", undefined, { token: null })).body as Document;
  });
  after(() => api.close());

  it("is valid OpenAPI 3.1", async () => {
    expect(document.openapi).to.match(/^3\.1\./);
    const { valid, errors } = await new Validator().validate(document as unknown as Record<string, unknown>);
    expect(valid, JSON.stringify(errors)).to.equal(true);
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).to.equal(ids.length);
  });

  it("is the same without a service", () => {
    expect(JSON.parse(JSON.stringify(apiDocument()))).to.deep.equal(document);
  });

  it("describes every route of the app, and nothing else", () => {
    const app = createApp({
      ...api.services,
      tokens: api.tokens,
      logger: { debug: () => undefined, info: () => undefined, error: () => undefined },
    });
    const served = (app.router as Router).stack.flatMap(({ route }) => {
      const methods = new Set(route?.stack.map(({ method }) => method));
      // More than one: the answer to every other method of the path, 405.
      return methods.size === 1 ? [...methods].map((method) => `${method} ${templateOf(route?.path)}`) : [];
    });
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(served).to.have.members(described);
  });

  it("asks for a token wherever the app does", async () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, { security }] of Object.entries(methods)) {
        const { status } = await api.call(method.toUpperCase(), path.replace(/\{\w+\}/g, "x"), undefined, {
          token: null,
        });
        const isRefused = status === 401 || status === 429; // the fifty-first wrong token of this address
        expect(isRefused, `${method} ${path}`).to.equal(security.length > 0);
      }
    }
  });

  it("is shown by a page that loads nothing from elsewhere", async () => {
    const { headers, text } = await api.call("GET", "/docs", undefined, { token: null });
    expect(headers.get("content-security-policy")).to.contain("default-src 'none'; script-src 'self'");
    const loaded = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address ?? "");
    for (const address of loaded.filter((found) => !found.startsWith("data:"))) {
      expect(address).to.match(/^\/docs\//);
      const file = await api.call("GET", address, undefined, { token: null });
      expect(file.status, address).to.equal(200);
      expect(file.headers.get("x-content-type-options")).to.equal("nosniff");
    }
    expect((await api.call("GET", "/docs/package.json", undefined, { token: null })).status).to.equal(404);
  });

  it("has health that names each dependency and tells no secret", async () => {
    const { status, body, text } = await api.call("GET", "/readyz", undefined, { token: null });
    expect(status).to.equal(503);
    expect(body).to.deep.equal({ ready: false, checks: { catalog: { ok: true }, log: { ok: false } } });
    expect(text).to.not.contain("secret");
  });

  it("has metrics by route, with those of other processes", async () => {
    const { headers, text } = await api.call("GET", "/metrics");
    expect(headers.get("content-type")).to.match(/^text\/plain/);
    expect(text).to.contain('route="/openapi.json",status="200"').and.contain("other_process_up 1");
  });
});
