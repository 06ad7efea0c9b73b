import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { readRunFile, type RunFile } from "../../automation/platform/home.ts";
import { isAlive } from "../../automation/processes/process-identity.ts";
import { inheritedEnvironment } from "../../environment.ts";
import { removeCluster } from "../../data/postgres-cluster/cluster.ts";
import { databaseUrl } from "../../data/pool.ts";
import type { TimescaleServer } from "../../automation/services/timescale.ts";
import { eventually } from "./eventually.ts";
import { startTimescale, usesRealServices } from "./real-services.ts";

const REPOSITORY = path.resolve(import.meta.dirname, "../..");
const START_LIMIT_MS = 15 * 60_000; // the contract's limit of a cold start

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into answers of every shape
  readonly body: any;
}

/** A whole platform under test: the service as `npm start` runs it, in a home folder of its own. */
export class TestPlatform {
  readonly home: string;
  url = "";
  token = "";
  /** Standard output so far; the contract allows one line. */
  stdout = "";
  stderr = "";
  #child: ChildProcess | undefined;
  readonly #servers: TimescaleServer[] = [];

  constructor(home: string) {
    this.home = home;
  }

  static async inNewHome(): Promise<TestPlatform> {
    return new TestPlatform(await mkdtemp(path.join(tmpdir(), "millwright-e2e-")));
  }

  /** Starts the service and waits for its ready line. */
  async start(env: Readonly<Record<string, string>> = {}, args: readonly string[] = []): Promise<this> {
    const child = this.spawn({ ...(await this.#realServices()), ...env }, args);
    const readyUrl = () => /^ready (http:\S+)$/m.exec(this.stdout)?.[1];
    const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
    await eventually("ready line", () => readyUrl() !== undefined || hasEnded(), START_LIMIT_MS);
    const url = readyUrl();
    if (url === undefined) {
      const end = String(child.exitCode ?? child.signalCode);
      throw new Error(`the service ended with ${end} before it was ready:\n${this.stderr.slice(-4_000)}`);
    }
    this.url = url;
    this.token = (await readFile(path.join(this.home, "admin-token"), "utf8")).trim();
    return this;
  }

  /** In a run on real services: servers of its own, since two platforms would meet in one by their databases' names. */
  async #realServices(): Promise<Readonly<Record<string, string>>> {
    if (!usesRealServices) return {};
    if (this.#servers.length === 0) this.#servers.push(await startTimescale(), await startTimescale());
    const [shared, dedicated] = this.#servers.map(({ address }) => databaseUrl(address));
    return { TIMESCALE_URL: shared!, TIMESCALE_CELL_URLS: dedicated! };
  }

  spawn(env: Readonly<Record<string, string>> = {}, args: readonly string[] = []): ChildProcess {
    this.stdout = "";
    this.stderr = "";
    const child = spawn(process.execPath, ["node24.cjs", "automation/main.ts", ...args], {
      cwd: REPOSITORY,
      env: { ...inheritedEnvironment(), MILLWRIGHT_HOME: this.home, PORT: "0", LOG_LEVEL: "warn", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.on("data", (chunk: Buffer) => (this.stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.#child = child;
    return child;
  }

  async call(
    method: string,
    route: string,
    body?: unknown,
    options: { token?: string; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const headers: Record<string, string> = {
      authorization: `Bearer ${options.token ?? this.token}`,
      ...options.headers,
    };
    if (body !== undefined) headers["content-type"] ??= "application/json";
    const payload =
      body === undefined
        ? null
        : typeof body === "string" || Buffer.isBuffer(body)
          ? body
          : JSON.stringify(body);
    const response = await fetch(`${this.url}${route}`, { method, headers, body: payload as string | null });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get("content-type") ?? "");
    return {
      status: response.status,
      headers: response.headers,
      body: isJson && text !== "" ? JSON.parse(text) : text,
    };
  }

  /** Waits until the operation has ended and answers it. */
  async ended(operationId: string, limitMs = 120_000): Promise<Answer["body"]> {
    return eventually(
      `end of operation ${operationId}`,
      async () => {
        const { body } = await this.call("GET", `/v1/operations/${operationId}`);
        return ["succeeded", "failed", "cancelled"].includes(body.operation.status)
          ? body.operation
          : undefined;
      },
      limitMs,
    );
  }

  /** A ready tenant. */
  async tenant(id: string, more: object = {}): Promise<void> {
    const { status, body } = await this.call("POST", "/v1/tenants", {
      id,
      name: id,
      tier: "shared",
      machines: 15,
      ...more,
    });
    if (status !== 202) throw new Error(`POST /v1/tenants: ${status} ${JSON.stringify(body)}`);
    const operation = await this.ended(body.operation.id);
    if (operation.status !== "succeeded") throw new Error(JSON.stringify(operation.error));
  }

  async key(tenant: string, role: string): Promise<string> {
    const { body } = await this.call("POST", `/v1/tenants/${tenant}/keys`, { role, label: "test" });
    return body.key.secret;
  }

  async running(): Promise<RunFile> {
    return eventually("run.json", () => readRunFile(this.home));
  }

  /** kill -9 of the service; what it started goes on or ends by itself. */
  async killService(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  }

  /** Stops the service as Ctrl-C does; answers its exit code. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null)
      return child?.exitCode ?? null;
    const exit = once(child, "exit");
    child.kill(signal);
    const [code] = (await exit) as [number | null];
    return code;
  }

  /** Stops everything, also what a killed service left, and deletes the home folder. */
  async remove(): Promise<void> {
    await this.stop();
    const left = await readRunFile(this.home);
    for (const identity of [left?.host, left?.demo]) {
      if (identity !== undefined) await eventually("left processes end", () => !isAlive(identity));
    }
    const { glob } = await import("node:fs/promises");
    for await (const file of glob(["catalog/PG_VERSION", "cells/*/PG_VERSION"], { cwd: this.home })) {
      await removeCluster(path.join(this.home, path.dirname(file)));
    }
    await rm(this.home, { recursive: true, force: true });
    for (const { server } of this.#servers) await server.remove();
  }
}
