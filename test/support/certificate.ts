import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

export interface TestCertificate {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** A certificate of localhost under an authority of its own, in PEM, valid for a day. */
export function testCertificate(): TestCertificate {
  const folder = mkdtempSync(path.join(tmpdir(), "millwright-tls-"));
  const openssl = (line: string) => execFileSync("openssl", line.split(" "), { cwd: folder, stdio: "pipe" });
  const read = (file: string) => readFileSync(path.join(folder, file), "utf8");
  const newKey = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
  try {
    writeFileSync(path.join(folder, "names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
    openssl(`req -x509 ${newKey} -keyout ca.key -out ca.pem -days 1 -subj /CN=test-ca`);
    openssl(`req ${newKey} -keyout key.pem -out request.pem -subj /CN=localhost`);
    openssl(
      "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 -extfile names -out cert.pem",
    );
    return { ca: read("ca.pem"), cert: read("cert.pem"), key: read("key.pem") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
