import { expect } from "chai";
import { recordingServer, type RecordingServer } from "./recording-server.ts";
import { runCli } from "./run-cli.ts";

const range = (expected: number) => ({ low: expected / 2, expected, high: 2 * expected });

describe("millwright cost quote", () => {
  let server: RecordingServer;
  before(async () => {
    const quote = {
      ...{ region: "us-east-1", priceBook: "2026-11-20", margin: { usdPerMonth: 1_464.741, part: 0.97649 } },
      ...{ totalUsdPerMonth: range(35.259), marginalUsdPerMonth: range(9.6) },
      shares: [
        { component: "network", usdPerMonth: range(25.659) },
        { component: "archive", usdPerMonth: range(0) },
      ],
      growth: [1, 2, 3, 6, 12].map((month) => ({ month, usdPerMonth: 34 + month / 10 })),
      byTier: { shared: range(35.259), dedicated: range(506.5) },
      gaps: ["On no bill: IoT Core."],
      shortfalls: { shared: "It stores 1,609 GB.", dedicated: null },
      ...{ dedicatedCheaperFromMachines: 1_378, dedicatedNecessaryFrom: null },
    };
    server = await recordingServer(() => ({ json: { quote } }));
  });
  after(() => server.close());

  it("shows what adds up to the total, both tiers, and what is left of a price", async () => {
    const { out, exitCode } = await runCli(server.url, [
      "cost",
      "quote",
      "--machines",
      "15",
      "--price",
      "1500",
    ]);
    expect(server.calls.at(-1)?.body).to.deep.equal({
      tier: "shared",
      machines: 15,
      priceUsdPerMonth: 1_500,
    });
    expect(out).to.match(/what it adds +9\.60 +4\.80 to 19\.20\n/);
    expect(out)
      .to.match(/share: network +25\.66/)
      .and.not.to.match(/archive/);
    expect(out).to.match(/TOTAL +35\.26/);
    expect(out).to.match(/cheaper from +1,378 machines/);
    expect(out).to.match(/needed from +never/);
    expect(out).to.match(
      /in its first year +34\.10 in month 1, 34\.30 in month 3, 34\.60 in month 6, 35\.20 in month 12 USD, as/,
    );
    expect(out)
      .to.match(/no room: shared +It stores 1,609 GB\./)
      .and.not.to.match(/no room: dedicated/);
    expect(out).to.match(/\nOn no bill: IoT Core\.$/);
    expect(out).to.match(/left of the price +1,464\.74 USD, 97\.6 %/);
    expect(exitCode).to.equal(0);
  });

  it("asks for another way in", async () => {
    await runCli(server.url, ["cost", "quote", "--machines", "15", "--entrance", "iot"]);
    expect(server.calls.at(-1)?.body).to.deep.equal({ tier: "shared", machines: 15, entrance: "iot" });
    expect(
      (await runCli(server.url, ["cost", "quote", "--machines", "15", "--entrance", "fax"])).exitCode,
    ).to.equal(2);
  });

  it("takes no machines that are no number", async () => {
    expect((await runCli(server.url, ["cost", "quote", "--machines", "many"])).exitCode).to.equal(2);
  });
});
