import { createHash } from "node:crypto";
import { expect } from "chai";
import { LOCAL_PLACE, quoteBasis } from "../../../automation/cost/quote-basis.ts";
import { listAudit } from "../../../data/catalog/audit.ts";
import { inTenant } from "../../../data/catalog/catalog.ts";
import { listCells, registerCell } from "../../../data/catalog/cell.ts";
import { listSystemEvents } from "../../../data/catalog/system-event.ts";
import { placementOf } from "../../../data/catalog/placement.ts";
import { deleteRule, listRules } from "../../../data/catalog/rule.ts";
import { findTenant, getTenant } from "../../../data/catalog/tenant.ts";
import { putTriggers } from "../../../data/catalog/trigger-config.ts";
import { canonicalJson } from "../../../model/canonical-json.ts";
import { usdOf } from "../../../model/cost/money.ts";
import { quoteTenant } from "../../../model/cost/quote.ts";
import { MillwrightError, type ErrorCode } from "../../../model/errors.ts";
import { OPERATION_STEPS, type OperationEvent, type StepName } from "../../../model/operation.ts";
import { tenantId } from "../../../model/tenant.ts";
import { DEFAULT_TRIGGERS } from "../../../model/trigger-config.ts";
import { eventually } from "../../support/eventually.ts";
import { sharedCellSecret, type Verb } from "../../support/fake-world.ts";
import {
  addMoveTo,
  alice,
  ended,
  newTenant,
  rowsOf,
  runOperations,
  testOperationPlace,
  type OperationPlace,
  type TestOperations,
} from "../../support/operations.ts";

const request = { actor: alice };

async function expectCode(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  await promise.then(
    () => expect.fail(`not refused with ${code}`),
    (error: unknown) => expect((error as MillwrightError).code).to.equal(code),
  );
}

