import { expect } from "chai";
import { demoPlants } from "../../automation/demo/plants.ts";
import { MACHINE_STATES, OVERHEATED_C } from "../../model/machine-simulation.ts";
import { decodeReading, isRefusal } from "../../model/decode-reading.ts";
import type { WireReading } from "../../model/reading.ts";
import {
  advanceSite,
  siteReadings,
  startSite,
  type Measured,
  type SiteProfile,
} from "../../model/site-simulation.ts";

const startMs = Date.UTC(2026, 10, 23, 10); // a Monday morning

/** Eight hours of one plant of the demo, a moment each second. */
function workday() {
  const [plant] = demoPlants(1);
  const { site } = plant!;
  let condition = startSite(site, startMs, 7);
  const moments: Measured[][] = [];
  for (let second = 1; second <= 8 * 3_600; second += 1) {
    condition = advanceSite(site, condition, startMs + second * 1_000);
    moments.push(siteReadings(site, condition));
  }
  return { site, moments };
}

describe("the simulated plant", () => {
  let site: SiteProfile;
  let moments: Measured[][];
  let readings: WireReading[];
  before(() => {
    ({ site, moments } = workday());
    readings = moments.flat().map(({ reading }) => reading);
  });
  const numbers = (type: WireReading["type"], metric: string) =>
    readings.filter((reading) => reading.type === type).map(({ values }) => values[metric] as number);

  it("reports each machine each second, and meter and air every ten", () => {
    const countOf = (id: string) => readings.filter(({ machineId }) => machineId === id).length;
    for (const { machineId } of site.machines) expect(countOf(machineId), machineId).to.equal(28_800);
    expect([countOf(site.meterId), countOf(site.airSensorId)]).to.deep.equal([2_880, 2_880]);
  });

  it("reports only what the platform accepts", () => {
    const refused = readings
      .filter((_, index) => index % 97 === 0)
      .map((one) => decodeReading(one, startMs + 9 * 3_600_000));
    expect(refused.filter(isRefusal)).to.deep.equal([]);
  });

  it("lives through every state but the night's, overheats and recovers", () => {
    const states = new Set(readings.flatMap(({ values }) => (values["state"] as string | undefined) ?? []));
    expect([...states].sort()).to.deep.equal(
      MACHINE_STATES.filter((state) => state !== "offline").toSorted(),
    );
    const hot = numbers("machine", "temperature_c").filter((celsius) => celsius > OVERHEATED_C);
    expect(hot).to.have.length.within(100, 28_800); // episodes of some minutes, not a plant on fire
  });

  it("lets the meter of the supply only rise", () => {
    const kwh = numbers("energy", "kwh_cumulative");
    expect(kwh.every((value, index) => index === 0 || value >= kwh[index - 1]!)).to.equal(true);
    const hourly = (kwh.at(-1)! - kwh[0]!) / 8;
    expect(hourly).to.be.within(100, 700); // 15 presses of 45 kW, not all at once
  });

  it("loses the link of single machines for minutes", () => {
    const late = moments.flat().filter(({ isLinkUp }) => !isLinkUp).length;
    expect(late).to.be.within(100, readings.length / 20);
  });

  it("starts again with a meter that is no lower", () => {
    const lastMs = startMs + 8 * 3_600_000;
    expect(startSite(site, lastMs, 99).kwh).to.be.at.least(numbers("energy", "kwh_cumulative").at(-1)!);
  });
});
