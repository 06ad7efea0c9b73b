import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { install, missingService, type Installation } from "../../../automation/services/installation.ts";
import { processRows } from "../../../automation/processes/process-table.ts";
import { shellEnvironment } from "../../../environment.ts";
import { hasCode } from "../../../model/errors.ts";
import { serverCertificate } from "../certificates.ts";
import { eventually } from "../eventually.ts";
import { NOTIFY_SERVERS } from "../notify-servers.ts";
import { skipBecause } from "../skip.ts";

export const REGION = "us-east-1";
const BOOT_LIMIT_MS = 300_000;

/** What a machine of EC2 starts from; beside it, not installed, the packages that setup.sh asks for: a test has no network. */
const CLOUD_DEBIAN: Installation = {
  name: "cloud-debian-trixie-1",
  title: "Debian with cloud-init",
  programs: ["mmdebstrap", "unshare", "chroot", "setpriv", "nsenter", "ip", "losetup"],
  command: (folder) => [
    "unshare",
    "--mount",
    "sh",
    "-ec",
    `mmdebstrap --quiet --variant=important --include=systemd-sysv,dbus,udev,cloud-init,ca-certificates,curl,iproute2 trixie "$1"
     cp /etc/resolv.conf "$1/etc/resolv.conf"
     chroot "$1" apt-get update -qq
     chroot "$1" apt-get install -qq -y --no-install-recommends --download-only \\
       postgresql-17 postgresql-17-timescaledb pgbackrest pgbouncer jq openssl`,
    "sh",
    folder,
  ],
};

/** Programs of the host, as root; throws with what they said. */
async function run(file: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(file, args, { maxBuffer: 64 * 1_024 * 1_024 });
  return stdout;
}

/** A disk that outlives the machines that it is attached to. */
export interface Volume {
  readonly id: string;
  readonly file: string;
}

/** A network with S3, Secrets Manager and CloudWatch (moto), in which machines boot as on EC2: cloud-init, systemd, IMDSv2. */
export class TestVpc {
  readonly #folder: string;
  readonly #root: string;
  readonly #ca: string;
  readonly #aws: ChildProcess;
  readonly #machines = new Set<Machine>();

  private constructor(folder: string, root: string, ca: string, aws: ChildProcess) {
    this.#folder = folder;
    this.#root = root;
    this.#ca = ca;
    this.#aws = aws;
  }

  /** Skips the suite where this machine can have none: not Linux, not root, no mmdebstrap. */
  static async start(context: Mocha.Context): Promise<TestVpc> {
    const options = { inherited: shellEnvironment(), progress: (line: string) => console.error(line) };
    try {
      if (process.platform !== "linux" || process.getuid?.() !== 0)
        throw missingService("A machine that boots takes Linux and root");
      const [root, python] = [await install(CLOUD_DEBIAN, options), await install(NOTIFY_SERVERS, options)];
      const folder = await mkdtemp(path.join(tmpdir(), "millwright-vpc-"));
      const names = [`*.${REGION}.amazonaws.com`, `*.s3.${REGION}.amazonaws.com`].map(
        (name) => `DNS:${name}`,
      );
      const certificate = await serverCertificate(names.join(","));
      const script = path.join(import.meta.dirname, "vpc.sh");
      const args = ["--net", "sh", script, path.join(python, "bin", "python"), certificate.keyStoreFile];
      const aws = spawn("unshare", args, { stdio: ["pipe", "ignore", "ignore"] });
      const vpc = new TestVpc(folder, root, certificate.ca, aws);
      await eventually("moto", () => vpc.aws("s3", "/moto-api/data.json"), 60_000);
      await certificate.remove();
      return vpc;
    } catch (error) {
      if (hasCode(error, "service-missing")) return skipBecause(context, "ec2-machine", error.message);
      throw error;
    }
  }

