import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openCatalog } from "../../../data/catalog/catalog.ts";
import { isOutage } from "../../../data/pool.ts";
import { folderSecretStore } from "../../../data/secret-store.ts";
import { queryReadings } from "../../../handlers/query/process.ts";
import { tenantCells, type TenantCells } from "../../../handlers/query/tenant-cells.ts";
import type { TenantId } from "../../../model/tenant.ts";
import { TAG_OF } from "../../checker/stored.ts";

const PAUSE_MS = 50;
const TYPES = ["machine", "energy", "air-quality"] as const;
type WatchedType = (typeof TYPES)[number];

/**
 * Reads a tenant's rows all the time as the API does, by seconds: one just gone by, or one that was read before. It
 * remembers every row that it saw; each must be there whenever its second is read again.
 */
export class RowWatcher {
  readonly #home: string;
  readonly #tenant: TenantId;
  readonly #random: () => number;
  /** By type and second: the tags seen. */
  readonly #seen = new Map<string, Set<string>>();
  /** Keys of {@link #seen}, to choose from. */
  readonly #seconds: { readonly type: WatchedType; readonly second: number }[] = [];
  readonly #vanished = new Set<string>();
  readCount = 0;

  /** @param home - with the secrets that lead to catalog and cells */
  constructor(home: string, tenant: TenantId, random: () => number) {
    this.#home = home;
    this.#tenant = tenant;
    this.#random = random;
  }

  /** What was seen, and not seen again. */
  get findings(): string[] {
    const nothingRead = this.readCount === 0 ? ["nothing could be read"] : [];
    return [...nothingRead, ...[...this.#vanished].map((row) => `a reader saw ${row}, and later did not`)];
  }

  async watch(signal: AbortSignal): Promise<void> {
    const secrets = folderSecretStore(path.join(this.#home, "secrets"));
    const access = (await secrets.get("catalog")) as Parameters<typeof openCatalog>[0] &
      Parameters<typeof openCatalog>[1];
    const catalog = openCatalog(access, access, "test-reader");
    const cells = tenantCells({ catalog, secrets });
    while (!signal.aborted) {
      try {
        await this.#read(cells);
        this.readCount += 1;
      } catch (error) {
        if (!isOutage(error)) throw error;
      }
      await delay(PAUSE_MS);
    }
    await Promise.all([cells.close(), catalog.close()]);
  }

  async #read(cells: TenantCells): Promise<void> {
    const { type, second } = this.#choose();
    const key = `${type} ${second}`;
    const before = [...(this.#seen.get(key) ?? [])];
    const request = { type, fromMs: second * 1_000, toMs: (second + 1) * 1_000, limit: 10_000 };
    const { rows } = await cells.atHome(this.#tenant, ({ pool, epoch }) =>
      queryReadings(
        { pool, now: Date.now, spent: () => undefined },
        { tenant: this.#tenant, epoch, ...request },
      ),
    );
    const tags = new Set(rows.map((row) => row[TAG_OF[type]!] as string));
    for (const tag of before) if (!tags.has(tag)) this.#vanished.add(`${type} ${tag}`);
    if (tags.size === 0) return;
    if (!this.#seen.has(key)) this.#seconds.push({ type, second });
    this.#seen.set(key, tags.union(new Set(before)));
  }

  #choose(): { readonly type: WatchedType; readonly second: number } {
    const known = this.#seconds[Math.floor(this.#random() * this.#seconds.length)];
    if (known !== undefined && this.#random() < 0.5) return known;
    const type = TYPES[Math.floor(this.#random() * TYPES.length)]!;
    return { type, second: Math.floor(Date.now() / 1_000 - this.#random() * 3) };
  }
}
