import { expect } from "chai";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { REPOSITORY } from "../../automation/engine/layout.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/notify-servers.ts";
import { TestPlatform } from "../support/platform.ts";
import { openShell } from "../support/shell.ts";

const YEAR = path.resolve(REPOSITORY, "../shared/data/steel-energy-2018.csv.gz");
const FENCE = "```";

/** The commands of one section, in order. */
function commandsOf(readme: string, section: string): readonly string[] {
  const text = readme.split(`\n## ${section}\n`)[1]?.split("\n## ")[0] ?? "";
  return text
    .split(`${FENCE}sh\n`)
    .slice(1)
    .map((block) => block.split(FENCE)[0]!);
}

describe("the README's tour, word for word", function () {
  this.timeout(900_000);
  let platform: TestPlatform;
  let shell: ReturnType<typeof openShell>;
  before(async () => {
    platform = await (await TestPlatform.inNewHome()).start();
    shell = openShell({ MILLWRIGHT_HOME: platform.home, MILLWRIGHT_URL: platform.url });
  });
  after(async () => {
    await shell.close();
    await platform.remove();
  });

  it("does what it says, from a new tenant to the certificate of its deletion", async () => {
    const readme = await readFile(path.join(REPOSITORY, "README.md"), "utf8");
    const receiverPort = String(await freePort());
    // Only what is another's here is changed: addresses, the home, and the reader's own file.
    const commands = commandsOf(readme, "A tour of five minutes").map((block) =>
      block
        .replaceAll("http://127.0.0.1:8080", platform.url)
        .replaceAll("9099", receiverPort)
        .replaceAll(".millwright/", `${platform.home}/`)
        .replaceAll("FILE.csv.gz", YEAR),
    );
    const step = async (what: RegExp) => {
      const found = commands.filter((block) => what.test(block));
      expect(found, `blocks with ${what.source}`).to.have.length(1);
      return shell.run(found[0]!);
    };

    await step(/^URL=/);
    expect(await step(/cost quote/)).to.match(/^left of the price +1,4\d\d\.\d\d USD/m);
    expect(await step(/v1\/tenants -d/)).to.contain('"status":"queued"');
    const followed = await step(/operation follow/);
    expect(followed)
      .to.match(/^activate +succeeded/m)
      .and.not.match(/failed/);
    await step(/^KEY=/m);
    await step(/createServer/);
    expect(await step(/v1\/data -d/)).to.contain('{"accepted":1,"rejected":[]}');
    await eventually(
      "the alert at the receiver",
      () => /"event":"alert\.raised"/.test(shell.output()),
      10_000,
    );
    await eventually("the reading", async () => /93\.5/.test(await step(/text\/csv/)), 10_000);
    expect(await step(/pulumi -- preview/))
      .to.match(/\d+ unchanged/)
      .and.not.match(/to (create|update|delete)/);
    await step(/tenant move/);
    const { body } = await platform.call("GET", "/v1/tenants/customer-123");
    expect(body.tenant.tier).to.equal("dedicated");
    expect(await step(/tenant rotate/), "in both homes").to.match(/^check-logins +succeeded/m);
    if (existsSync(YEAR)) expect(await step(/millwright import/)).to.match(/35,?040/);
    const { operation } = JSON.parse(await step(/-X DELETE/)) as { operation: { id: string } };
    expect((await platform.ended(operation.id)).status).to.equal("succeeded");
  });
});
