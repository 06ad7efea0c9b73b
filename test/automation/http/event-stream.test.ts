import { expect } from "chai";
import type { OperationEvent } from "../../../model/operation.ts";
import { NOW_MS, TestApi, ADMIN_TOKEN } from "../../support/api.ts";

const event = (id: number, kind: OperationEvent["kind"], payload: object): OperationEvent => ({
  id,
  kind,
  at: new Date(NOW_MS).toISOString(),
  payload: payload as OperationEvent["payload"],
});

describe("GET /v1/operations/:operationId/events", () => {
  let api: TestApi;
  let address: string;
  beforeEach(async () => {
    api = await TestApi.start();
    const { body } = await api.call("POST", "/v1/tenants", { id: "acme", name: "Acme", tier: "shared" });
    address = `/v1/operations/${body.operation.id as string}/events`;
    api.operations.eventLog = [
      event(1, "status", { status: "running" }),
      event(2, "step", { name: "up", status: "running" }),
      event(3, "status", { status: "succeeded" }),
    ];
  });
  afterEach(() => api.close());

  it("sends numbered events and ends after the last one", async () => {
    const { headers, text } = await api.call("GET", address);
    expect(headers.get("content-type")).to.contain("text/event-stream");
    expect(text.match(/^id: \d+$/gm)).to.deep.equal(["id: 1", "id: 2", "id: 3"]);
    expect(text).to.contain(
      'event: step\ndata: {"at":"2026-11-21T10:00:00.000Z","name":"up","status":"running"}\n\n',
    );
  });

  it("goes on behind Last-Event-ID", async () => {
    const { text } = await api.call("GET", address, undefined, { headers: { "last-event-id": "2" } });
    expect(text.match(/^id: \d+$/gm)).to.deep.equal(["id: 3"]);
  });

  it("answers a problem for another tenant's operation", async () => {
    await api.tenant("globex");
    const token = await api.key("viewer", "globex");
    const { status, body } = await api.call("GET", address, undefined, { token });
    expect([status, body.code]).to.deep.equal([404, "operation-unknown"]);
  });

  it("lets go of the source when the client leaves", async () => {
    api.operations.eventLog = [event(1, "status", { status: "running" })];
    const client = new AbortController();
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
    const response = await fetch(api.url + address, { headers, signal: client.signal });
    await response.body?.getReader().read();
    client.abort();
    await api.operations.left.promise;
  });

  it("leaves room for others when one tenant opens all it may", async () => {
    api.operations.eventLog = [event(1, "status", { status: "running" })];
    await api.tenant("globex");
    const { body } = await api.call("POST", "/v1/tenants", { id: "third", name: "Third", tier: "shared" });
    const own = `/v1/operations/${body.operation.id as string}/events`;
    const open = async (token: string, streamAddress: string) => {
      const response = await fetch(api.url + streamAddress, {
        headers: { authorization: `Bearer ${token}` },
      });
      return response.status;
    };
    const viewer = await api.key("viewer", "acme");
    const statuses = await Promise.all(Array.from({ length: 33 }, () => open(viewer, address)));
    expect(statuses.filter((status) => status === 200)).to.have.length(32);
    expect(statuses).to.include(429);
    expect(await open(await api.key("viewer", "third"), own)).to.equal(200);
  });

  it("ends when its key is revoked, and no other stream with it", async () => {
    api.operations.eventLog = [event(1, "status", { status: "running" })];
    const { body } = await api.call("POST", "/v1/tenants/acme/keys", { role: "viewer", label: "gone soon" });
    const client = new AbortController();
    const open = (token: string) =>
      fetch(api.url + address, { headers: { authorization: `Bearer ${token}` }, signal: client.signal });
    const [kept, revoked] = [await open(ADMIN_TOKEN), await open(body.key.secret)];
    await api.call("DELETE", `/v1/tenants/acme/keys/${body.key.id}`);
    expect(await revoked.text()).to.contain("id: 1"); // all that it was sent
    const reader = kept.body!.getReader();
    await reader.read();
    const more = reader.read().then(
      () => "ended",
      () => "left by its client",
    );
    client.abort();
    expect(await more).to.equal("left by its client");
  });

  it("ends when the service stops", async () => {
    api.operations.eventLog = [event(1, "status", { status: "running" })];
    const response = await fetch(api.url + address, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    const text = response.text();
    const closing = api.close();
    expect(await text).to.contain("id: 1");
    await closing;
    api = await TestApi.start();
  });

  it("shows, lists, cancels and retries operations", async () => {
    const id = address.split("/")[3] ?? "";
    expect((await api.call("GET", `/v1/operations/${id}`)).body.operation).to.include({ id, tenant: "acme" });
    expect(
      (await api.call("GET", "/v1/operations?tenant=acme&status=queued")).body.operations,
    ).to.have.length(1);
    expect((await api.call("GET", "/v1/operations?status=lost")).status).to.equal(400);
    expect((await api.call("POST", `/v1/operations/${id}/cancel`)).status).to.equal(202);
    expect(
      (await api.call("POST", `/v1/operations/${id}/retry`, { reason: "disk is free again" })).status,
    ).to.equal(202);
    expect(api.operations.requests.at(-1)).to.deep.include({ reason: "disk is free again" });
    expect((await api.call("POST", `/v1/operations/${id}/retry`, { force: true })).status).to.equal(400);
    expect((await api.call("GET", "/v1/operations/nothing")).body.code).to.equal("operation-unknown");
  });
});
