import { connect, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import type { ApiServices } from "../../../automation/http/services.ts";
import { eventually } from "../../support/eventually.ts";
import { TestApi } from "../../support/api.ts";

const KIB = 1024;
const ROW = { time: "2026-11-21T10:00:00.000Z", machineId: "m-1", state: "x".repeat(1_000) };
/** Pages of 7.6 MB: more than the kernel takes for a client that does not read. */
const readings: ApiServices["readings"] = {
  query: () => Promise.resolve({ rows: Array<typeof ROW>(7_000).fill(ROW), nextCursor: "on" }),
};

describe("what waits for clients", () => {
  let api: TestApi;
  let sockets: Socket[] = [];
  let acme: string;
  let globex: string;
  before(async () => {
    api = await TestApi.start({ readings }, {}, { totalBytes: 20_000 * KIB, shareBytes: 12_000 * KIB });
    await api.tenant("acme");
    await api.tenant("globex");
    [acme, globex] = [await api.key("tenant-admin", "acme"), await api.key("tenant-admin", "globex")];
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    sockets = [];
    await eventually("the room is empty again", async () => (await write(acme, 8_000)) === 202);
  });
  after(() => api.close());

  /** A request whose client then neither sends nor reads more; answers what has come so far. */
  function hang(head: string, token: string, body = ""): () => string {
    const socket = connect(Number(new URL(api.url).port), "127.0.0.1");
    sockets.push(socket);
    let text = "";
    socket.once("data", (chunk: Buffer) => {
      text = chunk.toString();
      socket.pause();
    });
    socket.on("error", () => undefined);
    socket.write(`${head} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n`);
    socket.write(
      `Content-Type: application/json\r\n${body === "" ? "" : `Content-Length: ${8_000 * KIB}\r\n`}\r\n${body}`,
    );
    return () => text;
  }
  /** An empty batch in a body of the size. */
  async function write(token: string, kib: number, headers: Record<string, string> = {}): Promise<number> {
    const text = `${" ".repeat(kib * KIB - 15)}{"readings":[]}`;
    const body = headers["content-encoding"] === "gzip" ? gzipSync(text) : text;
    return (await api.call("POST", "/v1/data", body, { token: await machine(token), headers })).status;
  }
  const machines = new Map<string, string>();
  async function machine(admin: string): Promise<string> {
    const tenant = admin === acme ? "acme" : "globex";
    const token = machines.get(tenant) ?? (await api.key("machine", tenant));
    machines.set(tenant, token);
    return token;
  }

  it("takes no more of a tenant's half-sent bodies than its share, and its neighbour's all the same", async () => {
    hang("POST /v1/data", await machine(acme), " ".repeat(7_900 * KIB));
    await eventually("the share is taken", async () => (await write(acme, 5_000)) === 429);
    expect(await write(acme, 5_000, { "content-encoding": "gzip" })).to.equal(429);
    expect(await write(acme, 1_000)).to.equal(202);
    expect(await write(globex, 5_000)).to.equal(202);
  });

  it("answers a refusal that may be tried again", async () => {
    hang("POST /v1/data", await machine(acme), " ".repeat(7_900 * KIB));
    const refusal = await eventually("a refusal", async () => {
      const answer = await api.call("POST", "/v1/data", " ".repeat(5_000 * KIB), {
        token: await machine(acme),
      });
      return answer.status === 429 ? answer : undefined;
    });
    expect(refusal.body).to.include({ code: "too-many-requests", retryable: true });
    expect(Number(refusal.headers.get("retry-after"))).to.be.greaterThan(0);
  });

  it("makes no more answers than fit, for clients that do not read them", async () => {
    const answers = Array.from({ length: 6 }, () => hang("GET /v1/data/machine", acme));
    await eventually("every client has an answer", () => answers.every((text) => text() !== ""));
    const statuses = answers.map((text) => text().slice(9, 12));
    expect(statuses).to.include("429");
    expect(statuses.filter((status) => status === "200").length).to.be.lessThan(4);
    expect((await api.call("GET", "/v1/rules", undefined, { token: globex })).status).to.equal(200);
  });
});
