import { setTimeout as delay } from "node:timers/promises";
import { readFlip } from "../../data/catalog/flip.ts";
import { openWriterProbe, type WriterProbe } from "../../data/cell/writer-probe.ts";
import type { FlipPlacement } from "../../model/flip.ts";
import type { TenantId } from "../../model/tenant.ts";
import type { FlipDeps } from "./flip-tenant.ts";

/** Between two tries. Shorter: more load on the cell. Longer: a pause is seen as so much longer than it was. */
const INTERVAL_MS = 10;
/** The same after a failure: to connect costs more than to ask. */
const RECONNECT_MS = 50;
/** Start and stop wait so long for a moment at which something could be stored. */
const PATIENCE_MS = 5_000;

type PauseProbeDeps = Pick<FlipDeps, "service" | "secretOf">;

/** What a writer from outside has seen. */
export interface SeenPause {
  /** The longest time between two moments at which something could have been stored. */
  readonly pauseMs: number;
  readonly probeCount: number;
  readonly intervalMs: number;
}

/**
 * Measures the pause of a tenant's writers from outside: by connections of its own, it follows the tenant's placement from
 * cell to cell and tries all the time whether it could store. A lost connection is a part of the pause, and so is one that
 * lasts when it is stopped. It never fails: where it could not look, that is a pause.
 */
export async function startPauseProbe(
  deps: PauseProbeDeps,
  tenant: TenantId,
): Promise<{ readonly stop: () => Promise<SeenPause> }> {
  const writer = new FollowingWriter(deps, tenant);
  let lastMs = performance.now();
  let pauseMs = 0;
  let probeCount = 0;
  let isStopping = false;

  /** Tries until something could be stored, or for {@link PATIENCE_MS}. */
  const look = async () => {
    const untilMs = performance.now() + PATIENCE_MS;
    let mayStore: boolean | undefined;
    for (;;) {
      mayStore = await writer.mayStore().catch(() => undefined);
      probeCount += 1;
      if (mayStore === true || performance.now() > untilMs) break;
      await delay(mayStore === undefined ? RECONNECT_MS : INTERVAL_MS);
    }
    const nowMs = performance.now();
    pauseMs = Math.max(pauseMs, nowMs - lastMs);
    if (mayStore === true) lastMs = nowMs;
  };
  const keepLooking = async () => {
    while (!isStopping) {
      await delay(INTERVAL_MS);
      await look();
    }
  };

  await look();
  [pauseMs, lastMs] = [0, performance.now()]; // to connect is no pause
  const looking = keepLooking();
  return {
    async stop() {
      isStopping = true;
      await looking;
      await look();
      writer.close();
      return { pauseMs, probeCount, intervalMs: INTERVAL_MS };
    },
  };
}

/** Goes where the tenant's placement leads, as far as a writer goes before it writes. */
class FollowingWriter {
  readonly #deps: PauseProbeDeps;
  readonly #tenant: TenantId;
  readonly #probes = new Map<string, Promise<WriterProbe>>();
  #home: FlipPlacement | undefined;

  constructor(deps: PauseProbeDeps, tenant: TenantId) {
    this.#deps = deps;
    this.#tenant = tenant;
  }

  /** @throws Error when a database cannot be asked */
  async mayStore(): Promise<boolean> {
    const home = this.#home ?? (await readFlip(this.#deps.service, this.#tenant));
    this.#home = undefined; // read again, unless this one is right
    if (home === undefined) return false;
    const { cell, epoch, flipTarget } = home;
    // The writers of a cell that becomes home are there already: they are its shadow.
    if (flipTarget !== undefined) void this.#probeOf(flipTarget).catch(() => undefined);
    try {
      const probe = await this.#probeOf(cell);
      const mayStore = await probe.mayStore(this.#tenant, epoch);
      if (mayStore) this.#home = home;
      return mayStore;
    } catch (error) {
      this.#close(cell);
      throw error;
    }
  }

  close(): void {
    for (const cell of [...this.#probes.keys()]) this.#close(cell);
  }

  #probeOf(cell: string): Promise<WriterProbe> {
    const known = this.#probes.get(cell);
    if (known !== undefined) return known;
    const opening = this.#deps.secretOf(cell).then(openWriterProbe);
    this.#probes.set(cell, opening);
    return opening;
  }

  #close(cell: string): void {
    const probe = this.#probes.get(cell);
    this.#probes.delete(cell);
    probe?.then(
      (open) => open.close(),
      () => undefined,
    );
  }
}
