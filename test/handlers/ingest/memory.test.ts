import { expect } from "chai";
import { Memory } from "../../../handlers/ingest/memory.ts";

describe("what ingest knows of a cell", () => {
  it("does not grow with every machine that a sender invents", () => {
    const memory = new Memory();
    memory.addMachines(Array.from({ length: 100_000 }, (_, n) => `m-${n}`));
    expect(memory.hasMachine("m-0")).to.equal(true);
    memory.addMachines(["m-new"]);
    expect([memory.hasMachine("m-0"), memory.hasMachine("m-new")]).to.deep.equal([false, true]);
  });
});
