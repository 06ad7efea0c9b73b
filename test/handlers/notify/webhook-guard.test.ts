import { expect } from "chai";
import { checkWebhookUrl, isAllowed, type WebhookPolicy } from "../../../handlers/notify/webhook-guard.ts";

const POLICIES: readonly WebhookPolicy[] = ["refuse", "loopback-only", "allow"];

/** Address, and the policies under which a webhook may reach it. */
const TABLE: readonly [address: string, allowed: readonly WebhookPolicy[]][] = [
  ["93.184.216.34", ["refuse", "loopback-only", "allow"]],
  ["2606:2800:220:1::1", ["refuse", "loopback-only", "allow"]],
  ["127.0.0.1", ["loopback-only", "allow"]],
  ["127.9.9.9", ["loopback-only", "allow"]],
  ["::1", ["loopback-only", "allow"]],
  ["::ffff:127.0.0.1", ["loopback-only", "allow"]],
  ["10.0.0.1", ["allow"]],
  ["172.16.5.4", ["allow"]],
  ["192.168.1.1", ["allow"]],
  ["::ffff:10.0.0.1", ["allow"]],
  ["fd00::1", ["allow"]],
  ["100.64.0.1", ["allow"]],
  ["169.254.169.254", []], // cloud metadata
  ["fe80::1", []],
  ["0.0.0.0", []],
  ["::", []],
  ["224.0.0.1", []],
  ["255.255.255.255", []],
  ["64:ff9b::a00:1", []], // NAT64 of 10.0.0.1
  ["2002:a00:1::1", []], // 6to4 of 10.0.0.1
  ["::a00:1", []], // 10.0.0.1, embedded in an older way
  ["::7f00:1", []],
  ["fec0::1", []], // site-local, given up by RFC 3879
  ["fd00:ec2::254", []], // metadata once more
  ["100.100.100.200", []],
  ["168.63.129.16", []],
  ["nonsense", []],
];

describe("webhook guard", () => {
  for (const [address, allowed] of TABLE) {
    it(`lets a webhook reach ${address} under: ${allowed.join(", ") || "nothing"}`, () => {
      expect(POLICIES.filter((policy) => isAllowed(address, policy))).to.deep.equal(allowed);
    });
  }

  const refused = [
    "http://169.254.169.254/latest/meta-data/",
    "http://10.1.2.3/",
    "http://[::ffff:10.0.0.1]/",
    "http://0x7f.1/", // 127.0.0.1 as a browser reads it
    "http://2130706433/",
    "http://localhost:8080/",
    "ftp://93.184.216.34/",
    "http://user:pw@93.184.216.34/",
    "file:///etc/passwd",
    "nonsense",
  ];
  for (const url of refused) {
    it(`refuses a channel to ${url}`, async () => {
      const code = await checkWebhookUrl(url, "refuse").then(
        () => "accepted",
        (error: unknown) => (error as { code?: string }).code,
      );
      expect(code).to.equal("channel-refused");
    });
  }

  it("accepts a public address, and a name that cannot be resolved yet", async () => {
    await checkWebhookUrl("https://93.184.216.34/hook", "refuse");
    await checkWebhookUrl("https://not-yet.invalid/hook", "refuse");
  });
});