describe("OperationService", () => {
  let place: OperationPlace;
  let operations: TestOperations;
  // What a test hangs into the next operations; each is about a tenant of its own.
  const beforeEffect = new Map<string, (verb: Verb, signal?: AbortSignal) => Promise<void> | void>();
  const revoked: string[] = [];
  let onStep: ((step: StepName, phase: "before" | "after") => Promise<void> | void) | undefined;

  before(async () => {
    place = await testOperationPlace();
    operations = await runOperations(place, {
      before: (verb, name, signal) => beforeEffect.get(name)?.(verb, signal),
      onStep: (step, phase) => onStep?.(step, phase),
      revokeMachines: (tenant) => {
        revoked.push(tenant);
        return Promise.resolve();
      },
    });
  });
  after(() => operations.close());
  afterEach(() => {
    beforeEffect.clear();
    onStep = undefined;
  });

  const create = async (id: string) =>
    ended(operations, await operations.service.startCreate(newTenant(id), request));
  const calls = async (name: string) => {
    const rows = await rowsOf<{ verb: string }>(
      place,
      "select verb from fake.call where name = $1 order by id",
      [name],
    );
    return rows.map(({ verb }) => verb);
  };

  describe("create", () => {
    it("ends with a tenant that is ready, placed and prepared", async () => {
      const operation = await operations.service.startCreate(newTenant("acme"), request);
      expect(operation.status).to.equal("queued");
      expect(operation.steps.map(({ name, status }) => `${name} ${status}`)).to.deep.equal(
        OPERATION_STEPS.create.map((name) => `${name} pending`),
      );

      const end = await ended(operations, operation);
      expect(end.status).to.equal("succeeded");
      expect(end.steps.map(({ name, status, attempts }) => `${name} ${status} ${attempts}`)).to.deep.equal(
        OPERATION_STEPS.create.map((name) => `${name} succeeded 1`),
      );
      const acme = tenantId.parse("acme");
      const tenant = await getTenant(operations.catalog.service, acme);
      expect(tenant.state).to.equal("ready");
      expect(tenant.placement).to.deep.equal({
        cell: "shared-1",
        database: "readings",
        schema: "tenant_acme",
        epoch: 1,
      });
      const placement = await placementOf(operations.catalog.service, acme);
      expect(placement?.topics).to.deep.equal([
        { topic: "acme.alerts.g1", stream: "alerts", generation: 1, partitions: 1 },
        { topic: "acme.deadletters.g1", stream: "deadletters", generation: 1, partitions: 1 },
        { topic: "acme.readings.g1", stream: "readings", generation: 1, partitions: 2 },
      ]);
      expect(await calls("tenant-acme")).to.deep.equal(["open", "preview", "up", "outputs", "outputs"]);
      const topics =
        "select partitions, (retention_ms / 86400000)::int as days from fake.topic where topic like 'acme.%' order by 1";
      expect(await rowsOf(place, topics), "made as the stack says").to.deep.equal([
        { partitions: 1, days: 7 },
        { partitions: 1, days: 7 },
        { partitions: 2, days: 7 },
      ]);
      expect(await operations.world.secrets.get("reader-acme")).to.have.property("password");
    });

    it("begins a tenant on a shared topic at its end, and leaves the topic to the others when it goes", async () => {
      const create = operations.service.startCreate(newTenant("sharer", { topic: "shared" }), request);
      expect((await ended(operations, await create)).status).to.equal("succeeded");
      const sharer = tenantId.parse("sharer");
      expect((await getTenant(operations.catalog.service, sharer)).topic).to.equal("shared");
      const positions = "select topics from fake.series where tenant = 'sharer'";
      expect(await rowsOf(place, positions)).to.deep.equal([
        { topics: [["shared.readings.g128", Array.from({ length: 8 }, () => 7)]] },
      ]);
      const end = await ended(operations, await operations.service.startDelete(sharer, request));
      const left =
        "select topic from fake.topic where split_part(topic, '.', 1) in ('shared', 'sharer') and not is_dropped";
      expect(await rowsOf(place, left)).to.deep.equal([{ topic: "shared.readings.g128" }]);
      expect(end.result).to.deep.include({
        topics: ["sharer.alerts.g1", "sharer.deadletters.g1"],
        expiring: { topics: ["shared.readings.g128"], afterMs: 7 * 86_400_000 },
      });
    });

    it("gives the tenant its first rules once: a repeated step brings no deleted one back", async () => {
      const ruled = tenantId.parse("ruled");
      const inRuled = <T>(work: Parameters<typeof inTenant<T>>[2]) =>
        inTenant(operations.catalog, ruled, work);
      const ids = async () =>
        (await inRuled((tx) => listRules(tx, ruled, { limit: 10 }))).items.map(({ id }) => id);
      let first: readonly string[] | undefined;
      onStep = async (step, phase) => {
        if (step !== "activate" || phase !== "after" || first !== undefined) return;
        first = await ids();
        await inRuled((tx) => deleteRule(tx, ruled, "co2-high"));
        throw new Error("the step's end was not recorded");
      };
      const failed = await create("ruled");
      expect([failed.status, first]).to.deep.equal(["failed", ["co2-high", "machine-offline"]]);
      const retried = await operations.service.retry(failed.id, request);
      expect((await ended(operations, retried)).status).to.equal("succeeded");
      expect(await ids()).to.deep.equal(["machine-offline"]);
    });

    it("refuses a create whose quote is over its budget, at once, and makes nothing", async () => {
      const priced = (budgetUsdPerMonth: number | null) =>
        newTenant("priced", { tier: "dedicated", machines: 15, budgetUsdPerMonth });
      const { service } = operations.catalog;
      const basis = await quoteBasis(service, LOCAL_PLACE, Date.now());
      const { total } = quoteTenant(basis, { tier: "dedicated", machines: 15, assumptions: {} }).cost;
      const usd = usdOf(total.expected);
      expect(usd, "two servers at least").to.be.above(2 * 0.2016 * 730);

      const [violation, ...others] = await operations.service.violations(priced(usd - 0.01));
      expect(others).to.deep.equal([]);
      expect(violation).to.include({ policy: "tenant-budget" });
      expect(violation?.message).to.include(usd.toFixed(2));
      for (const enough of [usd + 0.01, null])
        expect(await operations.service.violations(priced(enough))).to.deep.equal([]);
      await expectCode(operations.service.startCreate(priced(usd - 0.01), request), "policy-refused");

      const { tenant } = await create("growing");
      const grow = (change: object) => operations.service.startUpdate(tenant, change, request);
      await expectCode(grow({ machines: 100_000, budgetUsdPerMonth: 100 }), "policy-refused");
      const poorer = await ended(operations, await grow({ budgetUsdPerMonth: 1 }));
      expect(poorer.status, "a budget alone").to.equal("succeeded");
      expect(await findTenant(service, tenantId.parse("priced"))).to.equal(undefined);
    });

    it("keeps the connection of a cell of its own, and counts dedicated tenants at once", async () => {
      const dedicated = newTenant("large", { tier: "dedicated" });
      const end = await ended(operations, await operations.service.startCreate(dedicated, request));
      expect(end.status).to.equal("succeeded");
      expect(await operations.world.secrets.get("cell-dedicated-large")).to.have.property("admin");

      const second = newTenant("larger", { tier: "dedicated" });
      expect(await operations.service.violations(second)).to.have.length(1);
      await expectCode(operations.service.startCreate(second, request), "policy-refused");
      expect(await findTenant(operations.catalog.service, second.id)).to.equal(undefined);
      const more = { ...DEFAULT_TRIGGERS, maxDedicatedTenants: 2 };
      await putTriggers(operations.catalog.service, more, "test");
      expect(await operations.service.violations(second), "one more is allowed").to.deep.equal([]);
    });

    it("refuses an id that is taken", async () => {
      await create("taken");
      await expectCode(operations.service.startCreate(newTenant("taken"), request), "tenant-exists");
    });

    it("makes one operation of twenty equal requests with one key", async () => {
      const keyed = { actor: alice, idempotencyKey: "k1" };
      const started = await Promise.all(
        Array.from({ length: 20 }, () => operations.service.startCreate(newTenant("once"), keyed)),
      );
      expect(new Set(started.map(({ id }) => id)).size).to.equal(1);
      await expectCode(operations.service.startCreate(newTenant("other"), keyed), "idempotency-key-reused");
      await expectCode(
        operations.service.startCreate(newTenant("once"), { ...keyed, actor: { ...alice, id: "bob" } }),
        "tenant-exists",
      );
      await ended(operations, started[0]!);
      // A day later the key is free again.
      await rowsOf(
        place,
        "update idempotency_key set created_at = now() - interval '25 hours' where key = 'k1'",
      );
      const later = await operations.service.startCreate(newTenant("other"), keyed);
      expect((await ended(operations, later)).status).to.equal("succeeded");
    });

    it("goes on from the failed step when it is retried", async () => {
      let isBroken = true;
      beforeEffect.set("tenant-broken", (verb) => {
        if (verb === "up" && isBroken) throw new MillwrightError("engine-failed", "the provider said no");
      });
      const failed = await create("broken");
      expect(failed.status).to.equal("failed");
      expect(failed.error).to.include({
        code: "engine-failed",
        detail: "the provider said no",
        retryable: false,
      });
      expect((await getTenant(operations.catalog.service, failed.tenant)).state).to.equal("failed");
      await expectCode(operations.service.startCreate(newTenant("broken"), request), "tenant-exists");

      const again = await ended(operations, await operations.service.retry(failed.id, request));
      expect(again.status).to.equal("failed");
      isBroken = false;
      const end = await ended(operations, await operations.service.retry(failed.id, request));
      expect(end.status).to.equal("succeeded");
      expect(end.steps.map(({ attempts }) => attempts)).to.deep.equal([1, 1, 1, 3, 1, 1, 1, 1]);
      expect((await calls("tenant-broken")).filter((verb) => verb === "preview")).to.have.length(1);
      await expectCode(operations.service.retry(failed.id, request), "operation-not-retryable");
    });

    it("tries a step again by itself when something was away for a moment", async () => {
      let failures = 2;
      beforeEffect.set("flaky.readings.g1", () => {
        if (failures-- > 0) throw new MillwrightError("log-unavailable", "away", { retryable: true });
      });
      expect((await create("flaky")).status).to.equal("succeeded");
      expect(await calls("flaky.readings.g1")).to.have.length(3);
    });
  });

  describe("update", () => {
    it("changes what was named and nothing else", async () => {
      await create("changed");
      const change = { machines: 40, budgetUsdPerMonth: 99.5 };
      const end = await ended(
        operations,
        await operations.service.startUpdate(tenantId.parse("changed"), change, request),
      );
      expect(end.status).to.equal("succeeded");
      const tenant = await getTenant(operations.catalog.service, end.tenant);
      expect(tenant).to.include({ name: "changed", machines: 40, budgetUsdPerMonth: 99.5, state: "ready" });
      const [series] = await rowsOf<{ machines: number }>(
        place,
        "select * from fake.series where tenant = 'changed'",
      );
      expect(series?.machines).to.equal(40);
    });

    it("waits for nobody: a busy or unknown tenant is refused", async () => {
      const hold = Promise.withResolvers<undefined>();
      beforeEffect.set("tenant-busy-one", (verb) => (verb === "up" ? hold.promise : undefined));
      const operation = await operations.service.startCreate(newTenant("busy-one"), request);
      await expectCode(
        operations.service.startUpdate(operation.tenant, { name: "x" }, request),
        "tenant-busy",
      );
      await expectCode(
        operations.service.startUpdate(tenantId.parse("nobody"), { name: "x" }, request),
        "tenant-unknown",
      );
      hold.resolve(undefined);
      await ended(operations, operation);
    });
  });

  describe("delete", () => {
    it("leaves a certificate, no row, and an id that can be used again", async () => {
      await create("leaver");
      const leaver = tenantId.parse("leaver");
      await operations.catalog.service.query(
        "update tenant set budget_usd_per_month = 1 where tenant = 'leaver'",
      );
      const end = await ended(operations, await operations.service.startDelete(leaver, request));
      expect(end.status).to.equal("succeeded");

      expect(revoked.at(-1)).to.equal("leaver");
      const { sha256, ...certificate } = end.result!;
      expect(sha256).to.equal(createHash("sha256").update(canonicalJson(certificate)).digest("hex"));
      expect(certificate).to.deep.include({
        tenant: "leaver",
        requestedBy: "admin",
        topics: ["leaver.alerts.g1", "leaver.deadletters.g1", "leaver.readings.g1"],
        resources: { delete: 3 },
        cellRows: { series: 1 },
        catalogRows: { rule: 2, rule_revision: 1, tenant: 1, tenant_placement: 1, topic: 3 },
      });
      await expectCode(getTenant(operations.catalog.service, leaver), "tenant-unknown");
      expect(await operations.world.secrets.get("reader-leaver")).to.equal(undefined);
      const [stack] = await rowsOf(place, "select resources from fake.stack where stack = 'tenant-leaver'");
      expect(stack).to.deep.equal({ resources: 0 });

      await create("leaver");
      const placement = await placementOf(operations.catalog.service, leaver);
      expect(placement?.topics.map(({ topic }) => topic)).to.deep.equal([
        "leaver.alerts.g2",
        "leaver.deadletters.g2",
        "leaver.readings.g2",
      ]);
      const { items } = await listSystemEvents(operations.catalog.service, { limit: 3 });
      expect(items.map(({ event, tenant: about }) => `${event} ${about}`)).to.deep.equal([
        "tenant.created leaver",
        "tenant.deleted leaver",
        "tenant.created leaver",
      ]);
    });

    it("takes a tenant out of all its homes", async () => {
      await create("twin");
      const { world, catalog } = operations;
      const twin = tenantId.parse("twin");
      await registerCell(catalog.service, { name: "dedicated-twin", tier: "dedicated", tenantCapacity: 1 });
      await world.secrets.put("cell-dedicated-twin", sharedCellSecret);
      await addMoveTo(catalog.service, twin, "dedicated-twin");

      const end = await ended(operations, await operations.service.startDelete(twin, request));
      expect(end.result).to.deep.include({ cellRows: { series: 1 } });
      const [stack] = await rowsOf(
        place,
        "select resources, homes from fake.stack where stack = 'tenant-twin'",
      );
      expect(stack).to.deep.equal({
        resources: 0,
        homes: [
          { cell: "shared-1", tier: "shared", isProtected: false },
          { cell: "dedicated-twin", tier: "dedicated", isProtected: false },
        ],
      });
      expect(await world.secrets.get("cell-dedicated-twin")).to.equal(undefined);
      expect(await world.secrets.get("cell-shared-1")).to.deep.equal(sharedCellSecret);
      expect((await listCells(catalog.service)).map(({ name }) => name)).not.to.include("dedicated-twin");
    });

    it("stops a create that is running, and takes away what it has made", async () => {
      beforeEffect.set("tenant-hasty", async (verb, signal) => {
        if (verb === "up") await new Promise((resolve) => signal?.addEventListener("abort", resolve));
      });
      const creating = await operations.service.startCreate(newTenant("hasty"), request);
      await eventually("the create to be in `up`", async () => (await calls("tenant-hasty")).includes("up"));
      beforeEffect.delete("tenant-hasty"); // the delete's own `up` shall not wait
      const deleting = await operations.service.startDelete(creating.tenant, request);
      expect((await getTenant(operations.catalog.service, creating.tenant)).state).to.equal("deleting");
      await expectCode(operations.service.startDelete(creating.tenant, request), "tenant-busy");

      expect((await ended(operations, creating)).status).to.equal("cancelled");
      expect((await ended(operations, deleting)).status).to.equal("succeeded");
      expect(await findTenant(operations.catalog.service, creating.tenant)).to.equal(undefined);
    });

    it("works on a tenant whose create has failed before there was anything", async () => {
      await rowsOf(place, "update cell set tenant_capacity = 1 where name = 'shared-1'");
      const failed = await create("roomless");
      await rowsOf(place, "update cell set tenant_capacity = 100 where name = 'shared-1'");
      expect(failed.error?.code).to.equal("no-capacity");
      const end = await ended(operations, await operations.service.startDelete(failed.tenant, request));
      expect(end.status).to.equal("succeeded");
      expect(await calls("tenant-roomless")).to.deep.equal([]);
    });

    it("goes through although the stack cannot be brought up any more", async () => {
      beforeEffect.set("tenant-half", (verb) => {
        if (verb === "up") throw new MillwrightError("engine-failed", "no");
      });
      const failed = await create("half");
      const end = await ended(operations, await operations.service.startDelete(failed.tenant, request));
      expect(end.status).to.equal("succeeded");
    });
  });

  describe("cancel", () => {
    for (const step of OPERATION_STEPS.create.filter((name) => name !== "activate")) {
      it(`of a create in step ${step} leaves nothing behind`, async () => {
        const id = `cancel-${step}`;
        const reached = Promise.withResolvers<undefined>();
        const goOn = Promise.withResolvers<undefined>();
        onStep = async (name, phase) => {
          if (name !== step || phase !== "before") return;
          reached.resolve(undefined);
          await goOn.promise;
        };
        const operation = await operations.service.startCreate(newTenant(id), request);
        await reached.promise;
        expect((await operations.service.cancel(operation.id, request)).isCancelRequested).to.equal(true);
        goOn.resolve(undefined);
        const end = await ended(operations, operation);
        expect(end.status).to.equal("cancelled");
        expect(await findTenant(operations.catalog.service, operation.tenant)).to.equal(undefined);
        const left = await rowsOf(
          place,
          `select stack as name from fake.stack where stack = $1 and resources > 0
           union all select topic from fake.topic where topic like $2 and not is_dropped
           union all select tenant from fake.series where tenant = $3
           union all select name from fake.secret where name = $4`,
          [`tenant-${id}`, `${id}.%`, id, `reader-${id}`],
        );
        expect(left).to.deep.equal([]);
      });
    }

    it("of a create whose clean-up fails can be retried, and shuts a delete out meanwhile", async () => {
      const reached = Promise.withResolvers<undefined>();
      const goOn = Promise.withResolvers<undefined>();
      let cleanUps = 0;
      onStep = async (name, phase) => {
        if (name === "up" && phase === "after") await operations.service.cancel(operation.id, request);
      };
      beforeEffect.set("tenant-sticky", async (verb) => {
        if (verb !== "destroy") return;
        if (++cleanUps === 1) throw new MillwrightError("engine-failed", "the server is away");
        reached.resolve(undefined);
        await goOn.promise;
      });
      const operation = await operations.service.startCreate(newTenant("sticky"), request);
      const failed = await ended(operations, operation);
      expect(failed.status).to.equal("failed");
      expect(failed.error?.code).to.equal("engine-failed");

      await operations.service.retry(operation.id, request);
      await reached.promise;
      await expectCode(operations.service.startDelete(operation.tenant, request), "tenant-busy");
      goOn.resolve(undefined);
      expect((await ended(operations, operation)).status).to.equal("cancelled");
      expect(await findTenant(operations.catalog.service, operation.tenant)).to.equal(undefined);
    });

    it("is refused where there is no way back, and after the end", async () => {
      let refused: Promise<void> | undefined;
      onStep = (name, phase) => {
        if (name === "activate" && phase === "before")
          refused = expectCode(operations.service.cancel(operation.id, request), "operation-not-cancellable");
        return refused;
      };
      const operation = await operations.service.startCreate(newTenant("too-late"), request);
      expect((await ended(operations, operation)).status).to.equal("succeeded");
      expect(refused).to.not.equal(undefined);
      await refused;
      await expectCode(operations.service.cancel(operation.id, request), "operation-not-cancellable");
      await expectCode(operations.service.cancel("not-an-id", request), "operation-unknown");
    });
  });

  describe("reading", () => {
    it("shows a tenant's credential its own operations only", async () => {
      const mine = await create("mine");
      expect((await operations.service.get(mine.id, tenantId.parse("mine"))).id).to.equal(mine.id);
      await expectCode(operations.service.get(mine.id, tenantId.parse("other")), "operation-unknown");
      const { items: listed } = await operations.service.list({ limit: 10 }, tenantId.parse("mine"));
      expect(listed.map(({ id }) => id)).to.deep.equal([mine.id]);
    });

    it("shows a tenant nothing of a former one with its id, and the platform everything", async () => {
      const again = tenantId.parse("again");
      const former = [await create("again")];
      former.push(await operations.service.startDelete(again, request));
      for (const operation of former)
        expect((await ended(operations, operation)).status).to.equal("succeeded");
      const current = await create("again");

      const { items: own } = await operations.service.list({ limit: 10 }, again);
      expect(own.map(({ id }) => id)).to.deep.equal([current.id]);
      for (const { id } of former) await expectCode(operations.service.get(id, again), "operation-unknown");
      const audit = await inTenant(operations.catalog, again, (tx) => listAudit(tx, { limit: 10 }));
      expect(new Set(audit.items.map(({ subject }) => subject))).to.deep.equal(new Set([current.id]));
      const { items: all } = await operations.service.list({ limit: 10, tenant: again });
      expect(all).to.have.length(3);
    });

    it("lists newest first, page by page, without gap or repetition", async () => {
      await create("page-1");
      await create("page-2");
      const all = await operations.service.list({ limit: 1_000 });
      const paged: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await operations.service.list({ limit: 2, cursor });
        paged.push(...page.items.map(({ id }) => id));
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined);
      expect(paged).to.deep.equal(all.items.map(({ id }) => id));
      await expectCode(operations.service.list({ limit: 2, cursor: "bogus" }), "request-invalid");
    });

    it("follows an operation event by event, and goes on behind a given one", async () => {
      const operation = await operations.service.startCreate(newTenant("followed"), request);
      const seen: OperationEvent[] = [];
      for await (const event of operations.service.events(operation.id, 0, new AbortController().signal))
        seen.push(event);
      expect(seen.map(({ id }) => id)).to.deep.equal(seen.map((_, index) => index + 1));
      expect(seen[0]).to.deep.include({ kind: "status", payload: { status: "queued" } });
      expect(seen.at(-1)).to.deep.include({ kind: "status", payload: { status: "succeeded" } });
      expect(seen.filter(({ kind }) => kind === "step")).to.have.length(2 * OPERATION_STEPS.create.length);
      expect(seen.some(({ payload }) => payload["message"] === "up of tenant-followed")).to.equal(true);

      const rest: OperationEvent[] = [];
      for await (const event of operations.service.events(operation.id, 5, new AbortController().signal))
        rest.push(event);
      expect(rest).to.deep.equal(seen.slice(5));
    });

    it("stops following when the reader goes", async () => {
      const hold = Promise.withResolvers<undefined>();
      beforeEffect.set("tenant-endless", (verb) => (verb === "up" ? hold.promise : undefined));
      const operation = await operations.service.startCreate(newTenant("endless"), request);
      const reader = new AbortController();
      for await (const event of operations.service.events(operation.id, 0, reader.signal)) {
        if (event.payload["name"] === "up") reader.abort();
      }
      hold.resolve(undefined);
      await ended(operations, operation);
    });
  });

  describe("rotate", () => {
    const rotate = (id: string) => operations.service.startRotate(tenantId.parse(id), request);
    const rotationOf = async (id: string) =>
      (await placementOf(operations.catalog.service, tenantId.parse(id)))?.rotation;

    it("asks the stack for new passwords, stores them, and logs in with each", async () => {
      await create("fresh");
      const end = await ended(operations, await rotate("fresh"));
      expect([end.status, end.error]).to.deep.equal(["succeeded", null]);
      expect(end.steps.map(({ name }) => name)).to.deep.equal(OPERATION_STEPS.rotate);
      expect(end.result).to.deep.equal({ rotation: 1, logins: [{ cell: "shared-1", user: "u" }] });
      const told = "select rotation from fake.stack where stack = 'tenant-fresh'";
      expect(await rowsOf(place, told)).to.deep.equal([{ rotation: 1 }]);
      await ended(operations, await rotate("fresh"));
      expect(await rowsOf(place, told)).to.deep.equal([{ rotation: 2 }]);
    });

    it("counts once, however often its steps run, and a later run of the engine asks for the same", async () => {
      await create("halfway");
      let upCount = 0;
      beforeEffect.set("tenant-halfway", (verb) => {
        if (verb === "up" && upCount++ === 0) throw new MillwrightError("engine-failed", "No.");
      });
      const failed = await ended(operations, await rotate("halfway"));
      expect([failed.status, failed.error?.code, await rotationOf("halfway")]).to.deep.equal([
        "failed",
        "engine-failed",
        1,
      ]);
      expect((await getTenant(operations.catalog.service, tenantId.parse("halfway"))).state).to.equal(
        "ready",
      );
      await operations.service.retry(failed.id, request);
      expect((await ended(operations, failed)).status).to.equal("succeeded");
      expect(await rotationOf("halfway")).to.equal(1);
    });

    it("changes nothing when a policy refuses, or when it is stopped in time", async () => {
      await create("refused");
      beforeEffect.set("tenant-refused", (verb) => {
        if (verb === "preview") throw new MillwrightError("policy-refused", "No.");
      });
      expect((await ended(operations, await rotate("refused"))).error?.code).to.equal("policy-refused");
      expect(await rotationOf("refused")).to.equal(0);
      const reached = Promise.withResolvers<undefined>();
      beforeEffect.set("tenant-refused", async (verb, signal) => {
        if (verb !== "preview" || signal === undefined) return;
        reached.resolve(undefined);
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      });
      const stopped = await rotate("refused");
      await reached.promise;
      await operations.service.cancel(stopped.id, request);
      expect((await ended(operations, stopped)).status).to.equal("cancelled");
      expect(await rotationOf("refused")).to.equal(0);
    });

    it("fails where a new password does not log in", async () => {
      await create("locked-out");
      beforeEffect.set("u", (verb) => {
        if (verb === "checkLogin") throw new MillwrightError("internal", "The login is refused.");
      });
      expect((await ended(operations, await rotate("locked-out"))).status).to.equal("failed");
    });

    it("refuses a tenant that moves, and one that is not there", async () => {
      await create("on-the-way");
      await rowsOf(place, "update tenant set state = 'moving' where tenant = 'on-the-way'");
      await expectCode(rotate("on-the-way"), "tenant-not-ready");
      await expectCode(rotate("nobody-at-all"), "tenant-unknown");
    });
  });

  it("runs two tenants at a time, and one operation of a tenant", async () => {
    let running = 0;
    let most = 0;
    onStep = (name, phase) => {
      if (name === "gate" && phase === "before") most = Math.max(most, ++running);
      if (name === "activate" && phase === "after") running -= 1;
    };
    const started = await Promise.all(
      Array.from({ length: 5 }, (_, index) =>
        operations.service.startCreate(newTenant(`load-${index}`), request),
      ),
    );
    for (const operation of started)
      expect((await ended(operations, operation)).status).to.equal("succeeded");
    expect(most).to.equal(2);
  });

  it("records who asked and how it ended", async () => {
    const operation = await create("audited");
    const rows = await rowsOf(
      place,
      'select actor, action, result, "from" from audit where subject = $1 order by entry',
      [operation.id],
    );
    expect(rows).to.deep.equal([
      { actor: "admin", action: "operation.create", result: "accepted", from: "127.0.0.1" },
      { actor: "admin", action: "operation.create", result: "succeeded", from: null },
    ]);
  });

  it("records why somebody stepped in", async () => {
    const hold = Promise.withResolvers<undefined>();
    onStep = (name, phase) => (name === "place" && phase === "before" ? hold.promise : undefined);
    const operation = await operations.service.startCreate(newTenant("why"), request);
    await operations.service.cancel(operation.id, { ...request, reason: "wrong customer" });
    hold.resolve(undefined);
    expect((await ended(operations, operation)).status).to.equal("cancelled");
    const rows = await rowsOf(
      place,
      "select detail from audit where action = 'operation.cancel' and subject = $1",
      [operation.id],
    );
    expect(rows).to.deep.equal([{ detail: { reason: "wrong customer" } }]);
  });
});
