import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { serveApi } from "../../../automation/http/server.ts";
import { hasCode } from "../../../model/errors.ts";
import { eventually } from "../../support/eventually.ts";
import { ADMIN_TOKEN, TestApi, type Answer } from "../../support/api.ts";

const NEW = { id: "acme", name: "Acme Corp", tier: "shared", machines: 15 };
const codeOf = ({ status, body }: Answer) => [status, body.code];

describe("requests that the API cannot take", () => {
  let api: TestApi;
  before(async () => {
    api = await TestApi.start({}, { headersMs: 500 });
    await api.tenant("globex");
  });
  after(() => api.close());

  for (const [text, position] of [
    ['{"id": NaN}', 7],
    ['{"id": "x",}', 11],
    ["{'id': 1}", 1],
    ['{"a": [1 2]}', 9],
    ['{"a": [1,', 9],
    ['{"a": 1}\n}', 9],
    ["", undefined],
  ] as const) {
    it(`names the place where ${JSON.stringify(text)} stops being JSON`, async () => {
      const answer = await api.call("POST", "/v1/tenants", text, {
        headers: { "content-length": String(text.length) },
      });
      if (position === undefined) expect(codeOf(answer)).to.deep.equal([400, "request-invalid"]);
      else {
        expect(codeOf(answer)).to.deep.equal([400, "body-unreadable"]);
        expect(answer.body.detail).to.contain(`position ${position} `);
      }
    });
  }

  it("refuses what is not UTF-8", async () => {
    const answer = await api.call("POST", "/v1/tenants", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]));
    expect(codeOf(answer)).to.deep.equal([400, "body-unreadable"]);
  });

  it("names every unknown and every wrong field by its pointer", async () => {
    const body = { ...NEW, tier: "gold", colour: "red", contacts: [{ email: "ops@acme.example", "a/b": 1 }] };
    const answer = await api.call("POST", "/v1/tenants", body);
    expect(codeOf(answer)).to.deep.equal([400, "request-invalid"]);
    expect((answer.body.errors as { pointer: string }[]).map(({ pointer }) => pointer)).to.have.members([
      "/tier",
      "/colour",
      "/contacts/0/a~1b",
    ]);
    expect(answer.body).to.include({
      instance: "/v1/tenants",
      retryable: false,
      type: "/problems/request-invalid",
    });
    const query = await api.call("GET", "/v1/tenants?colour=red");
    expect(query.body.errors).to.deep.equal([{ pointer: "/colour", message: "unknown field" }]);
  });

  for (const id of [
    "ACME",
    "a".repeat(300),
    "ac",
    "1acme",
    "acme-",
    "acme.x",
    "ac me",
    "../etc",
    "acme\u0000",
    7,
    null,
  ]) {
    it(`refuses the tenant id ${JSON.stringify(id).slice(0, 20)}`, async () => {
      const made = await api.call("POST", "/v1/tenants", { ...NEW, id });
      expect(codeOf(made)).to.deep.equal([400, "request-invalid"]);
      expect(made.body.errors[0].pointer).to.equal("/id");
      expect(made.text.length).to.be.lessThan(2_000);
    });
  }

  it("refuses an address that names no possible tenant, or is no address", async () => {
    expect(codeOf(await api.call("GET", "/v1/tenants/ACME"))).to.deep.equal([400, "request-invalid"]);
    expect(codeOf(await api.call("GET", `/v1/tenants/${"a".repeat(300)}`))).to.deep.equal([
      400,
      "request-invalid",
    ]);
    expect(codeOf(await api.call("GET", "/v1/tenants/%E0%A4%A"))).to.deep.equal([400, "request-invalid"]);
    expect(codeOf(await api.call("GET", "/v1/rules?tenant=acme&tenant=globex"))).to.deep.equal([
      400,
      "request-invalid",
    ]);
  });

  it("tells an unknown address from a wrong method", async () => {
    expect(codeOf(await api.call("GET", "/v1/nothing"))).to.deep.equal([404, "not-found"]);
    expect(codeOf(await api.call("GET", "/nothing"))).to.deep.equal([404, "not-found"]);
    const put = await api.call("PUT", "/v1/tenants", {});
    expect(codeOf(put)).to.deep.equal([405, "method-not-allowed"]);
    expect(put.headers.get("allow")).to.equal("POST, GET");
  });

  it("refuses a cursor that no list gave", async () => {
    const keys = [
      "\u0000",
      "\ud800",
      "a",
      "-1",
      "1e5",
      "99999999999999999999",
      "infinity",
      "0000-01-01T00:00:00Z",
    ];
    const cursors = [
      "x",
      "%00",
      ...keys.flatMap((key) => [[key], [key, "\u0000"], [key, "a"], [[key]], [null]]),
    ].map((key) => Buffer.from(JSON.stringify(key)).toString("base64url"));
    for (const list of ["tenants", "operations", "audit", "rules", "channels", "alerts"])
      for (const cursor of cursors) {
        const { status } = await api.call("GET", `/v1/${list}?tenant=globex&cursor=${cursor}`);
        expect(status, `${list} ${Buffer.from(cursor, "base64url").toString()}`).to.be.oneOf([200, 400]);
      }
  });

  it("finds nothing of its own wrong when a browser asks for a part that is not there", async () => {
    for (const headers of [{ range: "bytes=99999999-" }, { "if-match": '"x"' }])
      expect(codeOf(await api.call("GET", "/docs/swagger-ui.css", undefined, { headers }))).to.deep.equal([
        400,
        "request-invalid",
      ]);
  });

  it("takes JSON only, in UTF-8, plain or gzipped", async () => {
    const send = (headers: Record<string, string>, body: unknown = NEW) =>
      api.call("POST", "/v1/tenants", body, { headers });
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/json; charset=latin1",
    ])
      expect(codeOf(await send({ "content-type": type }))).to.deep.equal([415, "media-type-unsupported"]);
    expect(codeOf(await send({ "content-encoding": "br" }))).to.deep.equal([415, "media-type-unsupported"]);
    expect(codeOf(await send({ "content-encoding": "gzip" }, "not gzip"))).to.deep.equal([
      400,
      "body-unreadable",
    ]);
    const whole = gzipSync(JSON.stringify({ ...NEW, id: "zipped" }));
    expect(codeOf(await send({ "content-encoding": "gzip" }, whole.subarray(0, -9)))).to.deep.equal([
      400,
      "body-unreadable",
    ]);
    expect((await send({ "content-encoding": "gzip" }, whole)).status).to.equal(202);
  });

  it("refuses 9 MB, announced or not, and lives on", async () => {
    const large = Buffer.alloc(9 * 1024 * 1024, " ");
    for (const address of ["/v1/data?tenant=globex", "/v1/tenants"])
      expect(codeOf(await api.call("POST", address, large))).to.deep.equal([413, "body-too-large"]);
    const chunked = await fetch(`${api.url}/v1/data?tenant=globex`, {
      method: "POST",
      headers: { authorization: "Bearer admin-token-of-the-test", "content-type": "application/json" },
      body: new Blob([large]).stream(),
      duplex: "half",
    });
    expect(chunked.status).to.equal(413);
    expect((await api.call("GET", "/healthz")).status).to.equal(200);
  });

  it("inflates no gzip bomb beyond the limit", async () => {
    const bomb = gzipSync(Buffer.alloc(512 * 1024 * 1024)); // half a MB that claims to be half a GB
    expect(bomb.length).to.be.lessThan(1024 * 1024);
    const before = process.memoryUsage().rss;
    const headers = { "content-encoding": "gzip" };
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => api.call("POST", "/v1/data?tenant=globex", bomb, { headers })),
    );
    for (const answer of answers) expect(codeOf(answer)).to.deep.equal([413, "body-too-large"]);
    expect(process.memoryUsage().rss - before).to.be.lessThan(400 * 1024 * 1024); // 8 × 512 MB were asked for
  });

  it("honours an Idempotency-Key, and refuses it with another body", async () => {
    const headers = { "idempotency-key": "k-1" };
    const body = { ...NEW, id: "once" };
    const first = await api.call("POST", "/v1/tenants", body, { headers });
    expect(first.status).to.equal(202);
    expect(first.headers.get("location")).to.equal(`/v1/operations/${first.body.operation.id as string}`);
    const again = await api.call("POST", "/v1/tenants", body, { headers });
    expect(again.body.operation.id).to.equal(first.body.operation.id);
    const other = await api.call("POST", "/v1/tenants", { ...body, machines: 16 }, { headers });
    expect(codeOf(other)).to.deep.equal([422, "idempotency-key-reused"]);
    const taken = await api.call("POST", "/v1/tenants", body);
    expect(codeOf(taken)).to.deep.equal([409, "tenant-exists"]);
    const wrong = await api.call("POST", "/v1/tenants", body, {
      headers: { "idempotency-key": "k".repeat(129) },
    });
    expect(wrong.body.errors[0].pointer).to.equal("/idempotency-key");
  });

  it("deletes nothing that was not confirmed", async () => {
    const refused = await api.call("DELETE", "/v1/tenants/globex", { confirm: "acme" });
    expect(codeOf(refused)).to.deep.equal([422, "confirmation-missing"]);
    expect(codeOf(await api.call("DELETE", "/v1/tenants/globex"))).to.deep.equal([400, "request-invalid"]);
    expect((await api.call("DELETE", "/v1/tenants/globex", { confirm: "globex" })).status).to.equal(202);
  });

  it("drops a client that trickles its headers, with a problem", async () => {
    const { port } = new URL(api.url);
    const socket = connect(Number(port), "127.0.0.1");
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.on("error", () => undefined);
    socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n");
    const trickle = setInterval(() => socket.write("X: y\r\n"), 100);
    await eventually("the server closes the connection", () => socket.closed);
    clearInterval(trickle);
    expect(text)
      .to.match(/^HTTP\/1\.1 408 /)
      .and.contain('"code":"request-timeout"');
  });

  it("takes a client that leaves within its body for what it is, no fault of ours", async () => {
    for (const encoding of ["identity", "gzip"]) {
      const socket = connect(Number(new URL(api.url).port), "127.0.0.1");
      const head = `POST /v1/data?tenant=globex HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ADMIN_TOKEN}\r\n`;
      socket.write(`${head}Content-Type: application/json\r\nContent-Encoding: ${encoding}\r\n`);
      socket.write("Content-Length: 1000\r\n\r\n{");
      const loggedCount = api.logged.length;
      setTimeout(() => socket.resetAndDestroy(), 50);
      await eventually("the log line", () =>
        api.logged.slice(loggedCount).some((line) => line.includes('"status":499')),
      );
    }
    expect(api.logged.filter((line) => line.includes("request failed"))).to.deep.equal([]);
  });

  it("drops connections over its limit, and takes them again when others have gone", async () => {
    const small = await TestApi.start({}, { connectionCount: 2 });
    const port = Number(new URL(small.url).port);
    const held = [connect(port, "127.0.0.1"), connect(port, "127.0.0.1")];
    await eventually("two are connected", () => held.every(({ readyState }) => readyState === "open"));
    const third = connect(port, "127.0.0.1").on("error", () => undefined);
    await eventually("the third is dropped", () => third.closed);
    for (const socket of held) socket.destroy();
    await eventually("there is room again", async () => {
      const answer = await small.call("GET", "/healthz").catch(() => undefined);
      return answer?.status === 200;
    });
    await small.close();
  });

  it("answers what is no HTTP with a problem", async () => {
    const socket = connect(Number(new URL(api.url).port), "127.0.0.1");
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.on("error", () => undefined);
    socket.write("hello\r\n\r\n");
    await eventually("the server closes the connection", () => socket.closed);
    expect(text)
      .to.match(/^HTTP\/1\.1 400 /)
      .and.contain('"code":"request-invalid"');
  });

  it("says so when the port is in use", async () => {
    const { port } = new URL(api.url);
    const dependencies = {
      ...api.services,
      tokens: api.tokens,
      logger: { debug: () => undefined, info: () => undefined, error: () => undefined },
    };
    const refusal: unknown = await serveApi(dependencies, { port: Number(port) }).catch(
      (error: unknown) => error,
    );
    expect(hasCode(refusal, "port-in-use"), String(refusal)).to.equal(true);
  });

  it("shows nothing of an unexpected error", async () => {
    const broken = await TestApi.start({
      readings: { query: () => Promise.reject(new Error("select password from /etc at 10.0.0.1")) },
    });
    await broken.tenant("acme");
    const answer = await broken.call("GET", "/v1/data/machine?tenant=acme");
    expect(codeOf(answer)).to.deep.equal([500, "internal"]);
    expect(answer.text).to.not.match(/select|password|etc|10\.0|\.ts|node_modules/);
    const logged = broken.logged.find((line) => line.includes("request failed"));
    expect(logged).to.contain(answer.headers.get("x-request-id")).and.contain("select password");
    await broken.close();
  });

  it("puts safe headers on every answer and one line without secrets into the log", async () => {
    const token = await api.key("platform-admin");
    const answer = await api.call("GET", "/v1/tenants?limit=5", undefined, { token });
    expect(answer.headers.get("x-content-type-options")).to.equal("nosniff");
    expect(answer.headers.get("content-security-policy")).to.contain("default-src 'none'");
    expect(answer.headers.get("cache-control")).to.equal("no-store");
    expect(answer.headers.has("x-powered-by")).to.equal(false);
    const requestId = answer.headers.get("x-request-id") ?? "none";
    const lines = await eventually("the log line", () => {
      const found = api.logged.filter((line) => line.includes(requestId));
      return found.length > 0 ? found : undefined;
    });
    expect(lines).to.have.length(1);
    expect(JSON.parse(lines[0] ?? "")).to.include({ method: "GET", route: "/v1/tenants", status: 200 });
    expect(lines[0]).to.not.contain(token).and.not.contain("limit=5");
  });
});
