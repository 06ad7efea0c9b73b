import { expect } from "chai";
import { TestApi } from "../../support/api.ts";

const ORIGIN = "https://console.example.com";
const PREFLIGHT = { "access-control-request-method": "PUT" };

describe("the API behind API Gateway", () => {
  let api: TestApi;
  before(async () => {
    api = await TestApi.start({}, {}, undefined, { corsOrigins: [ORIGIN], isBehindGateway: true });
  });
  after(() => api.close());

  const wrongToken = (address: string | undefined) =>
    api.call("GET", "/v1/tenants", undefined, {
      token: "nonsense",
      ...(address === undefined ? {} : { headers: { "X-Millwright-Client": address } }),
    });

  it("lets pages of a known origin call, and asks no token of their preflights", async () => {
    const preflight = await api.call("OPTIONS", "/v1/rules", undefined, {
      ...{ token: null, headers: { origin: ORIGIN, ...PREFLIGHT } },
    });
    expect(preflight.status).to.equal(204);
    expect(preflight.headers.get("access-control-allow-origin")).to.equal(ORIGIN);
    expect(preflight.headers.get("access-control-allow-headers")).to.match(/Authorization/);
    expect(preflight.headers.get("access-control-allow-credentials")).to.equal(null);

    const call = await api.call("GET", "/v1/tenants", undefined, { headers: { origin: ORIGIN } });
    expect(call.status).to.equal(200);
    expect(call.headers.get("access-control-allow-origin")).to.equal(ORIGIN);
    const refused = await api.call("GET", "/v1/tenants", undefined, {
      ...{ token: null, headers: { origin: ORIGIN } },
    });
    expect([refused.status, refused.headers.get("access-control-allow-origin")]).to.deep.equal([401, ORIGIN]);
  });

  it("says nothing to pages of others", async () => {
    for (const origin of ["https://evil.example.com", `${ORIGIN}.evil.example`, "null"]) {
      const { headers } = await api.call("OPTIONS", "/v1/rules", undefined, {
        ...{ token: null, headers: { origin, ...PREFLIGHT } },
      });
      expect(headers.get("access-control-allow-origin"), origin).to.equal(null);
      expect(headers.get("vary")).to.equal("Origin");
    }
  });

  it("turns away the stranger who guesses, and nobody else behind the same gateway", async () => {
    const statuses = [];
    for (let n = 0; n < 60; n++) statuses.push((await wrongToken("203.0.113.7")).status);
    expect(statuses.at(-1)).to.equal(429);
    expect((await wrongToken("203.0.113.8")).status).to.equal(401);
    expect((await wrongToken(undefined)).status, "from inside").to.equal(401);
    expect((await wrongToken("no address")).status).to.equal(401);
  });
});

describe("the API by itself", () => {
  it("believes nobody's word about where a call comes from, and lets no other page call", async () => {
    const api = await TestApi.start();
    try {
      const statuses = [];
      for (let n = 0; n < 60; n++) {
        const headers = { "X-Millwright-Client": `203.0.113.${n}`, origin: ORIGIN };
        const answer = await api.call("GET", "/v1/tenants", undefined, { token: "nonsense", headers });
        expect(answer.headers.get("access-control-allow-origin")).to.equal(null);
        statuses.push(answer.status);
      }
      expect(statuses.at(-1)).to.equal(429);
    } finally {
      await api.close();
    }
  });
});
