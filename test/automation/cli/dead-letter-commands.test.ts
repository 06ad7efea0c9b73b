import { expect } from "chai";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { problem, recordingServer, type Answer, type RecordingServer } from "./recording-server.ts";
import { runCli } from "./run-cli.ts";

const LETTER = {
  id: "1.0.42.3",
  ...{
    state: "open",
    reason: "time-out-of-range",
    message: "ts: 1970",
    appendedAt: "2026-11-21T10:00:00.000Z",
  },
  ...{ bytes: 90, isTruncated: false, handledAt: null, handledBy: null },
};

describe("millwright dead-letters", () => {
  let server: RecordingServer;
  let answers: Record<string, Answer[]>;
  let folder: string;
  before(async () => (folder = await mkdtemp(path.join(tmpdir(), "millwright-letters-"))));
  after(() => rm(folder, { recursive: true }));
  beforeEach(async () => {
    answers = {};
    server = await recordingServer(
      ({ method, target }) =>
        answers[`${method} ${target}`]?.shift() ?? problem(404, "not-found", `There is no ${target}.`),
    );
  });
  afterEach(() => server.close());
  const run = (...args: string[]) => runCli(server.url, ["dead-letters", ...args]);

  it("lists, counts and shows them", async () => {
    answers = {
      "GET /v1/data/dead-letters?tenant=acme&reason=time-out-of-range&state=open&limit=50": [
        { json: { deadLetters: [LETTER], nextCursor: null } },
      ],
      "GET /v1/data/dead-letters/summary": [
        { json: { counts: [{ reason: "reading-invalid", open: 7, replayed: 1, discarded: 0, removed: 2 }] } },
      ],
      "GET /v1/data/dead-letters/1.0.42.3": [
        { json: { deadLetter: { ...LETTER, raw: '{"ts":"1970"}\u001b[2J', encoding: "utf8" } } },
      ],
    };
    const listed = await run("list", "--tenant", "acme", "--reason", "time-out-of-range", "--state", "open");
    expect(listed.out).to.match(/^ID .*\n1\.0\.42\.3 +open +time-out-of-range/);
    expect((await run("summary")).out).to.match(/reading-invalid +7 +1 +0 +2/);
    const shown = await run("show", "1.0.42.3");
    expect(shown.out).to.contain('{"ts":"1970"}?[2J'); // what came from outside drives no terminal
  });

  it("says how the tenant is named on a command line", async () => {
    answers["GET /v1/data/dead-letters/summary"] = [
      problem(400, "tenant-required", "This token is not of one tenant: name it with ?tenant=ID."),
    ];
    expect((await run("summary")).err).to.contain("--tenant ID");
  });

  it("replays letters by id, and exits 1 when some stay", async () => {
    const refused = [{ id: "1.0.1", code: "record-undecodable", message: "send its readings along" }];
    answers["POST /v1/data/dead-letters/replay"] = [{ status: 202, json: { replayed: 1, refused } }];
    const { exitCode, out } = await run("replay", "1.0.42.3", "1.0.1");
    expect([exitCode, out.split("\n")]).to.deep.equal([
      1,
      ["1 replayed, 1 stay", "1.0.1: record-undecodable: send its readings along"],
    ]);
    expect(server.calls[0]?.body).to.deep.equal({ letters: [{ id: "1.0.42.3" }, { id: "1.0.1" }] });
  });

  it("replays a letter with the readings of a file", async () => {
    const file = path.join(folder, "readings.json");
    await writeFile(file, '[{"machineId":"m-1"}]');
    answers["POST /v1/data/dead-letters/replay"] = [{ status: 202, json: { replayed: 1, refused: [] } }];
    expect((await run("replay", "1.0.1", "--readings", file)).exitCode).to.equal(0);
    expect(server.calls[0]?.body).to.deep.equal({
      letters: [{ id: "1.0.1", readings: [{ machineId: "m-1" }] }],
    });
    for (const args of [
      ["1.0.1", "1.0.2", "--readings", file],
      ["1.0.1", "--readings", `${file}.none`],
    ])
      expect((await run("replay", ...args)).exitCode).to.equal(1);
    expect(server.calls).to.have.length(1);
  });

  it("replays what matches call after call, and a call whose answer was lost again", async () => {
    answers["POST /v1/data/dead-letters/replay?tenant=acme"] = [
      { status: 202, json: { replayed: 1_000, refused: [], nextCursor: "1000" } },
      { raw: (response) => response.destroy() },
      { status: 202, json: { replayed: 5, refused: [], nextCursor: null } },
    ];
    expect((await run("replay", "--tenant", "acme", "--all")).out).to.equal("1005 replayed, 0 stay");
    const [first, ...others] = server.calls.map(({ body }) => body);
    expect(first).to.deep.equal({ filter: {} });
    expect(others).to.deep.equal(Array(2).fill({ filter: {}, cursor: "1000" }));
  });

  it("discards by id or filter, and all only when that is said", async () => {
    const discarded: Answer = { json: { discarded: 1 } };
    answers["POST /v1/data/dead-letters/discard"] = [discarded, discarded, discarded];
    expect(await run("discard", "1.0.1")).to.deep.include({ out: "1 discarded", exitCode: 0 });
    const { out, exitCode } = await run("discard", "1.0.1", "1.0.9");
    expect(out).to.equal("1 discarded; 1 of those that you named is not open");
    expect(exitCode).to.equal(1);
    await run("discard", "--reason", "reading-invalid", "--from", "2026-11-21T10:00:00Z");
    expect(server.calls.map(({ body }) => body)).to.deep.equal([
      { ids: ["1.0.1"] },
      { ids: ["1.0.1", "1.0.9"] },
      { filter: { reason: "reading-invalid", from: "2026-11-21T10:00:00Z" } },
    ]);
    for (const verb of ["discard", "replay"]) {
      const refused = await run(verb);
      expect([refused.exitCode, refused.err]).to.deep.equal([
        1,
        "error: Name ids, or --reason, --from or --all. (request-invalid)",
      ]);
    }
  });
});
