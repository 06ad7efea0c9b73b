import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { LOCAL_PLACE } from "../../automation/cost/quote-basis.ts";
import { watchFlips } from "../../automation/moves/watch-flips.ts";
import { startOperations } from "../../automation/operations/start.ts";
import { openCatalog } from "../../data/catalog/catalog.ts";
import { dropTenantRows, prepareCell, prepareTenant } from "../../data/cell/prepare-cell.ts";
import { requireCellSecret, type CellSecret } from "../../data/cell/cell-secret.ts";
import { openEmbeddedLog } from "../../data/event-log/embedded-log.ts";
import { openKafkaLog } from "../../data/event-log/kafka/kafka-log.ts";
import { kafkaAddress, type KafkaSecret } from "../../data/event-log/kafka/secret.ts";
import { settleFence } from "../../data/cell/settle-fence.ts";
import { pingDatabase } from "../../data/ping.ts";
import { folderSecretStore } from "../../data/secret-store.ts";
import { MillwrightError, type ErrorCode } from "../../model/errors.ts";
import type { Operation, StepName } from "../../model/operation.ts";
import { tenantId, type TenantId } from "../../model/tenant.ts";
import { schemaEngine } from "./move-operations.ts";
import { alice } from "./operations.ts";

/** What the process is started with. */
export interface MoveServicePlace {
  /** With the secrets of catalog, log and cells. */
  readonly home: string;
  readonly queueUrl: string;
  /** For what stands in for the engine. */
  readonly cells: Readonly<Record<string, CellSecret>>;
  readonly stopAt?: StopPoint;
}

/** Where the process waits for the test, once. */
export interface StopPoint {
  readonly step: StepName;
  readonly phase: "before" | "after";
}

type Message =
  | { readonly kind: "ready" | "at" }
  | { readonly kind: "done"; readonly operation: string }
  | { readonly kind: "refused"; readonly code: string };

type Command =
  | { readonly verb: "move"; readonly tenant: string; readonly cell: string }
  | { readonly verb: "cancel"; readonly operation: string };

/** A process that drives moves as the service does, and ends the flips that others have left. */
export class MoveService {
  readonly #child: ChildProcess;
  /** Resolves when the process waits at its stop point. */
  readonly atStop: Promise<void>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.atStop = new Promise((resolve) =>
      child.on("message", (message: Message) => {
        if (message.kind === "at") resolve();
      }),
    );
  }

  static async start(place: MoveServicePlace): Promise<MoveService> {
    const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(place)]);
    await once(child, "message");
    return new MoveService(child);
  }

  /** @returns the operation's id; @throws MillwrightError with the code of a refusal */
  startMove(tenant: TenantId, cell: string): Promise<string> {
    return this.#ask({ verb: "move", tenant, cell });
  }

  /** @throws MillwrightError with the code of a refusal */
  cancel(operation: string): Promise<string> {
    return this.#ask({ verb: "cancel", operation });
  }

  #ask(command: Command): Promise<string> {
    return new Promise((resolve, reject) => {
      const hear = (message: Message) => {
        if (message.kind === "done") resolve(message.operation);
        else if (message.kind === "refused")
          reject(
            new MillwrightError(message.code as ErrorCode, `${command.verb} was refused: ${message.code}`),
          );
        else return;
        this.#child.off("message", hear);
      };
      this.#child.on("message", hear).once("exit", () => reject(new Error("the service has ended")));
      this.#child.send(command);
    });
  }

  goOn(): void {
    if (this.isAlive) this.#child.send("go on");
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  wake(): void {
    this.#child.kill("SIGCONT");
  }

  async kill(): Promise<void> {
    if (!this.isAlive) return;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }
}

async function main({ home, queueUrl, cells, stopAt }: MoveServicePlace): Promise<void> {
  const tell = (message: Message) => process.send?.(message);
  const secrets = folderSecretStore(path.join(home, "secrets"));
  const access = (await secrets.get("catalog")) as Parameters<typeof openCatalog>[0] &
    Parameters<typeof openCatalog>[1] & { readonly log: string };
  const catalog = openCatalog(access, access, "test-service");
  const kafka = (await secrets.get("kafka")) as KafkaSecret | undefined;
  const client = "test-service";
  let awaited = stopAt;
  const { service } = await startOperations({
    ...{ catalog, secrets, home, databaseUrl: queueUrl, engine: schemaEngine(cells) },
    pricedPlace: LOCAL_PLACE,
    environmentBudgetUsd: 50_000,
    log:
      kafka === undefined
        ? openEmbeddedLog(access, access.log, client)
        : openKafkaLog(kafkaAddress(kafka), { clientId: client }),
    cells: { prepareCell, prepareTenant, dropTenantRows, settleFence, checkLogin: pingDatabase },
    ...{ environment: "test", moveGraceMs: 3_600_000, defaultTopic: "own", dedicatedCellUrls: [] },
    logger: { info: say, warn: say, error: say, debug: () => undefined },
    async onStep(step, phase) {
      if (awaited?.step !== step || awaited.phase !== phase) return;
      awaited = undefined;
      tell({ kind: "at" });
      await new Promise((resolve) => process.on("message", (message) => message === "go on" && resolve(0)));
    },
  });
  const secretOf = (cell: string) => requireCellSecret(secrets, cell);
  watchFlips({ service: catalog.service, secretOf }, { warn: say });
  const obey = (command: Command): Promise<Operation> => {
    if (command.verb === "cancel") return service.cancel(command.operation, { actor: alice });
    const { tenant, cell } = command;
    return service.startMove(tenantId.parse(tenant), { tier: "shared", cell }, { actor: alice });
  };
  process.on("message", (message: Command | "go on") => {
    if (message === "go on") return;
    obey(message).then(
      ({ id: operation }) => tell({ kind: "done", operation }),
      (error: unknown) =>
        tell({ kind: "refused", code: error instanceof MillwrightError ? error.code : String(error) }),
    );
  });
  tell({ kind: "ready" });
}

/** To standard error, where who runs the test finds it. */
function say(fields: object, message?: string): void {
  if (process.env["DEBUG_MOVES"] !== undefined) console.error(message, fields);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.on("disconnect", () => process.exit(0));
  await main(JSON.parse(process.argv[2] ?? "") as MoveServicePlace);
}
