import { expect } from "chai";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { text } from "node:stream/consumers";
import {
  fileSource,
  SOURCE_LIMITS,
  type SourceLimits,
} from "../../../../automation/cli/prices/offer-source.ts";
import type { MillwrightError } from "../../../../model/errors.ts";

const FILE = "offers/v1.0/aws/AmazonEC2/current/eu-west-2/index.csv";

describe("a source of price lists", () => {
  let server: Server | undefined;
  let asked: string[];

  beforeEach(() => (asked = []));
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
    server = undefined;
  });

  /** @returns the address of a server that answers so */
  const answering = async (answer: RequestListener): Promise<string> => {
    server = createServer((request, response) => {
      asked.push(request.url ?? "");
      answer(request, response);
    });
    await new Promise<void>((listening) => server?.listen(0, "127.0.0.1", listening));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const read = async (from: string, limits: Partial<SourceLimits> = {}) => {
    const open = fileSource(from, { ...SOURCE_LIMITS, ...limits });
    const content = await open(FILE, new AbortController().signal);
    return content && text(content);
  };
  const failure = async (run: Promise<unknown>): Promise<MillwrightError> =>
    run.then(
      () => expect.fail("it was read"),
      (error: unknown) => error as MillwrightError,
    );

  it("reads a file from where AWS has it", async () => {
    const address = await answering((_request, response) => response.end("a,b\n"));
    expect(await read(address)).to.equal("a,b\n");
    expect(asked).to.deep.equal([`/${FILE}`]);
  });

  it("has no file where there is none, in a folder and on a server", async () => {
    expect(await read(tmpdir())).to.equal(undefined);
    for (const status of [403, 404]) {
      expect(await read(await answering((_request, response) => response.writeHead(status).end()))).to.equal(
        undefined,
      );
      server?.close();
    }
  });

  it("follows the same host, and nowhere else", async () => {
    const address = await answering((request, response) =>
      request.url === "/moved"
        ? response.end("moved")
        : response.writeHead(302, { location: "/moved" }).end("elsewhere"),
    );
    expect(await read(address)).to.equal("moved");
    server?.close();
    const { port } = new URL(await answering((_request, response) => response.end("stolen")));
    const stolen = `http://localhost:${port}/stolen`;
    const thief = server;
    const leading = await answering((_request, response) =>
      response.writeHead(301, { location: stolen }).end(),
    );
    asked = [];
    const error = await failure(read(leading));
    thief?.close();
    expect(error).to.include({ code: "price-list-unavailable" });
    expect(error.message).to.match(/leads to another host, localhost/);
    expect(asked).to.deep.equal([`/${FILE}`]);
  });

  it("does not follow in circles", async () => {
    const address = await answering((_request, response) => response.writeHead(302, { location: "/" }).end());
    expect((await failure(read(address))).message).to.match(/leads on more than 3 times/);
    expect(asked).to.have.length(4);
  });

  it("reads over https alone, but for this machine", async () => {
    const error = await failure(read("http://prices.example"));
    expect(error.message).to.match(/http: is not https/);
  });

  it("fails on an answer that is neither the file nor its absence; another time may help", async () => {
    const error = await failure(read(await answering((_request, response) => response.writeHead(503).end())));
    expect(error).to.include({ code: "price-list-unavailable", retryable: true });
    expect(error.message).to.match(/the answer is 503/);
  });

  it("ends with a file that is too large, and with a server that falls silent", async () => {
    const large = await answering((_request, response) => response.end("x".repeat(3 << 20)));
    expect(await failure(read(large, { maxFileBytes: 1 << 20 }))).to.include({ code: "price-list-invalid" });
    server?.close();
    const silent = await answering((_request, response) => response.write("begun"));
    const error = await failure(read(silent, { maxSilenceMs: 50 }));
    expect(error).to.include({ code: "price-list-unavailable" });
    expect(error.message).to.match(/nothing came for 0.05 s/);
  });

  it("fails when the connection breaks: half a list is no list", async () => {
    const address = await answering((_request, response) => {
      response.writeHead(200, { "content-length": "1000" }).write("half");
      setImmediate(() => response.destroy());
    });
    expect(await failure(read(address))).to.include({ code: "price-list-unavailable" });
  });
});
