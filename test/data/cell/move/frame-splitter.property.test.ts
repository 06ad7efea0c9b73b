import { expect } from "chai";
import fc from "fast-check";
import { FrameSplitter } from "../../../../data/cell/move/frame-splitter.ts";

const frame = (kind: string, body: Uint8Array): Buffer => {
  const header = Buffer.alloc(5, kind);
  header.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
};

describe("telling COPY data from other messages", () => {
  it("brings both out whole and in order, wherever the stream is cut", () => {
    const frames = fc.array(
      fc.tuple(fc.constantFrom("d", "d", "d", "N", "C"), fc.uint8Array({ maxLength: 40 })),
    );
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (sent, lengths) => {
        const stream = Buffer.concat(sent.map(([kind, body]) => frame(kind, body)));
        const splitter = new FrameSplitter();
        const got = { data: [] as Buffer[], others: [] as Buffer[] };
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const length = lengths[turn % lengths.length]!;
          const { data, others } = splitter.split(stream.subarray(at, at + length));
          got.data.push(...data);
          got.others.push(...others);
          at += length;
        }
        const of = (isData: boolean) =>
          Buffer.concat(
            sent.filter(([kind]) => (kind === "d") === isData).map(([kind, body]) => frame(kind, body)),
          );
        expect(Buffer.concat(got.data)).to.deep.equal(of(true));
        expect(Buffer.concat(got.others)).to.deep.equal(of(false));
        expect(splitter.rest()).to.have.length(0);
      }),
    );
  });

  it("keeps the beginning of a message whose kind it has not told yet", () => {
    const splitter = new FrameSplitter();
    const ready = frame("Z", Buffer.from("I"));
    splitter.split(Buffer.concat([frame("d", Buffer.from("row")), ready.subarray(0, 3)]));
    expect(splitter.rest()).to.deep.equal(ready.subarray(0, 3));
  });
});
