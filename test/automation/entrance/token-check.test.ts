import { expect } from "chai";
import type pg from "pg";
import { FAILED_LOGIN_RATE } from "../../../automation/entrance/rate-limit.ts";
import { tokenCheck } from "../../../automation/entrance/token-check.ts";
import { createKey, deleteKey } from "../../../data/catalog/api-key.ts";
import { testCatalog, type TestCatalog } from "../../support/catalog.ts";

const GUESS = `mw_${"0".repeat(16)}_${"x".repeat(43)}`;
const HERE = "192.0.2.1";

describe("tokenCheck", () => {
  let test: TestCatalog;
  let nowMs: number;
  let queryCount: number;
  before(async () => {
    test = await testCatalog();
  });
  after(() => test.catalog.close());

  function newCheck() {
    [nowMs, queryCount] = [0, 0];
    const { service } = test.catalog;
    const query = (text: pg.QueryConfig, values?: unknown[]) => (queryCount++, service.query(text, values));
    const keys = { query } as unknown as pg.Pool;
    return tokenCheck({ adminToken: "admin", keys, nowMs: () => nowMs }).check;
  }
  const newKey = () =>
    createKey(test.catalog.service, undefined, { role: "sales", label: "test", createdBy: "test" });

  it("asks the catalog nothing for strangers of an address that failed too often", async () => {
    const check = newCheck();
    for (let n = 0; n < FAILED_LOGIN_RATE.burst; n++)
      expect(await check(GUESS, HERE)).to.deep.equal({ credential: undefined, waitSeconds: 0 });
    expect(queryCount).to.equal(FAILED_LOGIN_RATE.burst);
    const { token } = await newKey(); // a good one, but nobody has seen it here
    for (const stranger of [GUESS, token, undefined])
      expect(await check(stranger, HERE)).to.deep.equal({ credential: undefined, waitSeconds: 1 });
    expect(queryCount).to.equal(FAILED_LOGIN_RATE.burst);
    expect((await check(token, "192.0.2.2")).credential).to.include({ role: "sales" });
    nowMs += 1_000;
    expect((await check(GUESS, HERE)).waitSeconds).to.equal(0);
  });

  it("lets in who was let in before, until the key is revoked", async () => {
    const check = newCheck();
    const { id, token } = await newKey();
    await check(token, HERE);
    while ((await check(GUESS, HERE)).waitSeconds === 0);
    expect(await check(token, HERE))
      .to.deep.include({ waitSeconds: 0 })
      .and.to.have.nested.property("credential.id", id);
    expect((await check("admin", HERE)).credential?.role).to.equal("platform-admin");
    await deleteKey(test.catalog.service, undefined, id);
    expect((await check(token, HERE)).credential).to.equal(undefined);
    const asked = queryCount;
    expect(await check(token, HERE)).to.deep.equal({ credential: undefined, waitSeconds: 1 });
    expect(queryCount).to.equal(asked);
  });

  it("counts all addresses of one IPv6 network together", async () => {
    const check = newCheck();
    for (let n = 0; n < FAILED_LOGIN_RATE.burst; n++) await check(GUESS, `2001:db8:1:2::${n.toString(16)}`);
    expect((await check(GUESS, "2001:db8:1:2:ffff::1")).waitSeconds).to.equal(1);
    expect((await check(GUESS, "2001:db8:1:3::1")).waitSeconds).to.equal(0);
  });
});
