import { expect } from "chai";
import { appendFileSync, writeFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import type { WireReading } from "../../../model/reading.ts";
import { problem, recordingServer, type Answer, type RecordingServer } from "./recording-server.ts";
import { runCli } from "./run-cli.ts";

interface Batch {
  readonly batchId: string;
  readonly readings: readonly WireReading[];
}

const map = {
  type: "energy",
  machineId: { column: "meter" },
  time: { columns: ["at"], format: "iso" },
  values: { kwh_interval: { column: "kwh", required: true } },
};
const header = "meter,at,kwh\n";
const stampOf = (index: number) => new Date(Date.UTC(2025, 0, 1) + index * 60_000).toISOString();
const rowsOf = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => `m-1,${stampOf(from + index)},0.1\n`).join("");

describe("millwright import", () => {
  let folder: string;
  let server: RecordingServer;
  let answers: Answer[];
  let onBatch: () => void;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "millwright-import-"));
    answers = [];
    onBatch = () => undefined;
    server = await recordingServer(({ body }) => {
      onBatch();
      const { readings } = body as Batch;
      return answers.shift() ?? { status: 202, json: { accepted: readings.length, rejected: [] } };
    });
    write("map.json", JSON.stringify(map));
  });
  afterEach(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });

  const at = (name: string) => path.join(folder, name);
  const write = (name: string, content: string | Buffer) => writeFileSync(at(name), content);
  const importOf = (name: string, ...more: string[]) =>
    runCli(server.url, ["import", at(name), "--map", at("map.json"), "--tenant", "acme", ...more]);
  const batches = () => server.calls.map(({ body }) => body as Batch);

  it("sends batches of 5,000 as an import of the tenant, in the order of the file", async () => {
    write("a.csv", header + rowsOf(5_001));
    const run = await importOf("a.csv");
    expect(run.exitCode).to.equal(0);
    expect(server.calls.map(({ target }) => target)).to.deep.equal(
      Array(2).fill("/v1/data?tenant=acme&source=import"),
    );
    expect(batches().map(({ readings }) => readings.length)).to.deep.equal([5_000, 1]);
    expect(batches()[1]?.readings[0]?.ts).to.equal(stampOf(5_000));
    expect(run.out).to.match(/accepted +5,001/);
    expect(run.out).to.match(/sum of kwh_interval +500\.1/);
  });

  it("keeps a batch of long texts below what the API takes", async () => {
    write("a.csv", "at,note\n" + `${stampOf(0)},${"x".repeat(4_000)}\n`.repeat(2_500));
    const values = { metadata: { column: "note" } };
    write("map.json", JSON.stringify({ ...map, type: "scan", machineId: { constant: "gate-1" }, values }));
    const run = await importOf("a.csv");
    expect(run.exitCode).to.equal(0);
    const sizes = batches().map((batch) => JSON.stringify(batch).length);
    expect(sizes).to.have.length(3);
    expect(Math.max(...sizes)).to.be.below(8_000_000);
  });

  it("gives a plain and a gzipped file the same batch ids, and another map or file others", async () => {
    write("a.csv", header + rowsOf(2));
    write("same-but-named-otherwise", gzipSync(header + rowsOf(2)));
    write("b.csv", header + rowsOf(2, 1));
    for (const name of ["a.csv", "same-but-named-otherwise", "b.csv"]) await importOf(name);
    write("map.json", JSON.stringify({ ...map, order: "ascending" }));
    await importOf("a.csv");
    const [plain, zipped, otherFile, otherMap] = batches().map(({ batchId }) => batchId);
    expect(zipped).to.equal(plain);
    expect(new Set([plain, otherFile, otherMap])).to.have.property("size", 3);
  });

  it("reports every refused row with its line, and what can be imported after a correction", async () => {
    write(
      "a.csv",
      `${header}m-1,${stampOf(0)},1\nm-1,yesterday,2\n\n"m-2",${stampOf(0)},"3,4"\nm-1,${stampOf(1)}\n`,
    );
    const run = await importOf("a.csv", "--refusals", at("refused.csv"));
    expect(run.exitCode).to.equal(1);
    expect(run.out).to.contain("line 3: 'yesterday' does not match");
    const written = await readFile(at("refused.csv"), "utf8");
    expect(written.split("\n")).to.deep.equal([
      "refused_line,refused_code,refused_message,meter,at,kwh",
      "3,time-unreadable,'yesterday' does not match the format 'iso',m-1,yesterday,2",
      `5,number-unreadable,"kwh: '3,4' is not a number",m-2,${stampOf(0)},"3,4"`,
      `6,row-malformed,has 2 cells where the header has 3,m-1,${stampOf(1)}`,
      "",
    ]);
    write("corrected.csv", written.replace(`m-1,yesterday,2`, `m-1,${stampOf(9)},2`));
    await importOf("corrected.csv");
    expect(
      batches()
        .at(-1)
        ?.readings.map(({ ts }) => ts),
    ).to.deep.equal([stampOf(9)]);
  });

  it("shows the first 20 refusals and says how to get the others", async () => {
    write("a.csv", header + `m-1,never,1\n`.repeat(30));
    const run = await importOf("a.csv");
    expect(run.out.match(/^line /gm)).to.have.length(20);
    expect(run.out).to.contain("and 10 more: run again with --refusals FILE");
    expect(server.calls).to.be.empty;
  });

  it("names the line of a reading that only the platform refused", async () => {
    const rejected = [{ index: 1, code: "time-out-of-range", message: "ts: too late" }];
    answers = [{ status: 202, json: { accepted: 1, rejected } }];
    write("a.csv", `${header}m-1,x,1\n${rowsOf(2)}`);
    const run = await importOf("a.csv", "--json");
    expect(run.exitCode).to.equal(1);
    const { import: report } = JSON.parse(run.out) as { import: Record<string, unknown> };
    expect(report).to.include({ rows: 3, readings: 2, accepted: 1, refused: 2 });
    expect(report["sums"]).to.deep.equal({ kwh_interval: 0.1 });
    expect(report["firstRefusals"]).to.deep.include({
      line: 4,
      code: "time-out-of-range",
      message: "ts: too late",
    });
  });

  it("sends nothing in a dry run", async () => {
    write("a.csv", header + rowsOf(3));
    const run = await importOf("a.csv", "--dry-run");
    expect([run.exitCode, server.calls.length]).to.deep.equal([0, 0]);
    expect(run.out).to.match(/sum of kwh_interval +0\.3/);
  });

  it("tries the same batch again while the platform is overloaded or away", async () => {
    answers = [
      problem(429, "too-many-requests", "Too many calls.", { retryable: true }),
      { status: 503, headers: { "retry-after": "7" } },
      { raw: (response) => response.destroy() },
    ];
    write("a.csv", header + rowsOf(1));
    const run = await importOf("a.csv");
    expect(run.exitCode).to.equal(0);
    expect(new Set(server.calls.map(({ bodyHash }) => bodyHash))).to.have.property("size", 1);
    expect(run.waitsMs).to.deep.equal([250, 7_000, 1_000]);
  });

  it("stops at once at an error that another try does not mend", async () => {
    answers = [problem(404, "tenant-unknown", "There is no tenant 'acme'.")];
    write("a.csv", header + rowsOf(1));
    const run = await importOf("a.csv");
    expect([run.exitCode, server.calls.length]).to.deep.equal([1, 1]);
    expect(run.err).to.contain("There is no tenant 'acme'. (tenant-unknown)");
  });

  it("can be interrupted, and sends the same ids when it is run again", async () => {
    const interrupted = new AbortController();
    onBatch = () => server.calls.length === 2 && interrupted.abort();
    write("a.csv", header + rowsOf(15_000));
    const args = ["import", at("a.csv"), "--map", at("map.json"), "--tenant", "acme"];
    const run = await runCli(server.url, args, interrupted.signal);
    expect(run.exitCode).to.equal(130);
    expect(run.err).to.contain("Stopped after 5,000 readings. The same command within 24 hours goes on");
    const sent = batches().map(({ batchId }) => batchId);
    onBatch = () => undefined;
    server.calls.length = 0;
    await importOf("a.csv");
    expect(
      batches()
        .map(({ batchId }) => batchId)
        .slice(0, 2),
    ).to.deep.equal(sent);
  });

  for (const [what, content, message] of [
    ["an empty file", "", "it is empty"],
    ["a header that lacks a column", "meter,time,kwh\n", "whose columns are: meter, time, kwh"],
    ["a gzip file that ends too early", gzipSync(header + rowsOf(9_000)).subarray(0, -40), "ends too early"],
    [
      "a quote that is never closed",
      header + rowsOf(6_000) + `"${"m-1,x,1\n".repeat(200_000)}`,
      "after line 6001",
    ],
  ] as const) {
    it(`refuses ${what} before anything is sent`, async () => {
      write("a.csv", content);
      const run = await importOf("a.csv");
      expect([run.exitCode, server.calls.length]).to.deep.equal([1, 0]);
      expect(run.err).to.contain(message);
    });
  }

  it("says which file is missing", async () => {
    const run = await importOf("nowhere.csv");
    expect(run.err).to.contain("nowhere.csv: there is no such file. (import-file-unreadable)");
  });

  it("stops when somebody writes to the file meanwhile", async () => {
    write("a.csv", header + rowsOf(10_001));
    onBatch = () => appendFileSync(at("a.csv"), rowsOf(1, 20_000));
    const run = await importOf("a.csv");
    expect(run.exitCode).to.equal(1);
    expect(run.err).to.contain("it changed while it was read");
    expect(server.calls).to.have.length(1);
  });

  for (const [what, content, message] of [
    ["a wrong key", JSON.stringify({ ...map, typ: 1 }), 'Unrecognized key: "typ"'],
    ["broken YAML", "type: [", "is neither YAML nor JSON"],
  ] as const) {
    it(`refuses a map with ${what}`, async () => {
      write("map.json", content);
      write("a.csv", header);
      const run = await importOf("a.csv");
      expect([run.exitCode, server.calls.length]).to.deep.equal([1, 0]);
      expect(run.err).to.contain(message).and.to.contain("docs/import.md");
    });
  }
});
