import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { pino } from "pino";
import { Registry } from "prom-client";
import { LOCAL_PLACE } from "../../automation/cost/quote-basis.ts";
import type { WebSettings } from "../../automation/http/app.ts";
import { openBills } from "../../automation/cost/bills.ts";
import { apiEndpoints } from "../../automation/http/endpoints.ts";
import type { RoomLimits } from "../../automation/entrance/room.ts";
import type { ApiServices } from "../../automation/http/services.ts";
import { tokenCheck, type TokenCheck } from "../../automation/entrance/token-check.ts";
import { serveApi, type ServeOptions } from "../../automation/http/server.ts";
import type { OperationRequest, OperationService } from "../../automation/operations/service.ts";
import { createKey } from "../../data/catalog/api-key.ts";
import { addTenant, findTenant } from "../../data/catalog/tenant.ts";
import type { Catalog } from "../../data/catalog/catalog.ts";
import type { NewRecord } from "../../data/event-log/event-log.ts";
import { CHANNEL_KINDS } from "../../model/channel.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { Operation, OperationEvent, OperationKind } from "../../model/operation.ts";
import type { WireReading } from "../../model/reading.ts";
import type { Role } from "../../model/role.ts";
import { tenantId, tenantNames, type TenantId, type TopicKind } from "../../model/tenant.ts";
import { SHARED_READINGS } from "../../model/topic-name.ts";
import { testCatalog } from "./catalog.ts";
import { testPricing } from "./pricing.ts";
import { testReceiptKey } from "./receipt.ts";
import { testSealer } from "./sealer.ts";

export const ADMIN_TOKEN = "admin-token-of-the-test";
export const NOW_MS = Date.UTC(2026, 10, 21, 10);

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into answers of every shape
  readonly body: any;
}

export interface CallOptions {
  /** null: none at all */
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The whole API on a real catalog; the log, the operations and the cells are kept in memory. */
export class TestApi {
  readonly catalog: Catalog;
  readonly url: string;
  readonly appended: NewRecord[] = [];
  readonly operations: MemoryOperations;
  readonly logged: string[] = [];
  readonly tokens: TokenCheck;
  readonly #close: () => Promise<void>;
  readonly services: ApiServices;

  private constructor(
    services: ApiServices,
    parts: Pick<TestApi, "appended" | "operations" | "logged" | "tokens">,
    server: { readonly url: string; readonly close: () => Promise<void> },
  ) {
    this.services = services;
    this.catalog = services.catalog;
    this.appended = parts.appended;
    this.operations = parts.operations;
    this.logged = parts.logged;
    this.tokens = parts.tokens;
    this.url = server.url;
    this.#close = server.close;
  }

  static async start(
    more: Partial<
      Pick<
        ApiServices,
        | ("readings" | "cells" | "checks" | "nowMs" | "log" | "channels" | "planMove" | "drift" | "health")
        | "machineEntrance"
      >
    > = {},
    limits: ServeOptions["limits"] = {},
    room?: RoomLimits,
    web?: WebSettings,
  ): Promise<TestApi> {
    const { catalog } = await testCatalog();
    const appended: NewRecord[] = [];
    const logged: string[] = [];
    const operations = new MemoryOperations(catalog);
    const nowOf = more.nowMs ?? (() => NOW_MS);
    const services = {
      bills: openBills({ service: catalog.service, pricingAt: () => testPricing(), nowMs: nowOf }),
      environmentBudgetUsd: 50_000,
      catalog,
      operations,
      drift: { checkNow: () => Promise.resolve(undefined) },
      health: () => Promise.reject(new Error("not here")),
      log: {
        append: (records: readonly NewRecord[]) => {
          appended.push(...records);
          return Promise.resolve();
        },
      },
      readings: noReadings,
      cells: noCells,
      privateWebhooks: "loopback-only" as const,
      channels: { sealer: testSealer, kinds: new Set(CHANNEL_KINDS) },
      checks: {},
      metrics: { registry: new Registry(), more: () => Promise.resolve("other_process_up 1\n") },
      dedicatedServerCount: undefined,
      machineEntrance: undefined,
      pricedPlace: LOCAL_PLACE,
      planMove: () => Promise.reject(new MillwrightError("move-unavailable", "No moves.")),
      receiptKey: testReceiptKey,
      nowMs: nowOf,
      ...more,
    };
    const logger = pino({ level: "debug" }, { write: (line: string) => void logged.push(line) });
    const { nowMs } = services;
    const tokens = tokenCheck({ adminToken: ADMIN_TOKEN, keys: catalog.service, nowMs });
    const server = await serveApi(
      { ...services, tokens, logger, ...(room && { room }), ...(web && { web }) },
      { port: 0, limits },
    );
    const stopping = new AbortController().signal;
    return new TestApi({ ...services, stopping }, { appended, operations, logged, tokens }, server);
  }

