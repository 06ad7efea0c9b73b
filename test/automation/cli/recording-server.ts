import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";

export interface RecordedCall {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: IncomingMessage["headers"];
  /** Parsed JSON, undefined without a body. */
  readonly body: unknown;
  /** sha256 of the body after gunzip: equal for equal bytes only. */
  readonly bodyHash: string;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  /** Takes over the response; `json` is then ignored. */
  readonly raw?: (response: ServerResponse) => void;
}

export interface RecordingServer {
  readonly url: string;
  readonly calls: RecordedCall[];
  readonly close: () => Promise<void>;
}

/** A real HTTP server that keeps what it was asked and answers as the test says. */
export async function recordingServer(answer: (call: RecordedCall) => Answer): Promise<RecordingServer> {
  const calls: RecordedCall[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const sent = Buffer.concat(chunks);
      const bytes = request.headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent;
      const call: RecordedCall = {
        method: request.method ?? "",
        target: request.url ?? "",
        headers: request.headers,
        body: bytes.length === 0 ? undefined : JSON.parse(bytes.toString("utf8")),
        bodyHash: createHash("sha256").update(bytes).digest("hex"),
      };
      calls.push(call);
      const { status = 200, headers = {}, json, raw } = answer(call);
      if (raw !== undefined) {
        raw(response);
        return;
      }
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(json === undefined ? undefined : JSON.stringify(json));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The service's form of an error. */
export function problem(status: number, code: string, detail: string, more: object = {}): Answer {
  return {
    status,
    headers: { "content-type": "application/problem+json" },
    json: { type: `/problems/${code}`, title: code, status, detail, code, retryable: false, ...more },
  };
}
