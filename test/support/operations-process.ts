import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { tenantId, type Tier } from "../../model/tenant.ts";
import type { OperationService } from "../../automation/operations/service.ts";
import type { Operation, StepName } from "../../model/operation.ts";
import { alice, newTenant, rowsOf, runOperations, type OperationPlace } from "./operations.ts";

/** Where a process under test shall be killed or stopped, by itself: no moment is hit more exactly. */
export interface FaultPoint {
  readonly step: StepName;
  readonly phase: "before" | "after";
  readonly signal: "SIGKILL" | "SIGSTOP";
}

interface Command {
  readonly start: "create" | "delete" | "rotate" | "restore";
  readonly tenant: string;
  /** Of a create. */
  readonly tier?: Tier;
  readonly fault?: FaultPoint;
}

/** A process that drives operations, as the service does. */
export class OperationsProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(place: OperationPlace): Promise<OperationsProcess> {
    const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(place)]);
    await Promise.race([
      once(child, "message"),
      once(child, "exit").then(() => Promise.reject(new Error("the process ended before it was ready"))),
    ]);
    return new OperationsProcess(child);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async start(command: Command): Promise<Operation> {
    const answer = once(this.#child, "message");
    this.#child.send(command);
    return ((await answer) as [Operation])[0];
  }

  /** Starts an operation in which it dies: perhaps sooner than it has answered. */
  async startAndDie(command: Command & { readonly fault: FaultPoint }): Promise<void> {
    this.#child.send(command);
    await this.gone();
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves when the process is gone. */
  async gone(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.gone();
  }
}

async function main(place: OperationPlace): Promise<void> {
  let fault: FaultPoint | undefined;
  const operations = await runOperations(place, {
    servers: {
      // As Systems Manager: a command that is named again is not sent again, and one more name is one more run.
      run: async ({ id, instanceId, script }) => {
        const sql =
          "insert into fake.server_command (id, instance, script) values ($1, $2, $3) on conflict do nothing";
        await rowsOf(place, sql, [id, instanceId, script]);
      },
    },
    onStep(step, phase) {
      if (fault?.step !== step || fault.phase !== phase) return;
      const { signal } = fault;
      fault = undefined;
      process.kill(process.pid, signal);
    },
  });
  process.on("message", (command: Command) => {
    fault = command.fault;
    void begin(operations.service, command).then((operation) => process.send?.(operation));
  });
  process.on("disconnect", () => process.exit(0));
  process.send?.("ready");
}

function begin(service: OperationService, { start, tenant, tier = "shared" }: Command): Promise<Operation> {
  const request = { actor: alice };
  const id = tenantId.parse(tenant);
  if (start === "create") return service.startCreate(newTenant(tenant, { tier }), request);
  if (start === "rotate") return service.startRotate(id, request);
  return start === "restore" ? service.startRestore(id, "latest", request) : service.startDelete(id, request);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(JSON.parse(process.argv[2] ?? "") as OperationPlace);
}
