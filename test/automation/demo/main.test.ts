import { expect } from "chai";
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { WireReading } from "../../../model/reading.ts";
import {
  problem,
  recordingServer,
  type Answer,
  type RecordedCall,
  type RecordingServer,
} from "../cli/recording-server.ts";
import { eventually } from "../../support/eventually.ts";

const entry = fileURLToPath(new URL("../../../automation/demo/main.ts", import.meta.url));
const TENANTS = ["demo-foods", "demo-forge", "demo-plastics"];

/** As much of the platform as the demo talks to; it knows its tenants, rules and keys. */
function smallPlatform() {
  const tenants = new Set<string>();
  const rules = new Set<string>();
  let keyCount = 0;
  let isAway = false;
  const answer = ({ method, target, headers, body }: RecordedCall): Answer => {
    const isAdmin = headers.authorization === "Bearer admin";
    if (isAway && !isAdmin) return problem(503, "log-unavailable", "The log is away.", { retryable: true });
    if (method === "POST" && target === "/v1/tenants") {
      const { id } = body as { id: string };
      if (tenants.has(id)) return problem(409, "tenant-exists", "There is one.");
      tenants.add(id);
      return { status: 202, json: {} };
    }
    if (method === "POST" && target.startsWith("/v1/rules")) {
      if (rules.has(target)) return problem(409, "rule-exists", "There is one.");
      rules.add(target);
      return { status: 201, json: {} };
    }
    if (method === "POST" && target.endsWith("/keys")) {
      keyCount += 1;
      return { status: 201, json: { key: { id: `k${keyCount}`, secret: `machine-key-${keyCount}` } } };
    }
    if (method === "GET") {
      const facts = {
        name: "x",
        tier: "shared",
        state: "ready",
        machines: 15,
        createdAt: "2026-11-21T10:00:00Z",
      };
      return { json: { tenant: { id: target.split("/").at(-1), ...facts } } };
    }
    return { status: 202, json: { accepted: 1, rejected: [] } };
  };
  return { answer, tenants, rules, keyCount: () => keyCount, setAway: (away: boolean) => (isAway = away) };
}

describe("the demo", () => {
  let home: string;
  let server: RecordingServer;
  let platform: ReturnType<typeof smallPlatform>;
  let children: ChildProcess[];

  beforeEach(async () => {
    home = await mkdtemp(path.join(tmpdir(), "millwright-demo-"));
    platform = smallPlatform();
    server = await recordingServer(platform.answer);
    children = [];
  });
  afterEach(async () => {
    for (const child of children) child.kill("SIGKILL");
    await server.close();
    await rm(home, { recursive: true });
  });

  const startDemo = () => {
    const env = {
      PATH: "/usr/bin:/bin",
      MILLWRIGHT_URL: server.url,
      MILLWRIGHT_TOKEN: "admin",
      MILLWRIGHT_HOME: home,
    };
    const child = fork(entry, [], { env, stdio: ["ignore", "ignore", "ignore", "ipc"], execArgv: [] });
    children.push(child);
    return child;
  };
  const batches = () =>
    server.calls
      .filter(({ target, headers }) => target === "/v1/data" && headers.authorization !== "Bearer admin")
      .map(({ headers, body }) => ({
        key: headers.authorization,
        ...(body as { batchId?: string; readings: WireReading[] }),
      }));
  const machinesSeen = () =>
    new Set(
      batches().flatMap(({ key, readings }) =>
        readings.flatMap(({ type, machineId }) => (type === "machine" ? [`${key ?? ""} ${machineId}`] : [])),
      ),
    );

  it("makes three tenants with a rule, and reports 45 machines with keys that only it can read", async () => {
    const child = startDemo();
    await eventually("45 machines", () => machinesSeen().size === 45);
    expect([...platform.tenants].sort()).to.deep.equal(TENANTS);
    expect(platform.rules).to.have.property("size", 3);
    const file = path.join(home, "secrets", "demo-keys.json");
    expect((await stat(file)).mode & 0o777).to.equal(0o600);
    expect(Object.keys(JSON.parse(await readFile(file, "utf8")) as object).sort()).to.deep.equal(TENANTS);

    const ended = once(child, "exit");
    child.disconnect(); // what kill -9 of the service does to it
    await ended;
  });

  it("uses tenants, rules and keys again when it is started again", async () => {
    const first = startDemo();
    await eventually("first readings", () => machinesSeen().size === 45);
    first.kill("SIGKILL");
    await once(first, "exit");
    server.calls.length = 0;
    startDemo();
    await eventually("readings after the restart", () => machinesSeen().size === 45);
    expect(platform.keyCount()).to.equal(3);
  });

  it("sends a batch again, as it was, when the platform was away", async () => {
    startDemo();
    await eventually("first readings", () => machinesSeen().size === 45);
    platform.setAway(true);
    server.calls.length = 0;
    const repeated = () => {
      const ids = batches().map(({ batchId }) => batchId);
      return ids.find((id, index) => ids.indexOf(id) !== index);
    };
    const id = await eventually("a repeated batch", repeated);
    platform.setAway(false);
    const sent = batches().filter(({ batchId }) => batchId === id);
    expect(sent[1]).to.deep.equal(sent[0]);
  });
});
