import { expect } from "chai";
import type pg from "pg";
import { openIngestPool, openQueryPool } from "../../../data/cell/cell-pool.ts";
import type { CellSecret } from "../../../data/cell/cell-secret.ts";
import type { NewRecord } from "../../../data/event-log/event-log.ts";
import { Memory } from "../../../handlers/ingest/memory.ts";
import { prepareBatch } from "../../../handlers/ingest/prepare.ts";
import { storeSafely, type IngestAlarm } from "../../../handlers/ingest/store-safely.ts";
import { inPlacement } from "../../../handlers/query/in-placement.ts";
import type { KeptLetter } from "../../../data/cell/kept-dead-letter.ts";
import { MillwrightError } from "../../../model/errors.ts";
import { refusalHeaders } from "../../../model/refused-record.ts";
import { tenantNames, type TenantId } from "../../../model/tenant.ts";
import { TestApi } from "../../support/api.ts";
import { asCellRole, testCell, testTenant } from "../../support/cell.ts";
import { APPENDED_AT_MS, logRecord, machineReading } from "../../support/log-records.ts";
import { noHistory } from "../../support/machines.ts";

const DAY_MS = 86_400_000;
const LETTERS = "/v1/data/dead-letters";
const tooEarly = machineReading({ ts: "1970-01-01T00:00:00Z" });

