import { expect } from "chai";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { TestPlatform } from "../support/platform.ts";

/** Starts with `env` and answers how it ended; a start that should be refused must do so before it builds anything. */
async function refusedStart(
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const platform = await TestPlatform.inNewHome();
  try {
    const [code] = (await once(platform.spawn(env, args), "close")) as [number | null];
    return { code, stdout: platform.stdout, stderr: platform.stderr };
  } finally {
    await platform.remove();
  }
}

describe("a start that cannot work", () => {
  const cases: [string, Record<string, string>, string[]][] = [
    ["a port that is no number", { PORT: "http" }, ["setting-invalid", "PORT: must be a whole number"]],
    ["an unknown setting", { MILLWRIGHT_HOEM: "/tmp" }, ["setting-invalid", "MILLWRIGHT_HOEM"]],
    [
      "a choice that does not exist",
      { MILLWRIGHT_PRIVATE_WEBHOOKS: "maybe" },
      ["setting-invalid", "MILLWRIGHT_PRIVATE_WEBHOOKS"],
    ],
    ["a database URL of another kind", { CATALOG_URL: "mysql://x" }, ["setting-invalid", "CATALOG_URL"]],
    [
      "a password of the mail server that is no URL's",
      { SMTP_URL: "smtp://mailer:100%sure@127.0.0.1", SMTP_FROM: "alerts@acme.example" },
      ["setting-invalid", "SMTP_URL: has a % in its user or password"],
    ],
    [
      "a way to Kafka that does not fit together",
      { KAFKA_BROKERS: "127.0.0.1:9092", KAFKA_SASL_MECHANISM: "scram-sha-512" },
      ["setting-invalid", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD_FILE"],
    ],
    ["a certificate without its key", { MQTT_TLS_CERT: "/dev/null" }, ["setting-invalid", "MQTT_TLS_KEY"]],
    [
      "a certificate that cannot be read",
      { MQTT_TLS_CERT: "/nowhere/cert.pem", MQTT_TLS_KEY: "/dev/null" },
      ["setting-invalid", "MQTT_TLS_CERT", "/nowhere/cert.pem"],
    ],
    [
      "a certificate that is none",
      { MQTT_TLS_CERT: "/dev/null", MQTT_TLS_KEY: "/dev/null" },
      ["setting-invalid", "MQTT_TLS_CERT", "in PEM"],
    ],
    ["all at once, each named", { PORT: "-1", LOG_LEVEL: "loud" }, ["PORT", "LOG_LEVEL"]],
  ];
  for (const [name, env, words] of cases) {
    it(`says so: ${name}`, async () => {
      const { code, stdout, stderr } = await refusedStart(env);
      expect(code).to.equal(1);
      expect(stdout).to.equal("");
      for (const word of words) expect(stderr).to.contain(word);
      expect(stderr).to.not.contain("100%sure");
      expect(stderr).to.not.match(/\n\s+at /); // a person reads this: no stack trace
    });
  }

  it("says so: an option that does not exist", async () => {
    const { code, stderr } = await refusedStart({}, ["--dmeo"]);
    expect(code).to.equal(1);
    expect(stderr).to.contain("setting-invalid").and.to.contain("--demo");
    expect(stderr).to.not.match(/\n\s+at /);
  });

  it("says so: a port that somebody else uses", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const { code, stderr } = await refusedStart({ PORT: String(port) });
    other.close();
    expect(code).to.equal(1);
    expect(stderr).to.contain("port-in-use").and.to.contain(String(port));
  });
});
