import { expect } from "chai";
import { glob, readFile } from "node:fs/promises";
import { runbook, runbookLink } from "../../automation/runbook.ts";
import { problemTitle } from "../../automation/http/problem.ts";
import { MOVE_REFUSALS } from "../../model/move-gate.ts";

/** All that a move is made of: what these throw is what it can end in. */
const MOVE = [
  "automation/moves/*.ts",
  "automation/operations/steps/{series,stack}.ts",
  "automation/operations/steps/move/*.ts",
  "automation/engine/*.ts",
  "data/cell/**/*.ts",
  "data/catalog/{cell,flip,ownership,shadow,tenant-move}.ts",
  "data/event-log/**/*.ts",
];
/** Of the log's entrance, and of reading and writing through the API. */
const NOT_OF_MOVES = new Set(["body-too-large", "engine-too-old", "position-taken", "tenant-fenced"]);

/** The codes of all errors that the files make. */
async function codesOf(patterns: readonly string[]): Promise<Set<string>> {
  const codes = new Set<string>();
  for await (const file of glob([...patterns])) {
    const text = await readFile(file, "utf8");
    for (const [, code] of text.matchAll(/new MillwrightError\(\s*"([a-z-]+)"/g)) codes.add(code!);
  }
  return codes;
}

describe("the runbook of moves", () => {
  it("has a part for every error that a move can end in and for every reason to refuse one", async () => {
    const codes = await codesOf(MOVE);
    expect(codes).to.include.all.keys("copy-differs", "flip-aborted", "engine-failed", "operation-fenced");
    const needed = [...codes, ...MOVE_REFUSALS, "internal"].filter((code) => !NOT_OF_MOVES.has(code));
    expect(needed.filter((code) => !runbook().has(code))).to.deep.equal([]);
  });

  it("has no part for an error that there is not, and none that is empty", () => {
    const refusals: ReadonlySet<string> = new Set(MOVE_REFUSALS);
    for (const [code, text] of runbook()) {
      expect(problemTitle(code) !== undefined || refusals.has(code), code).to.equal(true);
      expect(text.length, code).to.be.greaterThan(40);
      expect(text, code).to.not.include("\n#");
    }
  });

  it("names only commands that there are", async () => {
    const text = await readFile("docs/runbooks/moves.md", "utf8");
    const program = (
      await Promise.all(
        (await Array.fromAsync(glob("automation/cli/*.ts"))).map((file) => readFile(file, "utf8")),
      )
    ).join("\n");
    const named = [...text.matchAll(/npx millwright (?:\w+ )?([a-z-]+)/g)].map(([, command]) => command!);
    expect(named.length).to.be.greaterThan(10);
    expect([...new Set(named)].filter((command) => !program.includes(`"${command}`))).to.deep.equal([]);
  });

  it("is linked by the code alone, as an editor or a browser finds the heading", () => {
    expect(runbookLink("flip-aborted")).to.equal("docs/runbooks/moves.md#flip-aborted");
    expect(runbookLink("request-invalid")).to.equal(undefined);
  });
});
