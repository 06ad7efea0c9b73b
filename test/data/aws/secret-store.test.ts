import { expect } from "chai";
import { awsSecretStore } from "../../../data/aws/secret-store.ts";
import type { SecretStore } from "../../../data/secret-store.ts";
import { motoServer } from "../../support/notify-servers.ts";

describe("awsSecretStore (moto)", function () {
  this.timeout(300_000); // the first time moto is installed
  let moto: Awaited<ReturnType<typeof motoServer>>;
  let store: SecretStore;
  const settingsOf = (endpoint: string) => ({
    ...{ region: "eu-central-1", endpoint, prefix: "millwright-test-shared-store", kmsKeyArn: undefined },
    credentials: () =>
      Promise.resolve({ accessKeyId: "testing", secretAccessKey: "testing", sessionToken: undefined }),
  });

  before(async function () {
    moto = await motoServer(this);
    store = awsSecretStore(settingsOf(moto.url));
  });
  after(() => moto.close());

  it("keeps what was put last, by name", async () => {
    expect(await store.get("cell-shared-1")).to.equal(undefined);
    await store.put("cell-shared-1", { host: "first" });
    await store.put("cell-shared-1", { host: "second" });
    await store.put("cell-shared-2", { host: "other" });
    expect(await store.get("cell-shared-1")).to.deep.equal({ host: "second" });
  });

  it("adds only where there is none, and of several adders one wins", async () => {
    await Promise.all([1, 2, 3].map((key) => store.add("receipt-key", { key })));
    const kept = await store.get("receipt-key");
    await store.add("receipt-key", { key: 4 });
    expect(await store.get("receipt-key")).to.deep.equal(kept);
  });

  it("forgets what was removed, once or twice, and takes the name again", async () => {
    await store.put("reader-acme", { password: "first" });
    await store.remove("reader-acme");
    await store.remove("reader-acme");
    await store.remove("reader-nobody");
    expect(await store.get("reader-acme")).to.equal(undefined);
    await store.put("reader-acme", { password: "second" });
    expect(await store.get("reader-acme")).to.deep.equal({ password: "second" });
    await store.remove("reader-acme");
    await store.add("reader-acme", { password: "third" });
    expect(await store.get("reader-acme")).to.deep.equal({ password: "third" });
  });

  it("says that nobody answers, as something that may pass", async () => {
    const nowhere = awsSecretStore(settingsOf("http://127.0.0.1:9"));
    const error = await nowhere.get("cell-shared-1").then(
      () => expect.fail("answered"),
      (reason: unknown) => reason,
    );
    expect(error).to.include({ code: "database-unavailable", retryable: true });
  });
});