  get endpoints() {
    return apiEndpoints(this.services);
  }

  async close(): Promise<void> {
    await this.#close();
    await this.catalog.close();
  }

  /** Sends a call, and checks a JSON answer against what the endpoint says that it answers. */
  async call(method: string, address: string, body?: unknown, options: CallOptions = {}): Promise<Answer> {
    const { token = ADMIN_TOKEN } = options;
    const isRaw = typeof body === "string" || body instanceof Uint8Array;
    const response = await fetch(this.url + address, {
      method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...options.headers,
      },
      body: body === undefined ? null : isRaw ? (body as string) : JSON.stringify(body),
    });
    const text = await response.text();
    const isJson = /[/+]json$/.test(response.headers.get("content-type")?.split(";")[0] ?? "");
    const answer = {
      status: response.status,
      headers: response.headers,
      text,
      body: isJson && text !== "" ? (JSON.parse(text) as unknown) : undefined,
    };
    this.#checkAgainstDescription(method, address, answer);
    return answer;
  }

  #checkAgainstDescription(method: string, address: string, { status, headers, body }: Answer): void {
    if (status >= 400 && status !== 503)
      expect(headers.get("content-type")).to.match(/^application\/problem\+json/);
    const path = address.split("?")[0] ?? "";
    const endpoint = this.endpoints.find(
      (known) =>
        known.method === method.toLowerCase() &&
        new RegExp(`^${known.path.replace(/:\w+/g, "[^/]+")}$`).test(path),
    );
    const schema = endpoint?.answers[status]?.content?.["application/json"];
    if (body !== undefined && schema !== undefined) schema.parse(body);
    if (endpoint !== undefined && status < 300) expect(endpoint.answers).to.have.property(String(status));
  }

  /** A tenant that is ready to be written to. */
  async tenant(id: string, topic: TopicKind = "own"): Promise<TenantId> {
    const tenant = tenantId.parse(id);
    await addTenant(this.catalog.service, {
      id: tenant,
      name: id,
      tier: "shared",
      topic,
      machines: 1,
      budgetUsdPerMonth: null,
      contacts: [],
    });
    await this.catalog.service.query(
      `insert into cell (name, tier, tenant_capacity) values ('shared-1', 'shared', 100) on conflict do nothing`,
    );
    await this.catalog.service.query(
      "insert into tenant_placement (tenant, cell, database, schema, epoch, state) values ($1, 'shared-1', 'readings', $2, 1, 'stable')",
      [tenant, tenantNames(tenant).schema],
    );
    await this.catalog.service.query(
      "insert into topic (topic, tenant, stream, generation, partitions) values ($1, $2, 'readings', 1, 2)",
      [topic === "own" ? `${tenant}.readings.g1` : SHARED_READINGS.topic, tenant],
    );
    await this.catalog.service.query("update tenant set state = 'ready' where tenant = $1", [tenant]);
    return tenant;
  }

  /** A token of the role. */
  async key(role: Role, tenant?: string): Promise<string> {
    const owner = tenant === undefined ? undefined : tenantId.parse(tenant);
    const { token } = await createKey(this.catalog.service, owner, {
      role,
      label: "test",
      createdBy: "test",
    });
    return token;
  }

  /** Readings that were appended for a tenant, with their records' headers. */
  readingsOf(tenant: string) {
    return this.appended
      .filter(({ topic }) => topic.startsWith(`${tenant}.`))
      .flatMap(({ value, headers, partition }) =>
        (JSON.parse(value.toString()) as WireReading[]).map((reading) => ({ reading, headers, partition })),
      );
  }
}

const noReadings: ApiServices["readings"] = {
  query: () => Promise.resolve({ rows: [], nextCursor: undefined }),
};

const noCells: ApiServices["cells"] = {
  inCell: () => Promise.reject(new MillwrightError("database-unavailable", "No cell.", { retryable: true })),
};

/** Operations that are accepted and never run. */
export class MemoryOperations implements OperationService {
  readonly started: Operation[] = [];
  readonly requests: OperationRequest[] = [];
  eventLog: OperationEvent[] = [];
  /** Resolves when a follower has left. */
  readonly left = Promise.withResolvers<undefined>();
  readonly #catalog: Catalog;
  readonly #byKey = new Map<string, { readonly body: string; readonly operation: Operation }>();

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  readonly violations = () => Promise.resolve([]);

