import { expect } from "chai";
import { seed } from "../../support/seed.ts";
import { DataPlane } from "../../support/data-plane/plane.ts";
import { faultRun } from "../../support/data-plane/run.ts";

describe(`a host that is stopped inside its transactions (seed ${seed})`, function () {
  this.timeout(5 * 60_000);
  let plane: DataPlane;
  before(async () => (plane = await DataPlane.start({ onSmallDisk: false })));
  after(() => plane.close());

  it("locks its replacement out for seconds only, and adds nothing when it wakes", async () => {
    const stop = { kind: "zombie in transactions", atMs: 300, lastsMs: 200 } as const;
    const { findings } = await faultRun(plane, seed, [stop]);
    expect(findings).to.deep.equal([]);
  });
});
