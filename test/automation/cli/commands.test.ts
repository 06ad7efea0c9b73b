import { expect } from "chai";
import { problem, recordingServer, type Answer, type RecordingServer } from "./recording-server.ts";
import { runCli } from "./run-cli.ts";

const tenant = (id: string) => ({
  id,
  name: id.toUpperCase(),
  tier: "shared",
  state: "ready",
  placement: { database: "readings", schema: `tenant_${id}`, epoch: 1 },
  machines: 15,
  budgetUsdPerMonth: null,
  createdAt: "2026-11-21T10:00:00.000Z",
});

const operation = (status: string, more: object = {}) => ({
  operation: {
    id: "op-1",
    kind: "create",
    tenant: "acme",
    status,
    steps: [
      {
        name: "preview",
        status: "succeeded",
        startedAt: "2026-11-21T10:00:00.000Z",
        finishedAt: "2026-11-21T10:00:01.500Z",
      },
      { name: "up", status: "pending", startedAt: null, finishedAt: null },
    ],
    error: null,
    ...more,
  },
});

describe("the command line", () => {
  let server: RecordingServer;
  let routes: Record<string, Answer | (() => Answer)>;

  beforeEach(async () => {
    routes = {};
    server = await recordingServer(({ method, target }) => {
      const route = routes[`${method} ${target}`];
      if (typeof route === "function") return route();
      return route ?? problem(404, "not-found", `There is no ${target}.`);
    });
  });
  afterEach(() => server.close());

  const run = (...args: string[]) => runCli(server.url, args);

  it("creates a tenant with the token, and with a key that makes a repeated call the same operation", async () => {
    let tries = 0;
    routes["POST /v1/tenants"] = () => {
      tries += 1;
      return tries === 1
        ? { raw: (response) => response.destroy() }
        : { status: 202, json: operation("queued") };
    };
    const { exitCode, out } = await run(
      ...["tenant", "create", "acme", "--name", "Acme Corp", "--machines", "15", "--budget", "1500"],
      ...["--contact", "ops@acme.example"],
    );
    expect(exitCode).to.equal(0);
    expect(out).to.contain("Operation op-1 (create) is queued");
    expect(server.calls[1]?.body).to.deep.equal({
      id: "acme",
      name: "Acme Corp",
      tier: "shared",
      machines: 15,
      budgetUsdPerMonth: 1_500,
      contacts: [{ email: "ops@acme.example" }],
    });
    expect(server.calls[1]?.headers.authorization).to.equal("Bearer token-of-the-test");
    const keys = server.calls.map(({ headers }) => headers["idempotency-key"]);
    expect(keys[0]).to.be.a("string").and.to.equal(keys[1]);
  });

  it("lists all tenants, page after page, in aligned columns", async () => {
    routes["GET /v1/tenants"] = { json: { tenants: [tenant("a-long-name")], nextCursor: "x" } };
    routes["GET /v1/tenants?cursor=x"] = { json: { tenants: [tenant("acme")], nextCursor: null } };
    const { out } = await run("tenant", "list");
    expect(out.split("\n").map((line) => line.indexOf("shared") < 0 || line.indexOf("shared"))).to.deep.equal(
      [true, 26, 26],
    );
    const json = JSON.parse((await run("tenant", "list", "--json")).out) as { tenants: { id: string }[] };
    expect(json.tenants.map(({ id }) => id)).to.deep.equal(["a-long-name", "acme"]);
  });

  it("shows what a tenant is called without letting it drive the terminal", async () => {
    routes["GET /v1/tenants/acme"] = { json: { tenant: { ...tenant("acme"), name: "A\u001b[2Jcme" } } };
    expect((await run("tenant", "show", "acme")).out)
      .to.contain("A?[2Jcme")
      .and.to.contain("tenant_acme");
  });

  it("keeps an id inside of its path segment", async () => {
    await run("tenant", "show", "../operations");
    expect(server.calls[0]?.target).to.equal("/v1/tenants/..%2Foperations");
  });

  it("deletes only what is named twice", async () => {
    routes["DELETE /v1/tenants/acme"] = { status: 202, json: operation("queued", { kind: "delete" }) };
    expect((await run("tenant", "delete", "acme")).exitCode).to.equal(2);
    expect(server.calls).to.be.empty;
    expect((await run("tenant", "delete", "acme", "--confirm", "acme")).exitCode).to.equal(0);
    expect(server.calls[0]?.body).to.deep.equal({ confirm: "acme" });
  });

  it("creates a key once, also where no answer comes", async () => {
    routes["POST /v1/tenants/acme/keys"] = { status: 201, json: { key: { id: "k1", secret: "s3cret" } } };
    const { out } = await run("key", "create", "acme", "--role", "machine", "--label", "line 1");
    expect(out).to.contain("s3cret");
    expect(server.calls[0]?.body).to.deep.equal({ role: "machine", label: "line 1" });
    routes["POST /v1/tenants/acme/keys"] = { raw: (response) => response.destroy() };
    const failed = await run("key", "create", "acme", "--label", "line 1");
    expect([failed.exitCode, server.calls.length]).to.deep.equal([1, 2]);
    expect(failed.err).to.contain("(service-unreachable)");
  });

  it("follows an operation over a broken connection to its end", async () => {
    let status = "running";
    let streams = 0;
    routes["GET /v1/operations/op-1"] = () => ({ json: operation(status) });
    routes["GET /v1/operations/op-1/events"] = () => ({
      raw: (response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        streams += 1;
        if (streams === 1) {
          const cut =
            ': heartbeat\n\nid: 1\nevent: step\ndata: {"name":"preview","status":"succeeded"}\n\nid: 2\nev';
          response.write(cut, () => response.destroy());
          return;
        }
        status = "failed";
        response.write('id: 2\nevent: step\ndata: {"name":"up","status":"failed"}\n\n');
        response.end('id: 3\nevent: status\ndata: {"status":"failed"}\n\n');
      },
    });
    const { exitCode, err, out } = await run("operation", "follow", "op-1");
    expect(err.split("\n")).to.deep.equal(["preview: succeeded", "up: failed", "operation: failed"]);
    expect(out)
      .to.match(/preview +succeeded +1\.5/)
      .and.to.contain("operation retry op-1");
    expect(exitCode).to.equal(1);
    const resumed = server.calls.filter(({ target }) => target.endsWith("/events"));
    expect(resumed.map(({ headers }) => headers["last-event-id"])).to.deep.equal([undefined, "1"]);
  });

  it("cancels and retries", async () => {
    for (const verb of ["cancel", "retry"]) {
      routes[`POST /v1/operations/op-1/${verb}`] = { status: 202, json: operation("queued") };
      expect((await run("operation", verb, "op-1")).exitCode, verb).to.equal(0);
    }
  });

  it("says what was wrong, where, and what to do", async () => {
    const errors = [{ pointer: "/id", message: "3-32 characters" }];
    routes["POST /v1/tenants"] = problem(400, "request-invalid", "The request does not match.", { errors });
    const { exitCode, err } = await run("tenant", "create", "ACME", "--machines", "1");
    expect([exitCode, err]).to.deep.equal([
      1,
      "error: The request does not match. (request-invalid)\n  /id: 3-32 characters",
    ]);
    routes["GET /v1/tenants"] = problem(401, "unauthenticated", "The token is not valid.");
    expect((await run("tenant", "list")).err).to.contain("Set MILLWRIGHT_TOKEN");
    const { err: forPrograms } = await run("tenant", "list", "--json");
    expect(JSON.parse(forPrograms)).to.deep.equal({
      error: { code: "unauthenticated", message: "The token is not valid.", errors: [], retryable: false },
    });
  });

  it("does not take any JSON for an answer of the API", async () => {
    routes["GET /v1/tenants"] = { json: { hello: "world" } };
    expect((await run("tenant", "list")).err).to.contain("at 'tenants'");
  });

  for (const args of [["tenant"], ["tenannt", "list"], ["tenant", "create"], ["import", "x.csv"], []]) {
    it(`calls '${args.join(" ")}' a wrong command line`, async () => {
      const { exitCode, err } = await run(...args);
      expect([exitCode, server.calls.length]).to.deep.equal([2, 0]);
      expect(err).to.not.be.empty;
    });
  }

  it("tells its version and helps", async () => {
    expect((await run("--version")).out).to.match(/^\d+\.\d+\.\d+$/);
    const { exitCode, out } = await run("tenant", "create", "--help");
    expect(exitCode).to.equal(0);
    expect(out).to.contain("--machines <count>").and.to.contain("--json");
  });
});
