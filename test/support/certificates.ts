import { execFile } from "node:child_process";
import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** A certificate of a server at `name` (`IP:127.0.0.1`), signed by an authority that nobody knows but who has its `ca`. */
export async function serverCertificate(name: string) {
  const folder = await mkdtemp(path.join(tmpdir(), "millwright-tls-"));
  const file = (base: string) => path.join(folder, base);
  const authority = ["-CA", file("ca.pem"), "-CAkey", file("ca-key.pem")];
  const openssl = (...args: string[]) => promisify(execFile)("openssl", ["req", "-x509", ...KEY, ...args]);
  await openssl("-subj", "/CN=authority", "-keyout", file("ca-key.pem"), "-out", file("ca.pem"));
  const names = ["-subj", "/CN=broker", "-addext", `subjectAltName=${name}`];
  await openssl(...authority, ...names, "-keyout", file("server.pem"), "-out", file("certificate.pem"));
  await appendFile(file("server.pem"), await readFile(file("certificate.pem")));
  return {
    /** The authority's certificate. */
    caFile: file("ca.pem"),
    ca: await readFile(file("ca.pem"), "utf8"),
    /** The server's private key and certificate. */
    keyStoreFile: file("server.pem"),
    remove: () => rm(folder, { recursive: true }),
  };
}