  /** A call to AWS from within the network, as curl makes it; `service` names the host. */
  aws(service: string, where: string, ...args: string[]): Promise<string> {
    const scope = `Credential=test/20261122/${REGION}/${service.replace(/^.*\./, "")}/aws4_request`;
    return run(
      "nsenter",
      ...["--target", String(this.#aws.pid), "--net", "curl", "-sSfk", "--connect-to", "::10.0.0.1:443"],
      ...["-H", `authorization: AWS4-HMAC-SHA256 ${scope}, SignedHeaders=host, Signature=0`],
      ...[...args, `https://${service}.${REGION}.amazonaws.com${where}`],
    );
  }

  /** Puts a package without content where Amazon's SSM agent is downloaded from. */
  async offerAgent(): Promise<void> {
    const folder = path.join(this.#folder, "agent");
    const control =
      "Package: amazon-ssm-agent\nVersion: 3\nArchitecture: all\nMaintainer: test\nDescription: empty\n";
    await mkdir(path.join(folder, "DEBIAN"), { recursive: true });
    await writeFile(path.join(folder, "DEBIAN", "control"), control);
    await run("dpkg-deb", "--build", folder, `${folder}.deb`);
    const architecture = (await run("dpkg", "--print-architecture")).trim();
    await this.aws("s3", `/amazon-ssm-${REGION}`, "-X", "PUT");
    const place = `/amazon-ssm-${REGION}/latest/debian_${architecture}/amazon-ssm-agent.deb`;
    await this.aws("s3", place, "-H", "x-amz-acl: public-read", "-T", `${folder}.deb`);
  }

  async volume(id: string): Promise<Volume> {
    const file = path.join(this.#folder, `${id}.img`);
    await writeFile(file, "");
    await truncate(file, 2 * 1_024 ** 3);
    return { id, file };
  }

  /** Boots a machine with this user data and waits until cloud-init is through. */
  async boot(address: string, userData: Buffer, volumes: readonly Volume[], buckets: readonly string[]) {
    const folder = await mkdtemp(path.join(this.#folder, "machine-"));
    const seed: Readonly<Record<string, string | Buffer>> = {
      "var/lib/cloud/seed/nocloud/user-data": userData,
      "var/lib/cloud/seed/nocloud/meta-data": `instance-id: i-${path.basename(folder)}\n`,
      "etc/cloud/cloud.cfg.d/99_test.cfg": "datasource_list: [NoCloud]\nnetwork: {config: disabled}\n",
      "etc/dpkg/dpkg.cfg.d/test": "force-unsafe-io\n",
      "etc/resolv.conf": "nameserver 127.0.0.1\n",
      "etc/hosts": [
        "127.0.0.1 localhost",
        ...["s3", "secretsmanager", "monitoring", ...buckets.map((bucket) => `${bucket}.s3`)].map(
          (name) => `10.0.0.1 ${name}.${REGION}.amazonaws.com`,
        ),
        "",
      ].join("\n"),
      "usr/local/share/ca-certificates/test.crt": this.#ca,
    };
    for (const [name, content] of Object.entries(seed)) {
      const file = path.join(folder, "seed", name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, content);
    }
    const namespaces = ["--mount", "--net", "--pid", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child"];
    const script = path.join(import.meta.dirname, "machine.sh");
    const disks = volumes.map(({ id, file }) => `${id}=${file}`);
    const child = spawn(
      "setpriv",
      [
        ...["--pdeathsig", "KILL", "unshare", ...namespaces],
        ...["sh", script, this.#root, folder, String(this.#aws.pid), address, ...disks],
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    const machine = new Machine(child);
    this.#machines.add(machine);
    await machine.booted();
    return machine;
  }

  async remove(): Promise<void> {
    for (const machine of this.#machines) await machine.kill();
    const gone = once(this.#aws, "exit");
    this.#aws.kill("SIGKILL");
    await gone;
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A machine that runs; a kill is what the loss of an instance is. */
export class Machine {
  readonly #child: ChildProcess;
  #said = "";

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.#said += text));
  }

  /** @throws Error with the end of cloud-init's log when it did not run through */
  async booted(): Promise<void> {
    await eventually(
      "systemd",
      async () => {
        if (this.#child.exitCode !== null) throw new Error(this.#said);
        await this.run("systemctl", "is-active", "systemd-journald");
        return true;
      },
      BOOT_LIMIT_MS,
    );
    const status = await eventually(
      "cloud-init's end",
      async () => {
        const text = await readFile(`${await this.#rootFolder()}/run/cloud-init/status.json`, "utf8");
        const { v1 } = JSON.parse(text) as {
          v1: Record<string, { finished?: number; errors?: string[] } | null>;
        };
        return (v1["modules-final"]?.finished ?? 0) > 0 && v1;
      },
      BOOT_LIMIT_MS,
    );
    const errors = Object.values(status).flatMap((stage) => stage?.errors ?? []);
    if (errors.length === 0) return;
    const log = await this.run("tail", "-40", "/var/log/cloud-init-output.log");
    throw new Error(`cloud-init failed: ${errors.join("; ")}\n${log}`);
  }

  /** Runs a program in it as root; throws with what it wrote to stderr. */
  async run(...command: string[]): Promise<string> {
    return run("nsenter", "--target", String(await this.#init()), "--all", "--root", "--wd", ...command);
  }

  /** Rows of one statement by the superuser of the machine, unaligned. */
  async sql(statement: string, database = "postgres"): Promise<string> {
    const psql = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statement];
    return (await this.run("runuser", "-u", "postgres", "--", ...psql)).trim();
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, "exit");
    process.kill(await this.#init(), "SIGKILL");
    await gone;
  }

  async #init(): Promise<number> {
    const row = (await processRows()).find(({ parent }) => parent === this.#child.pid);
    if (row === undefined) throw new Error(`the machine does not run: ${this.#said}`);
    return row.pid;
  }

  async #rootFolder(): Promise<string> {
    return `/proc/${await this.#init()}/root`;
  }
}
