import { expect } from "chai";
import { RateLimiter } from "../../../automation/entrance/rate-limit.ts";
import { FAILED_LOGIN_RATE } from "../../../automation/entrance/rate-limit.ts";
import { NOW_MS, TestApi } from "../../support/api.ts";

describe("RateLimiter", () => {
  it("takes a burst, then what has been refilled, by name", () => {
    let nowMs = 0;
    const limiter = new RateLimiter({ burst: 3, perSecond: 2 }, () => nowMs);
    expect([1, 2, 3, 4].map(() => limiter.take("a"))).to.deep.equal([0, 0, 0, 1]);
    expect(limiter.take("b")).to.equal(0);
    nowMs = 500;
    expect([limiter.take("a"), limiter.take("a")]).to.deep.equal([0, 1]);
    nowMs = 3_600_000;
    expect([1, 2, 3, 4].map(() => limiter.take("a"))).to.deep.equal([0, 0, 0, 1]);
  });

  it("forgets who was there longest ago when there are too many", () => {
    const limiter = new RateLimiter({ burst: 1, perSecond: 1 }, () => 0);
    for (const name of ["a", "b"]) limiter.take(name);
    for (let n = 0; n < 49_999; n++) limiter.take(`stranger ${n}`);
    expect([limiter.look("a"), limiter.look("b")]).to.deep.equal([0, 1]);
  });

  it("refuses a guesser of tokens, and not a machine behind the same gateway", async () => {
    let nowMs = NOW_MS;
    const api = await TestApi.start({ nowMs: () => nowMs });
    await api.tenant("acme");
    const token = await api.key("viewer", "acme");
    expect((await api.call("GET", "/v1/tenants", undefined, { token })).status).to.equal(200);
    const wrong = () => api.call("GET", "/v1/tenants", undefined, { token: "wrong" });
    for (let i = 0; i < FAILED_LOGIN_RATE.burst; i++) expect((await wrong()).status).to.equal(401);
    const refused = await wrong();
    expect([refused.status, refused.body.code, refused.body.retryable]).to.deep.equal([
      429,
      "too-many-requests",
      true,
    ]);
    expect(refused.headers.get("retry-after")).to.equal("1");
    expect((await api.call("GET", "/v1/tenants", undefined, { token })).status).to.equal(200);
    nowMs += 1_000;
    expect((await wrong()).status).to.equal(401);
    await api.close();
  });
});
