import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect } from "chai";
import {
  machineEntrance,
  revokeMachines,
  type MachineEntrance,
} from "../../../automation/machines/machine-entrance.ts";
import { machineEntranceNames } from "../../../components/aws/names.ts";
import { askAws, type AwsAccount } from "../../../data/aws/ask-aws.ts";
import { MachineAuthority } from "../../../data/aws/machine-authority.ts";
import { MillwrightError } from "../../../model/errors.ts";
import { tenantId, type TenantId } from "../../../model/tenant.ts";
import { TestApi, type Answer } from "../../support/api.ts";
import { motoServer } from "../../support/notify-servers.ts";

const PLACE = {
  environment: "test",
  machines: { endpoint: "abc-ats.iot.eu-central-1.amazonaws.com", entrance: "iot" as const },
};

/** As a machine makes it; its private key is thrown away. */
async function newRequest(machineId: string): Promise<string> {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "/dev/null"];
  const { stdout } = await promisify(execFile)("openssl", [
    "req",
    "-new",
    ...key,
    "-subj",
    `/CN=${machineId}`,
  ]);
  return stdout;
}
const codeOf = ({ status, body }: Answer) => [status, body.code];

describe("certificates of machines (IoT Core of moto)", function () {
  this.timeout(300_000); // the first time moto is installed
  let moto: Awaited<ReturnType<typeof motoServer>>;
  let account: AwsAccount;
  let entrance: MachineEntrance;
  let api: TestApi;

  before(async function () {
    moto = await motoServer(this);
    account = {
      ...{ region: "eu-central-1", endpoint: moto.url },
      credentials: () =>
        Promise.resolve({ accessKeyId: "testing", secretAccessKey: "testing", sessionToken: undefined }),
    };
    entrance = machineEntrance(new MachineAuthority(account), PLACE);
    api = await TestApi.start({ machineEntrance: entrance });
    for (const id of ["acme", "globex", "leaving"]) {
      const tenant = await api.tenant(id);
      await iot("POST", `/thing-groups/${machineEntranceNames({ environment: "test", tenant }).group}`);
    }
  });
  after(async () => {
    await api.close();
    await moto.close();
  });

  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers of every shape
  async function iot(method: string, path: string): Promise<any> {
    const unanswered = (reason: string) => new MillwrightError("internal", `${method} ${path}: ${reason}`);
    const found = await askAws(account, { service: "iot", method, path, headers: {}, body: "", unanswered });
    return found.refusal ?? found.answer;
  }
  const statusOf = async (id: string): Promise<unknown> => {
    const found = await iot("GET", `/certificates/${id}`);
    return found.certificateDescription?.status ?? found;
  };
  const principalsOf = async (thing: string): Promise<readonly string[]> =>
    (await iot("GET", `/things/${encodeURIComponent(thing)}/principals`)).principals;
  const make = (machineId: string, request: string, tenant = "acme") =>
    api.call("POST", `/v1/machines/${machineId}/certificates?tenant=${tenant}`, { request });
  const list = async (machineId: string) =>
    (await api.call("GET", `/v1/machines/${machineId}/certificates?tenant=acme`)).body.certificates as {
      id: string;
      revokedAt: string | null;
    }[];
  const revoke = (machineId: string, id: string, tenant = "acme") =>
    api.call("DELETE", `/v1/machines/${machineId}/certificates/${id}?tenant=${tenant}`);

  it("are made of a machine's request: its thing, in the tenant's group, with an active certificate", async () => {
    const { status, body } = await make("m-001", await newRequest("m-001"));
    expect(status, JSON.stringify(body)).to.equal(201);
    const { certificate, connection } = body;
    expect(certificate.pem).to.match(/^-----BEGIN CERTIFICATE-----/);
    const rule = "$aws/rules/millwright_test_acme_machines";
    expect(connection).to.deep.equal({
      url: "mqtts://abc-ats.iot.eu-central-1.amazonaws.com:8883",
      rootCaUrl: "https://www.amazontrust.com/repository/AmazonRootCA1.pem",
      clientId: "millwright-test:acme:1:m-001",
      topics: { telemetry: `${rule}/sensors/m-001/telemetry`, scan: `${rule}/events/m-001/scan` },
    });
    expect(await statusOf(certificate.id)).to.equal("ACTIVE");
    const thing = await iot("GET", `/things/${encodeURIComponent(connection.clientId)}`);
    expect(thing.attributes).to.deep.equal({ machine: "m-001" });
    expect(await principalsOf(connection.clientId)).to.have.length(1);
    const { things } = await iot("GET", "/thing-groups/millwright-test-acme-machines/things");
    expect(things).to.include(connection.clientId);
  });

  it("are the same for the same request, however often and at once it comes, and audited once", async () => {
    const request = await newRequest("m-002");
    const answers = await Promise.all([1, 2, 3].map(() => make("m-002", request)));
    answers.push(await make("m-002", request.replaceAll("\n", "\r\n")));
    expect(answers.map(({ status }) => status)).to.deep.equal([201, 201, 201, 201]);
    const ids = new Set(answers.map(({ body }) => body.certificate.id as string));
    expect(ids.size).to.equal(1);
    expect(await principalsOf("millwright-test:acme:1:m-002")).to.have.length(1);
    const { body } = await api.call("GET", "/v1/audit?tenant=acme");
    const entries = (body.entries as { action: string; subject: string }[]).filter(({ subject }) =>
      ids.has(subject),
    );
    expect(entries.map(({ action }) => action)).to.deep.equal(["certificate.create"]);
  });

  it("are two of one machine at most, until one is revoked", async () => {
    const requests = await Promise.all([1, 2, 3].map(() => newRequest("m-003")));
    const answers = await Promise.all(requests.map((request) => make("m-003", request)));
    const refused = answers.findIndex(({ status }) => status !== 201);
    expect(codeOf(answers[refused]!)).to.deep.equal([409, "limit-reached"]);
    const [first] = await list("m-003");
    expect(await list("m-003")).to.have.length(2);
    expect((await revoke("m-003", first!.id)).status).to.equal(204);
    expect((await make("m-003", requests[refused]!)).status).to.equal(201);
    expect(await list("m-003")).to.have.length(3);
  });

  it("are revoked for good: gone from IoT Core, still in the list, and not made again of the same request", async () => {
    const request = await newRequest("m-004");
    const { id } = (await make("m-004", request)).body.certificate;
    expect((await revoke("m-004", id)).status).to.equal(204);
    expect(await statusOf(id)).to.equal("ResourceNotFoundException");
    expect(await principalsOf("millwright-test:acme:1:m-004")).to.deep.equal([]);
    expect((await list("m-004"))[0])
      .to.deep.include({ id })
      .and.to.have.property("revokedAt")
      .not.equal(null);
    expect((await revoke("m-004", id)).status, "again").to.equal(204);
    expect(codeOf(await make("m-004", request))).to.deep.equal([422, "certificate-refused"]);
    const { body } = await api.call("GET", "/v1/audit?tenant=acme");
    const revocations = (body.entries as { action: string; subject: string }[]).filter(
      ({ action, subject }) => action === "certificate.revoke" && subject === id,
    );
    expect(revocations).to.have.length(1);
  });

  it("that were cut off before they were let in are let in by the next call", async () => {
    let isAway = true;
    const { authority } = entrance;
    const flaky: MachineEntrance["authority"] = {
      sign: (request) => authority.sign(request),
      revoke: (thing, certificate) => authority.revoke(thing, certificate),
      forget: (thing) => authority.forget(thing),
      admit: (thing, certificate) =>
        isAway
          ? Promise.reject(new MillwrightError("entrance-unavailable", "Away.", { retryable: true }))
          : authority.admit(thing, certificate),
    };
    const other = await TestApi.start({ machineEntrance: machineEntrance(flaky, PLACE) });
    try {
      await other.tenant("acme");
      const address = "/v1/machines/m-005/certificates?tenant=acme";
      const request = await newRequest("m-005");
      expect(codeOf(await other.call("POST", address, { request }))).to.deep.equal([
        503,
        "entrance-unavailable",
      ]);
      const [listed] = (await other.call("GET", address)).body.certificates as { id: string }[];
      expect(await statusOf(listed!.id)).to.equal("INACTIVE");
      isAway = false;
      const { status, body } = await other.call("POST", address, { request });
      expect([status, body.certificate.id]).to.deep.equal([201, listed!.id]);
      expect(await statusOf(listed!.id)).to.equal("ACTIVE");
    } finally {
      await other.close();
    }
  });

  it("that were revoked while they were let in stay out", async () => {
    const { authority, placeOf } = entrance;
    const { thing } = placeOf(tenantId.parse("acme"), 1, "m-006");
    const signed = await authority.sign(await newRequest("m-006"));
    await authority.revoke(thing, signed);
    const error = await authority.admit(thing, signed).catch((reason: unknown) => reason);
    expect(error).to.have.property("code", "certificate-unknown");
    expect(await principalsOf(thing.name)).to.deep.equal([]);
  });

  it("belong to whoever may make keys, and to no other tenant", async () => {
    const request = await newRequest("m-007");
    const { id } = (await make("m-007", request)).body.certificate;
    const as = async (role: "operator" | "viewer" | "tenant-admin", tenant: string) => ({
      token: await api.key(role, tenant),
    });
    const address = "/v1/machines/m-007/certificates";
    const operator = await as("operator", "acme");
    expect(codeOf(await api.call("POST", address, { request }, operator))).to.deep.equal([403, "forbidden"]);
    expect(codeOf(await api.call("DELETE", `${address}/${id}`, undefined, operator))[0]).to.equal(403);
    expect(
      (await api.call("GET", address, undefined, await as("viewer", "acme"))).body.certificates,
    ).to.have.length(1);
    const stranger = await as("tenant-admin", "globex");
    expect(codeOf(await api.call("DELETE", `${address}/${id}`, undefined, stranger))).to.deep.equal([
      404,
      "certificate-unknown",
    ]);
    expect((await api.call("GET", address, undefined, stranger)).body.certificates).to.deep.equal([]);
    expect(await statusOf(id)).to.equal("ACTIVE");
    expect(codeOf(await revoke("m-008", id)), "of another machine").to.deep.equal([
      404,
      "certificate-unknown",
    ]);
  });

  it("are made of one request and nothing else", async () => {
    const request = await newRequest("m-009");
    const key = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMG\n-----END PRIVATE KEY-----\n";
    for (const wrong of [key, key + request, request + request, "", "x".repeat(5_000)])
      expect(codeOf(await make("m-009", wrong))).to.deep.equal([400, "request-invalid"]);
    expect(codeOf(await make("hall%2Fm-009", request))).to.deep.equal([400, "request-invalid"]);
    expect(await list("m-009")).to.deep.equal([]);
  });

  it("go with their tenant, who gets no new ones while it goes", async () => {
    const leaving = tenantId.parse("leaving");
    const ids: string[] = [];
    for (const machineId of ["m-1", "m-2"])
      ids.push((await make(machineId, await newRequest(machineId), leaving)).body.certificate.id as string);
    const kept = (await make("m-010", await newRequest("m-010"))).body.certificate.id as string;
    await api.catalog.service.query("update tenant set state = 'deleting' where tenant = $1", [leaving]);
    expect(codeOf(await make("m-3", await newRequest("m-3"), leaving))).to.deep.equal([
      409,
      "tenant-not-ready",
    ]);

    const revoked = (tenant: TenantId) => revokeMachines(entrance, api.catalog.service, tenant);
    await revoked(leaving);
    await revoked(leaving);
    for (const id of ids) expect(await statusOf(id)).to.equal("ResourceNotFoundException");
    expect(await iot("GET", "/things/millwright-test%3Aleaving%3A1%3Am-1")).to.equal(
      "ResourceNotFoundException",
    );
    expect(await statusOf(kept)).to.equal("ACTIVE");
  });

  it("are refused where machines sign in otherwise", async () => {
    const local = await TestApi.start();
    try {
      await local.tenant("acme");
      const answer = await local.call("POST", "/v1/machines/m-001/certificates?tenant=acme", {
        request: await newRequest("m-001"),
      });
      expect(codeOf(answer)).to.deep.equal([409, "certificates-unavailable"]);
      expect(answer.body.detail).to.include("role machine");
    } finally {
      await local.close();
    }
  });
});
