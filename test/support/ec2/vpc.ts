import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { install, missingService, type Installation } from "../../../automation/services/installation.ts";
import { shellEnvironment } from "../../../environment.ts";
import { hasCode } from "../../../model/errors.ts";
import { serverCertificate } from "../certificates.ts";
import { eventually } from "../eventually.ts";
import { NOTIFY_SERVERS } from "../notify-servers.ts";
import { skipBecause } from "../skip.ts";
import { Machine, run, type Volume } from "./machine.ts";

export const REGION = "us-east-1";

/** What a machine of EC2 starts from; beside it, not installed, the packages that setup.sh asks for: a test has no network. */
const CLOUD_DEBIAN: Installation = {
  name: "cloud-debian-trixie-1",
  title: "Debian with cloud-init",
  programs: ["mmdebstrap", "unshare", "chroot", "setpriv", "nsenter", "ip", "losetup", "curl", "dpkg-deb"],
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

/** What a machine's first process does before it is one. */
const PROBE = "ip link add probe type bridge; mount -t cgroup2 cgroup2 /mnt; losetup --find";

/** A network with S3, Secrets Manager, SSM and CloudWatch (moto), in which machines boot as on EC2: cloud-init, systemd, IMDSv2. */
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

  /** Skips the suite, with the reason, where this machine can have none: not Linux, not root, no mmdebstrap, no mounts. */
  static async start(context: Mocha.Context): Promise<TestVpc> {
    const options = { inherited: shellEnvironment(), progress: (line: string) => console.error(line) };
    try {
      if (process.platform !== "linux" || process.getuid?.() !== 0)
        throw missingService("A machine that boots takes Linux and root");
      await run("unshare", "--mount", "--net", "--pid", "--cgroup", "--fork", "sh", "-ec", PROBE).catch(
        (error: unknown) => {
          throw missingService(
            `A machine that boots takes mounts, networks and loop devices: ${String(error)}`,
          );
        },
      );
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
      await eventually("moto", () => vpc.aws("s3", "/moto-api/data.json"), 60_000)
        .catch(async (error: unknown) => {
          await vpc.remove();
          throw error;
        })
        .finally(() => certificate.remove());
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

  /** A new machine with this user data, not booted. @param buckets - whose names it can resolve */
  async machine(
    address: string,
    userData: Buffer,
    volumes: readonly Volume[],
    buckets: readonly string[],
  ): Promise<Machine> {
    const folder = await mkdtemp(path.join(this.#folder, "machine-"));
    const hosts = ["s3", "secretsmanager", "ssm", "monitoring", ...buckets.map((bucket) => `${bucket}.s3`)];
    const seed: Readonly<Record<string, string | Buffer>> = {
      "var/lib/cloud/seed/nocloud/user-data": userData,
      "var/lib/cloud/seed/nocloud/meta-data": `instance-id: i-${path.basename(folder)}\n`,
      "etc/cloud/cloud.cfg.d/99_test.cfg":
        "datasource_list: [NoCloud]\nnetwork: {config: disabled}\nssh_genkeytypes: []\n",
      "etc/dpkg/dpkg.cfg.d/test": "force-unsafe-io\n",
      "etc/apt/apt.conf.d/99test": 'Acquire::Retries "0";\n', // there is no network to wait for
      "etc/resolv.conf": "nameserver 127.0.0.1\n",
      "etc/hosts": `127.0.0.1 localhost\n${hosts.map((name) => `10.0.0.1 ${name}.${REGION}.amazonaws.com\n`).join("")}`,
      "usr/local/share/ca-certificates/test.crt": this.#ca,
    };
    for (const [name, content] of Object.entries(seed)) {
      const file = path.join(folder, "seed", name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, content);
    }
    const vpcPid = this.#aws.pid!;
    const machine = new Machine({ root: this.#root, folder, vpcPid, address, volumes });
    this.#machines.add(machine);
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
