import { createHmac } from "node:crypto";
import http from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  readonly json: Record<string, unknown>;
  readonly atMs: number;
}

/** Checks `X-Millwright-Signature` after the public contract alone: shares no code with the sender. */
export function isSignedWith(secret: string, { headers, body }: Received): boolean {
  const header = String(headers["x-millwright-signature"]);
  const [, seconds = "", hex] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(header) ?? [];
  return hex === createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex");
}

/** A real receiver on loopback: records every request; `answer` decides the status, 200 without it. */
export async function webhookReceiver(
  answer: (request: Received, response: http.ServerResponse) => number | undefined = () => 200,
) {
  const received: Received[] = [];
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8");
      const json = JSON.parse(body) as Record<string, unknown>;
      const one = { path: request.url ?? "", headers: request.headers, body, json, atMs: Date.now() };
      received.push(one);
      const status = answer(one, response);
      if (status !== undefined) response.writeHead(status).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    received,
    url: (path = "/hook") => `http://127.0.0.1:${port}${path}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
