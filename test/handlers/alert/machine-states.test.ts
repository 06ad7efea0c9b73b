import { expect } from "chai";
import { MachineStates } from "../../../handlers/alert/machine-states.ts";
import { testCatalog } from "../../support/catalog.ts";

describe("the states of machines in memory", () => {
  it("do not grow with every machine that a sender invents", async () => {
    const { catalog } = await testCatalog();
    const client = await catalog.service.connect();
    const states = new MachineStates();
    const invented = Array.from({ length: 10_001 }, (_, n) => `m-${n}`);
    const partition = { topic: "acme.readings.g1", partition: 0 };
    const sizeWith = async (machineIds: readonly string[]) =>
      (await states.of(client, "acme", partition, machineIds)).size;
    expect(await sizeWith(invented)).to.equal(invented.length); // a batch has all that it names
    expect(await sizeWith(["m-1"])).to.equal(1);
    expect(await sizeWith(["m-2"])).to.equal(2);
    client.release();
    await catalog.close();
  });
});
