import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface ReceivedWebhook {
  readonly body: { readonly id: string; readonly event: string; readonly alertId: string } & Readonly<
    Record<string, unknown>
  >;
  readonly isSigned: boolean;
  readonly receivedAtMs: number;
}

/** A receiver of alerts, written after the public contract alone: it shares no code with the sender. */
export async function webhookReceiver(secret: string) {
  const received: ReceivedWebhook[] = [];
  let status = 200;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      const header = String(request.headers["x-millwright-signature"]);
      const [, seconds = "", hex = ""] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(header) ?? [];
      const expected = createHmac("sha256", secret).update(`${seconds}.${text}`).digest();
      const given = Buffer.from(hex, "hex");
      const isSigned = given.length === expected.length && timingSafeEqual(given, expected);
      received.push({
        body: JSON.parse(text) as ReceivedWebhook["body"],
        isSigned,
        receivedAtMs: Date.now(),
      });
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/alerts`,
    received,
    answerWith: (code: number) => (status = code),
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}
