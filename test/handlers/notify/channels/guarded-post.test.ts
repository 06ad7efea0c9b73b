import { lookup } from "node:dns/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { guardedPost } from "../../../../handlers/notify/channels/guarded-post.ts";

const REQUEST = { headers: {}, body: "{}", policy: "loopback-only" } as const;

describe("guardedPost", () => {
  it("answers a redirect as it came, and does not go where it leads", async () => {
    const seen: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      seen.push(request.url);
      response.writeHead(307, { location: "/secret" }).end();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    const signal = new AbortController().signal;
    expect(await guardedPost({ ...REQUEST, url, signal })).to.equal(307);
    expect(seen).to.deep.equal(["/hook"]);
    server.close();
  });

  it("waits for no name service once its time is over", async () => {
    const url = "http://nobody-has-this-name.invalid/";
    // Without the limit, the outcome would be the resolver's own error.
    expect(await lookup(new URL(url).hostname).catch((error: unknown) => error)).to.have.property("code");
    const outcome = guardedPost({ ...REQUEST, url, signal: AbortSignal.abort() });
    expect(await outcome.catch((error: unknown) => error)).to.have.property("name", "AbortError");
  });
});