describe("dead letters through the API", () => {
  let secret: CellSecret;
  let api: TestApi;
  let ingest: pg.Pool;
  let query: pg.Pool;
  let count = 0;
  let tenant: TenantId;
  let nextOffset: number;
  let isCellAway = false;

  before(async () => {
    secret = await testCell();
    ingest = openIngestPool(secret, "test");
    query = openQueryPool(secret, "test");
    api = await TestApi.start({
      cells: {
        inCell: (of, access, work) => {
          if (isCellAway && access === "read write")
            return Promise.reject(new MillwrightError("database-unavailable", "Away.", { retryable: true }));
          return inPlacement(query, { tenant: of, epoch: 1n }, access, work);
        },
      },
    });
  });
  after(async () => {
    await api.close();
    await Promise.all([ingest.end(), query.end()]);
  });
  beforeEach(async () => {
    tenant = await testTenant(secret, `letters-${++count}`);
    await api.tenant(tenant);
    nextOffset = 0;
    api.appended.splice(0);
    isCellAway = false;
  });

  const alarm = ({ error }: IngestAlarm) => expect.fail(String(error));
  const store = async (...records: ReturnType<typeof logRecord>[]) =>
    storeSafely(
      { pool: ingest, memory: new Memory(), epochOf: () => 1n, alarm },
      await prepareBatch(records, noHistory),
    );

  /** Stores a record at the next place of partition 0. */
  const arrive = (
    value: Buffer | readonly unknown[],
    headers: NewRecord["headers"] = {},
    appendedAtMs = APPENDED_AT_MS,
  ) => store(logRecord(tenant, 0, nextOffset++, value, { headers, appendedAtMs }));

  /** Stores what the API has appended since, as the log would deliver it `laterMs` later. */
  async function storeReplays(laterMs = 0) {
    let rowCount = 0;
    for (const { value, headers } of api.appended.splice(0))
      rowCount += (await arrive(value, headers, APPENDED_AT_MS + laterMs)).rowCount;
    return rowCount;
  }

  const of = (address: string) => `${address}${address.includes("?") ? "&" : "?"}tenant=${tenant}`;
  const get = (path: string) => api.call("GET", of(LETTERS + path));
  const post = (path: string, body: unknown) => api.call("POST", of(LETTERS + path), body);
  const list = async (filter = "") => (await get(filter)).body.deadLetters as KeptLetter[];
  const rows = () =>
    asCellRole(secret, "admin", async (client) => {
      const { schema } = tenantNames(tenant);
      return (await client.query<{ temperature_c: number }>(`select * from ${schema}.machine_telemetry`))
        .rows;
    });

  it("are listed newest first, page by page, by reason, state and time", async () => {
    await arrive(Buffer.from("not json"));
    await arrive([machineReading(), tooEarly]);
    await arrive(Buffer.from("{"), {}, APPENDED_AT_MS + DAY_MS);
    const ids = (letters: readonly KeptLetter[]) => letters.map(({ id }) => id);
    expect(ids(await list())).to.deep.equal(["1.0.2", "1.0.1.1", "1.0.0"]);
    expect(ids(await list("?reason=time-out-of-range"))).to.deep.equal(["1.0.1.1"]);
    expect(ids(await list("?state=replayed"))).to.deep.equal([]);
    expect(ids(await list("?from=2026-11-22T00:00:00Z"))).to.deep.equal(["1.0.2"]);
    const first = (await get("?limit=2")).body;
    const second = (await get(`?limit=2&cursor=${first.nextCursor as string}`)).body;
    expect([ids(second.deadLetters), second.nextCursor]).to.deep.equal([["1.0.0"], null]);
    expect((await list())[1]).to.include({ state: "open", ordinal: 1, offset: "1", isTruncated: false });
  });

  it("show what came: text where it is UTF-8, else base64, and of a long record its beginning", async () => {
    await arrive(Buffer.from([0x1f, 0x8b, 0x08]));
    await arrive(Buffer.alloc(100_000, "x"));
    const [long, bytes] = [(await get("/1.0.1")).body.deadLetter, (await get("/1.0.0")).body.deadLetter];
    expect([bytes.raw, bytes.encoding, bytes.bytes]).to.deep.equal(["H4sI", "base64", 3]);
    expect([long.raw.length, long.encoding, long.bytes, long.isTruncated]).to.deep.equal([
      ...[65_536, "utf8", 100_000, true],
    ]);
    expect((await get("/1.0.7")).body.code).to.equal("dead-letter-unknown");
    for (const wrong of ["/x", "/1.0", "/256.0.1", "/1.0.9999999999999", "/1.0.1.40000"])
      expect((await get(wrong)).status, wrong).to.equal(400);
  });

  it("are counted by reason and state", async () => {
    await arrive([tooEarly, tooEarly, { ...machineReading(), extra: 1 }]);
    await post("/discard", { ids: ["1.0.0.0"] });
    expect((await get("/summary")).body.counts).to.deep.equal([
      { reason: "reading-invalid", open: 1, replayed: 0, discarded: 0, removed: 0 },
      { reason: "time-out-of-range", open: 1, replayed: 0, discarded: 1, removed: 0 },
    ]);
  });

  it("belong to their tenant alone", async () => {
    await arrive(Buffer.from("secret of another"));
    const mine = await testTenant(secret, `letters-${++count}`);
    await api.tenant(mine);
    const token = await api.key("operator", mine);
    const as = (method: string, address: string, body?: unknown) =>
      api.call(method, address, body, { token });
    expect((await as("GET", LETTERS)).body.deadLetters).to.deep.equal([]);
    expect((await as("GET", `${LETTERS}/1.0.0`)).status).to.equal(404);
    const { refused } = (await as("POST", `${LETTERS}/replay`, { letters: [{ id: "1.0.0" }] })).body;
    expect(refused[0].code).to.equal("dead-letter-unknown");
    expect((await as("POST", `${LETTERS}/discard`, { filter: {} })).body).to.deep.equal({ discarded: 0 });
    expect((await as("GET", `${LETTERS}?tenant=${tenant}`)).status).to.equal(404);
    expect((await list())[0]?.state).to.equal("open");
  });

  describe("that are replayed", () => {
    const early = { id: "1.0.0.1", readings: [machineReading({ values: { temperature_c: 42 } })] };

    it("bring a corrected reading into the cell, and are kept with who did it", async () => {
      await arrive([machineReading(), tooEarly]);
      const answer = await post("/replay", { letters: [early] });
      expect([answer.status, answer.body]).to.deep.equal([
        202,
        { replayed: 1, refused: [], nextCursor: null },
      ]);
      expect(api.appended.map(({ headers }) => [headers["batch-id"], headers["source"]])).to.deep.equal([
        ["!replay/1.0.0.1", "import"],
      ]);
      expect(await storeReplays()).to.equal(1);
      expect((await rows()).map((row) => row.temperature_c)).to.deep.equal([61.2, 42]);
      expect((await list())[0]).to.include({ id: "1.0.0.1", state: "replayed", handledBy: "admin-token" });
      const [entry] = (await api.call("GET", of("/v1/audit"))).body.entries;
      expect(entry).to.deep.include({ action: "dead-letter.replay", actor: "admin-token" });
    });

    it("as they came, when what refused them is mended: a batch id that stood for another body", async () => {
      const part = (hash: string) => ({ "batch-id": "b1", "content-hash": hash });
      await arrive([machineReading()], part("h"));
      await arrive(
        [machineReading({ machineId: "m-2" }), machineReading({ machineId: "m-3" })],
        part("other"),
      );
      expect((await post("/replay", { filter: { reason: "batch-id-reused" } })).body.replayed).to.equal(1);
      expect(await storeReplays()).to.equal(2);
      expect(await rows()).to.have.length(3);
    });

    for (const [when, laterMs] of [
      ["at once", 0],
      ["after the memory of batches", 25 * 3_600_000],
    ] as const)
      it(`twice, ${when}, though the mark was lost, add nothing the second time`, async () => {
        await arrive([machineReading(), tooEarly]);
        isCellAway = true;
        expect((await post("/replay", { letters: [early] })).status).to.equal(503);
        expect(await storeReplays()).to.equal(1);
        isCellAway = false;
        expect((await post("/replay", { letters: [early] })).body.replayed).to.equal(1);
        expect(await storeReplays(laterMs)).to.equal(0);
        expect(await rows()).to.have.length(2);
      });

    it("again with another correction add nothing, and say so", async () => {
      await arrive([machineReading(), tooEarly]);
      isCellAway = true;
      await post("/replay", { letters: [early] });
      isCellAway = false;
      await storeReplays();
      await post("/replay", { letters: [{ ...early, readings: [machineReading({ machineId: "m-9" })] }] });
      await storeReplays();
      expect(await rows()).to.have.length(2);
      expect((await list())[0]).to.include({ id: "1.0.2", reason: "batch-id-reused", state: "open" });
    });

    it("stay open when they would be refused again, with the reason", async () => {
      await arrive([tooEarly]);
      await arrive(Buffer.from("not json"));
      await arrive(Buffer.alloc(100_000, "x"));
      await arrive([machineReading()], refusalHeaders({ reason: "identity-mismatch", message: "" }));
      await arrive(Buffer.from("[]]"));
      await post("/discard", { ids: ["1.0.4"] });
      const letters = ["1.0.0.0", "1.0.1", "1.0.2", "1.0.3", "1.0.4", "1.0.99"].map((id) => ({ id }));
      const { replayed, refused } = (await post("/replay", { letters })).body;
      expect(replayed).to.equal(1); // the one that an entrance refused: a person stands for it now
      expect(refused.map(({ id, code }: { id: string; code: string }) => [id, code])).to.deep.equal([
        ["1.0.0.0", "time-out-of-range"],
        ["1.0.1", "record-undecodable"],
        ["1.0.2", "dead-letter-truncated"],
        ["1.0.4", "dead-letter-handled"],
        ["1.0.99", "dead-letter-unknown"],
      ]);
      expect((await list("?state=open")).map(({ id }) => id)).to.deep.equal(["1.0.2", "1.0.1", "1.0.0.0"]);
    });

    it("of senders who spoke for another are not among all, only where they or their reason are named", async () => {
      const forged = refusalHeaders({ reason: "machine-forbidden", message: "" });
      await arrive([machineReading({ machineId: "m-2" })], forged);
      const all = (await post("/replay", { filter: {} })).body;
      expect([all.replayed, all.refused[0].code]).to.deep.equal([0, "sender-doubted"]);
      expect(api.appended).to.deep.equal([]);
      expect((await post("/replay", { filter: { reason: "machine-forbidden" } })).body.replayed).to.equal(1);
    });

    it("go in parts to the partitions of their machines, as a whole or not at all", async () => {
      await arrive(Buffer.from("?"));
      const readings = Array.from({ length: 20 }, (_, n) => machineReading({ machineId: `m-${n}` }));
      const bad = { id: "1.0.0", readings: [...readings, tooEarly] };
      expect((await post("/replay", { letters: [bad] })).body.refused[0].message).to.match(/^reading 20: /);
      expect(api.appended).to.deep.equal([]);
      await post("/replay", { letters: [{ id: "1.0.0", readings }] });
      expect(new Set(api.appended.map(({ partition }) => partition)).size).to.equal(2);
      expect(await storeReplays()).to.equal(20);
    });

    it("by a filter go on behind those that stay, call by call", async () => {
      const good = machineReading();
      await arrive(Array.from({ length: 1_050 }, () => tooEarly));
      await arrive(
        Buffer.from(`[${JSON.stringify(good)}]`),
        refusalHeaders({ reason: "time-out-of-range", message: "" }),
      );
      const filter = { reason: "time-out-of-range" };
      const first = (await post("/replay", { filter })).body;
      expect([first.replayed, first.refused.length]).to.deep.equal([0, 1_000]);
      const second = (await post("/replay", { filter, cursor: first.nextCursor })).body;
      expect([second.replayed, second.refused.length, second.nextCursor]).to.deep.equal([1, 50, null]);
    });
  });

  it("are discarded by id or filter, once, and stay readable", async () => {
    await arrive([tooEarly, tooEarly]);
    await arrive(Buffer.from("?"));
    expect((await post("/discard", { ids: ["1.0.0.0"] })).body).to.deep.equal({ discarded: 1 });
    expect((await post("/discard", { filter: { reason: "time-out-of-range" } })).body.discarded).to.equal(1);
    expect((await post("/discard", { filter: {} })).body.discarded).to.equal(1);
    expect((await post("/discard", { filter: {} })).body.discarded).to.equal(0);
    expect((await list()).map(({ state }) => state)).to.deep.equal(Array(3).fill("discarded"));
  });

  it("take no body that says neither what nor all", async () => {
    for (const [path, body] of [
      ["/replay", {}],
      ["/replay", { filter: {}, letters: [{ id: "1.0.0" }] }],
      ["/replay", { letters: [{ id: "1.0.0", raw: "x" }] }],
      ["/replay", { filter: { reason: "no-such" } }],
      ["/discard", { ids: [] }],
      ["/discard", { ids: ["1.0.0'"] }],
    ] as const)
      expect((await post(path, body)).status, JSON.stringify(body)).to.equal(400);
    for (const cursor of ["x", Buffer.from('["1e5"]').toString("base64url")])
      expect((await get(`?cursor=${cursor}`)).status, cursor).to.equal(400);
  });
});
