import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { watchFlips } from "../../automation/moves/watch-flips.ts";
import { startOperations } from "../../automation/operations/start.ts";
import { openCatalog } from "../../data/catalog/catalog.ts";
import { dropTenantRows, prepareCell, prepareTenant } from "../../data/cell/prepare-cell.ts";
import { requireCellSecret, type CellSecret } from "../../data/cell/cell-secret.ts";
import { openEmbeddedLog } from "../../data/event-log/embedded-log.ts";
import { folderSecretStore } from "../../data/secret-store.ts";
import type { StepName } from "../../model/operation.ts";
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
  | { readonly kind: "started"; readonly operation: string }
  | { readonly kind: "refused"; readonly reason: string };

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

  /** @returns the operation's id */
  async startMove(tenant: TenantId, cell: string): Promise<string> {
    const answer = once(this.#child, "message");
    this.#child.send({ tenant, cell });
    const [message] = (await answer) as [Message];
    if (message.kind !== "started") throw new Error(JSON.stringify(message));
    return message.operation;
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
  let awaited = stopAt;
  const { service } = await startOperations({
    ...{ catalog, secrets, home, databaseUrl: queueUrl, engine: schemaEngine(cells) },
    log: openEmbeddedLog(access, access.log, "test-service"),
    cells: { prepareCell, prepareTenant, dropTenantRows },
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
  process.on("message", (message: { readonly tenant?: string; readonly cell?: string }) => {
    const { tenant, cell } = message;
    if (tenant === undefined || cell === undefined) return;
    service.startMove(tenantId.parse(tenant), { tier: "shared", cell }, { actor: alice }).then(
      ({ id: operation }) => tell({ kind: "started", operation }),
      (error: unknown) => tell({ kind: "refused", reason: String(error) }),
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
