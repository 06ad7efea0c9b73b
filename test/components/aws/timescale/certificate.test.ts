import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";

const SCRIPT = path.resolve(import.meta.dirname, "../../../../components/aws/timescale/files/certificate.sh");

describe("certificate.sh", () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(path.join(tmpdir(), "millwright-certificate-"))));
  afterEach(() => rm(folder, { recursive: true }));

  async function certificateFor(address: string) {
    await promisify(execFile)("bash", [SCRIPT, folder, address]);
    const [certificate, key] = await Promise.all(
      ["server.crt", "server.key"].map((file) => readFile(path.join(folder, file), "utf8")),
    );
    return { certificate: new X509Certificate(certificate!), key: key! };
  }

  it("makes a key that only its owner reads, and a certificate of it that names the address", async () => {
    const { certificate } = await certificateFor("10.64.32.10");
    expect(certificate.checkIP("10.64.32.10")).to.equal("10.64.32.10");
    expect(certificate.checkIP("10.64.32.11")).to.equal(undefined);
    expect(certificate.verify(certificate.publicKey)).to.equal(true);
    expect(certificate.ca).to.equal(false);
    expect((await stat(path.join(folder, "server.key"))).mode & 0o777).to.equal(0o600);
  });

  it("keeps both when the machine behind the address is another one", async () => {
    const first = await certificateFor("10.64.32.10");
    const second = await certificateFor("10.64.32.10");
    expect(second.key).to.equal(first.key);
    expect(second.certificate.fingerprint256).to.equal(first.certificate.fingerprint256);
  });

  it("makes another certificate of the same key where the address is another one", async () => {
    const first = await certificateFor("10.64.32.10");
    const second = await certificateFor("10.64.32.1");
    expect(second.certificate.checkIP("10.64.32.1")).to.equal("10.64.32.1");
    expect(second.key).to.equal(first.key);
  });
});
