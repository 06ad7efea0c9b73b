import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import type { EngineEvent } from "../../automation/engine/engine.ts";
import { MillwrightError } from "../../model/errors.ts";
import { awsStacks, type AwsStacks } from "../support/aws-stacks.ts";
import { LATER } from "../support/gate-program.ts";
import { FACTS, type Planned } from "../support/planned-stack.ts";

const TODAY = new Date().toISOString().slice(0, 10);
const volume = (size: unknown, type = "gp3"): Planned => ({
  ...{ type: "aws:ebs/volume:Volume", name: "disk" },
  props: { availabilityZone: "us-east-1a", type, size },
});

describe("the policy pack under the real engine (test plugin)", function () {
  this.timeout(300_000);
  let stacks: AwsStacks;

  before(async function () {
    this.timeout(900_000); // the engine may have to be built first
    const programModule = fileURLToPath(new URL("../support/gate-program.ts", import.meta.url));
    stacks = await awsStacks({ programModule });
  });
  after(() => stacks.remove());

  let stackNumber = 0;
  /** Previews a new stack: what is said of it, and why it is refused where it is. */
  const preview = async (
    facts: object | undefined,
    resources: readonly Planned[],
    pack = stacks.policyPackDir,
  ) => {
    const events: EngineEvent[] = [];
    const session = await stacks.engineOf(pack).open({
      stack: `tenant-gated-${++stackNumber}`,
      config: {
        "millwright:resources": JSON.stringify(resources),
        ...(facts === undefined ? {} : { "millwright:facts": JSON.stringify({ ...FACTS, ...facts }) }),
      },
      fencingToken: 1n,
      onEvent: (event) => events.push(event),
    });
    try {
      const refusal: unknown = await session.preview().then(
        () => undefined,
        (error: unknown) => error,
      );
      if (refusal !== undefined && !(refusal instanceof MillwrightError)) throw refusal as Error;
      return { code: refusal?.code, text: JSON.stringify([refusal?.message, refusal?.fields]), events };
    } finally {
      await session.close();
    }
  };

  it("takes what costs less than the budget, where the size is known", async () => {
    const { code } = await preview({ environmentBudgetUsdPerMonth: 9.01 }, [volume(100)]);
    expect(code).to.equal(undefined);
  });

  it("refuses a cent too much", async () => {
    const { code, text } = await preview({ environmentBudgetUsdPerMonth: 8.99 }, [volume(100)]);
    expect(code).to.equal("policy-refused");
    expect(text).to.match(/policies\/environment-budget.*\$9\.00 a month/);
  });

  it("takes a size that is not known yet for the largest, and development is told of it", async () => {
    const development = { preset: "development", environmentBudgetUsdPerMonth: 5_243 };
    const { code, text, events } = await preview(development, [volume(LATER)]);
    expect(code).to.equal("policy-refused");
    expect(text).to.match(/policies\/environment-budget.*\$5,243\.88/);
    const told = events.filter(({ kind }) => kind === "policy").map(({ message }) => message);
    expect(told.join()).to.match(/advice: disk: .*volume-sizes: It cannot be decided/s);
  });

  it("refuses what has no price, and names it", async () => {
    const { code, text } = await preview({}, [volume(100, "st1")]);
    expect(code).to.equal("policy-refused");
    expect(text).to.match(/no price 'ebs\/st1-storage', which Volume disk needs/);
  });

  it("counts an exception until its last day", async () => {
    const mine = {
      policy: "volume-sizes",
      resource: "disk",
      owner: "a@example.com",
      reason: "a restore of all",
    };
    const taken = await preview({ exceptions: [{ ...mine, until: TODAY }] }, [volume(9_000)]);
    expect(taken.code, taken.text).to.equal(undefined);
    expect(taken.events.map(({ message }) => message).join()).to.match(/Excepted until .* by a@example\.com/);

    const late = await preview({ exceptions: [{ ...mine, until: "2026-01-31" }] }, [volume(9_000)]);
    expect(late.code).to.equal("policy-refused");
    expect(late.text).to.match(/volume-sizes.*of a@example\.com ended on 2026-01-31/);
  });

  it("refuses a stack that says nothing of its environment", async () => {
    const { code, text } = await preview(undefined, [volume(100)]);
    expect(code).to.equal("policy-refused");
    expect(text).to.match(/policies\/policy-facts/);
  });

  for (const [what, source] of [
    ["cannot be loaded", `throw new Error("the pack is broken");`],
    [
      "fails while it looks at the stack",
      `const { PolicyPack } = require("@pulumi/policy");
       new PolicyPack("broken", { policies: [{ name: "broken", description: "broken", enforcementLevel: "mandatory",
         validateStack: () => { throw new Error("the pack is broken"); } }] });`,
    ],
  ] as const)
    it(`previews nothing with a pack that ${what}`, async () => {
      const broken = await mkdtemp(`${stacks.policyPackDir}-broken-`);
      try {
        for (const name of ["PulumiPolicy.yaml", "package.json"])
          await copyFile(path.join(stacks.policyPackDir, name), path.join(broken, name));
        await writeFile(path.join(broken, "index.cjs"), source);
        const { code, text } = await preview({}, [volume(100)], broken);
        expect(code, text).to.equal("engine-failed");
      } finally {
        await rm(broken, { recursive: true, force: true });
      }
    });
});
