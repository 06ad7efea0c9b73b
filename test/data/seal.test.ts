import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { createChannel, openSecrets, sealChannels } from "../../data/catalog/channel.ts";
import { inTenant } from "../../data/catalog/catalog.ts";
import { channelSealer, sealer } from "../../data/seal.ts";
import { folderSecretStore } from "../../data/secret-store.ts";
import { channelBody } from "../../model/channel.ts";
import { alertPlant } from "../support/alert-plant.ts";
import { testSealer } from "../support/sealer.ts";

describe("sealed secrets", () => {
  it("open with their key in their place, and not when a byte was changed", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (plain, at, change) => {
          fc.pre(plain.isWellFormed());
          const sealed = testSealer.seal(plain, "acme/1");
          expect(testSealer.open(sealed, "acme/1")).to.equal(plain);
          expect(() => testSealer.open(sealed, "globex/1")).to.throw();
          expect(() => sealer(Buffer.alloc(32, 8)).open(sealed, "acme/1")).to.throw();
          const changed = Buffer.from(sealed);
          changed[at % changed.length]! ^= change;
          expect(() => testSealer.open(changed, "acme/1")).to.throw();
        },
      ),
    );
  });

  it("look different each time", () => {
    expect(testSealer.seal("same", "acme/1").equals(testSealer.seal("same", "acme/1"))).to.equal(false);
  });

  it("have a key that is made once and kept with mode 600", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "millwright-seal-"));
    const secrets = folderSecretStore(folder);
    const sealed = (await channelSealer(secrets)).seal("secret", "acme/1");
    expect((await channelSealer(secrets)).open(sealed, "acme/1")).to.equal("secret");
    expect(JSON.parse(await readFile(path.join(folder, "channel-key.json"), "utf8"))).to.have.keys("key");
    await rm(folder, { recursive: true });
  });

  it("lie in the catalog in no readable form, those of an older release after the next start", async () => {
    const plant = await alertPlant();
    const { service } = plant.catalog;
    const acme = await plant.newTenant();
    const slack = "https://hooks.slack.example/services/T000/B000/slack-secret";
    await inTenant(plant.catalog, acme.tenant, (tx) =>
      createChannel(tx, testSealer, acme.tenant, channelBody.parse({ kind: "slack", url: slack })),
    );
    const old = await acme.channel("http://127.0.0.1:1/", { secret: "new" });
    await service.query("update channel set secret = 'old-in-clear', sealed = null where channel = $1", [
      old.id,
    ]);
    await sealChannels(service, testSealer);
    await sealChannels(service, testSealer);

    const { rows } = await service.query<{ row: string }>("select c::text as row from channel c");
    expect(rows).to.have.length(2);
    for (const { row } of rows) expect(row).to.not.match(/slack-secret|old-in-clear/);
    const { rows: kept } = await service.query<{ sealed: Buffer }>(
      "select sealed from channel where channel = $1",
      [old.id],
    );
    expect(openSecrets(testSealer, acme.tenant, old.id, kept[0]!.sealed)).to.deep.equal({
      secret: "old-in-clear",
    });
    await plant.close();
  });
});
