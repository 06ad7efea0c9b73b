import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../../data/postgres-cluster/cluster.ts";
import { MillwrightError } from "../../model/errors.ts";
import { runProgram } from "../engine/cli.ts";
import { install, type InstallOptions, type Installation } from "./installation.ts";
import { ServerProcess } from "./server-process.ts";

export const KAFKA_VERSION = "4.1.1";
const POM = fileURLToPath(new URL("kafka/pom.xml", import.meta.url));

/** Kafka's jars from Maven Central: 43 MB, 10 s. */
export const KAFKA: Installation = {
  name: `kafka-${KAFKA_VERSION}`,
  title: `Kafka ${KAFKA_VERSION}`,
  programs: ["java", "mvn", "setpriv"],
  command: (folder) => [
    "mvn",
    ...["--batch-mode", "--quiet", "--file", POM, `-Dkafka.version=${KAFKA_VERSION}`],
    ...["dependency:copy-dependencies", `-DoutputDirectory=${folder}`],
  ],
};

export interface KafkaOptions extends InstallOptions {
  /** Absolute; holds the broker's data. Made when missing; a broker that is there is taken up again. */
  readonly folder: string;
  /** Lines for server.properties, last one wins. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Logins for tests, there from the first start on: `SCRAM-SHA-512=[name=alice,password=…]`. */
  readonly scramLogins?: readonly string[];
}

/** A one-node Kafka (KRaft). `brokers` is what KAFKA_BROKERS wants. */
export interface KafkaServer {
  readonly brokers: string;
  readonly server: ServerProcess;
}

/**
 * Makes a broker on 127.0.0.1, not started yet; installs Kafka first where it is missing.
 * @throws MillwrightError `service-missing`
 */
export async function createKafka(options: KafkaOptions): Promise<KafkaServer> {
  const { folder, inherited, settings = {}, scramLogins = [] } = options;
  const jars = await install(KAFKA, options);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = path.join(folder, "server.properties");
  const [port, controllerPort] = [(await keptPort(file)) ?? (await freePort()), await freePort()];
  const properties = { ...propertiesOf(path.join(folder, "data"), port, controllerPort), ...settings };
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}`);
  await writeFile(file, `${lines.join("\n")}\n`, { mode: 0o600 });
  const java = ["-Xmx512m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", `${jars}/*`];
  await format([...java, "kafka.tools.StorageTool", "format", "-c", file], scramLogins, inherited);
  const server = new ServerProcess({
    name: KAFKA.title,
    folder,
    // It ends when we do, also by kill -9: the kernel tells it.
    command: ["setpriv", "--pdeathsig", "KILL", "java", ...java, "kafka.Kafka", file],
    env: { ...inherited, LC_ALL: "C" },
    stopSignal: "SIGTERM",
    isServing: () => accepts(port),
  });
  return { brokers: `127.0.0.1:${port}`, server };
}

/** A broker that is taken up again has the address that its clients know. */
async function keptPort(file: string): Promise<number | undefined> {
  const text = await readFile(file, "utf8").catch(() => "");
  const port = /^advertised\.listeners=PLAINTEXT:\/\/127\.0\.0\.1:(\d+)/m.exec(text)?.[1];
  return port === undefined ? undefined : Number(port);
}

function propertiesOf(data: string, port: number, controllerPort: number): Readonly<Record<string, string>> {
  return {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${port}`,
    "controller.listener.names": "CONTROLLER",
    "log.dirs": data,
    // One node has one replica.
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    // 50 partitions of the group coordinator would be made at the first consumer: seconds on a small machine.
    "offsets.topic.num.partitions": "4",
    // A new group waits this long for more members: 3 s unless told.
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    // A killed broker may come back when its session is over: after 9 s unless told.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
  };
}

async function format(
  command: readonly string[],
  scramLogins: readonly string[],
  inherited: InstallOptions["inherited"],
): Promise<void> {
  const clusterId = randomBytes(16).toString("base64url");
  const options = ["--ignore-formatted", `--cluster-id=${clusterId}`];
  const logins = scramLogins.map((login) => `--add-scram=${login}`);
  const args = [...command, ...options, ...logins];
  const { code, stdout, stderr } = await runProgram("java", args, { env: inherited });
  if (code === 0) return;
  throw new MillwrightError(
    "cluster-failed",
    `Kafka's folder cannot be made: ${stdout}${stderr}`.slice(0, 500),
  );
}

/** The broker opens its port when it has caught up with its own controller, as the last thing. */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
