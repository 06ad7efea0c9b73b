import pg from "pg";

/** How to reach the server: the settings of the provider resource. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Where statements on roles and databases run. */
  readonly database: string;
  readonly ssl: false | { readonly rejectUnauthorized: boolean };
  readonly connectTimeoutMs: number;
}

// Any constant does, as long as every process of ours takes the same one.
const CATALOG_LOCK = "4987104723541001";

/**
 * One connection per database, one statement at a time. GRANT and REVOKE rewrite one row of the system catalog, and
 * two at once end in "tuple concurrently updated" (XX000), also between two engines: hence the queue in this
 * process and the advisory lock across processes.
 */
export class Sessions {
  readonly #address: ServerAddress;
  readonly #clients = new Map<string, pg.Client>();
  #queue: Promise<unknown> = Promise.resolve();

  constructor(address: ServerAddress) {
    this.#address = address;
  }

  /** Database where roles and databases are made and dropped. */
  get maintenanceDatabase(): string {
    return this.#address.database;
  }

  /** One transaction under the catalog lock, in `database` or else in the maintenance database. */
  async transaction<T>(work: (tx: pg.Client) => Promise<T>, database?: string): Promise<T> {
    return this.#next(database, async (client) => {
      try {
        await client.query("begin");
        await client.query(`select pg_advisory_xact_lock(${CATALOG_LOCK})`);
        const result = await work(client);
        await client.query("commit");
        return result;
      } catch (error) {
        await client.query("rollback").catch(() => this.#drop(client));
        throw error;
      }
    });
  }

  /** Statements that PostgreSQL refuses inside a transaction: CREATE DATABASE, DROP DATABASE. */
  async statements<T>(work: (client: pg.Client) => Promise<T>, database?: string): Promise<T> {
    return this.#next(database, work);
  }

  /** One statement for which no session of ours may be in `left`: in its turn, for one of ours may be at work there. */
  async outside(left: string, statement: string): Promise<void> {
    await this.#next(undefined, async (client) => {
      const inside = this.#clients.get(left);
      if (inside !== undefined) await this.#drop(inside);
      await client.query(statement);
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients.values()].map((client) => this.#drop(client)));
  }

  #next<T>(database: string | undefined, work: (client: pg.Client) => Promise<T>): Promise<T> {
    const result = this.#queue.then(async () =>
      work(await this.#client(database ?? this.maintenanceDatabase)),
    );
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #client(database: string): Promise<pg.Client> {
    const open = this.#clients.get(database);
    if (open !== undefined) return open;
    const { connectTimeoutMs, ...address } = this.#address;
    const client = new pg.Client({
      ...address,
      database,
      connectionTimeoutMillis: connectTimeoutMs,
      statement_timeout: 120_000, // longer than any lock that a tenant's own statement (30 s) can hold against us
      application_name: "pulumi-resource-postgresql",
    });
    // A lost connection is reported by the statement that needs it; the next one connects anew.
    client.on("error", () => void this.#drop(client));
    await client.connect();
    this.#clients.set(database, client);
    return client;
  }

  async #drop(client: pg.Client): Promise<void> {
    for (const [database, open] of this.#clients) if (open === client) this.#clients.delete(database);
    await client.end().catch(() => undefined);
  }
}

const GONE = ["42704", "3F000", "3D000"]; // no such role, schema, database

/** undefined instead of an error when the role, schema or database that `work` is about is gone already. */
export async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof pg.DatabaseError && GONE.includes(error.code ?? "")) return undefined;
    throw error;
  }
}

export const identifier = (name: string) => pg.escapeIdentifier(name);
export const literal = (text: string) => pg.escapeLiteral(text);