  readonly startCreate: OperationService["startCreate"] = async (tenant, request) => {
    const known = this.#known(request, tenant);
    if (known !== undefined) return known;
    if (!(await addTenant(this.#catalog.service, tenant)))
      throw new MillwrightError("tenant-exists", "Taken.");
    return this.#start("create", tenant.id, request, tenant);
  };
  readonly startUpdate: OperationService["startUpdate"] = async (tenant, change, request) => {
    await this.#require(tenant);
    return this.#known(request, change) ?? this.#start("update", tenant, request, change);
  };
  readonly startDelete: OperationService["startDelete"] = async (tenant, request) => {
    await this.#require(tenant);
    return this.#known(request, {}) ?? this.#start("delete", tenant, request, {});
  };
  readonly startMove: OperationService["startMove"] = async (tenant, wanted, request) => {
    await this.#require(tenant);
    return this.#known(request, wanted) ?? this.#start("move", tenant, request, wanted);
  };
  readonly startRollback: OperationService["startRollback"] = async (tenant, request) => {
    await this.#require(tenant);
    return this.#start("rollback", tenant, request, {});
  };
  readonly startFinishMove: OperationService["startFinishMove"] = async (tenant, request) => {
    await this.#require(tenant);
    return this.#start("finish-move", tenant, request, {});
  };
  readonly startRotate: OperationService["startRotate"] = async (tenant, request) => {
    await this.#require(tenant);
    return this.#known(request, {}) ?? this.#start("rotate", tenant, request, {});
  };
  readonly startRestore: OperationService["startRestore"] = async (tenant, to, request) => {
    await this.#require(tenant);
    return this.#known(request, { to }) ?? this.#start("restore", tenant, request, { to });
  };
  readonly get: OperationService["get"] = (id, tenant) => {
    const found = this.started.find((operation) => operation.id === id);
    if (found === undefined || (tenant !== undefined && found.tenant !== tenant))
      return Promise.reject(new MillwrightError("operation-unknown", `There is no operation ${id}.`));
    return Promise.resolve(found);
  };
  readonly list: OperationService["list"] = ({ tenant, status }) =>
    Promise.resolve({
      items: this.started.filter(
        (operation) =>
          operation.tenant === (tenant ?? operation.tenant) &&
          operation.status === (status ?? operation.status),
      ),
      nextCursor: null,
    });
  readonly cancel: OperationService["cancel"] = (id, request) => {
    this.requests.push(request);
    return this.get(id);
  };
  readonly retry = this.cancel;
  readonly events: OperationService["events"] = (_id, afterId, signal) => this.#follow(afterId, signal);

  async *#follow(afterId: number, signal: AbortSignal): AsyncGenerator<OperationEvent> {
    try {
      for (const event of this.eventLog) {
        if (event.id <= afterId) continue;
        yield event;
        if (event.kind === "status" && event.payload["status"] === "succeeded") return;
      }
      await new Promise((resolve) => {
        if (signal.aborted) resolve(undefined);
        else signal.addEventListener("abort", resolve);
      });
    } finally {
      this.left.resolve(undefined);
    }
  }

  async #require(tenant: TenantId): Promise<void> {
    if ((await findTenant(this.#catalog.service, tenant)) === undefined)
      throw new MillwrightError("tenant-unknown", `There is no tenant ${tenant}.`);
  }

  #known({ actor, idempotencyKey }: OperationRequest, body: object): Operation | undefined {
    if (idempotencyKey === undefined) return undefined;
    const known = this.#byKey.get(`${actor.id} ${idempotencyKey}`);
    if (known !== undefined && known.body !== JSON.stringify(body))
      throw new MillwrightError("idempotency-key-reused", "Another body.");
    return known?.operation;
  }

  #start(kind: OperationKind, tenant: TenantId, request: OperationRequest, body: object): Operation {
    const createdAt = new Date(NOW_MS).toISOString();
    const operation: Operation = {
      id: randomUUID(),
      kind,
      tenant,
      status: "queued",
      steps: [],
      error: null,
      result: null,
      requestedBy: request.actor.id,
      reason: request.reason ?? null,
      isCancelRequested: false,
      attempt: 1,
      createdAt,
      startedAt: null,
      finishedAt: null,
    };
    this.started.push(operation);
    this.requests.push(request);
    const { idempotencyKey: key, actor } = request;
    if (key !== undefined) this.#byKey.set(`${actor.id} ${key}`, { body: JSON.stringify(body), operation });
    return operation;
  }
}
