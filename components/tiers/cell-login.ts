/** A login in a cell; the password is a secret. */
export interface CellLogin {
  readonly user: string;
  readonly password: string;
}

/** How to reach a cell: what its stack gives out, always as a secret. data/cell/cell-secret.ts reads it. */
export interface CellAccess {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly admin: CellLogin;
  readonly ingest: CellLogin;
  readonly query: CellLogin;
  /** Left out: without TLS. `ca`: PEM of the server's certificate, to pin. */
  readonly tls?: { readonly ca: string };
}

/** Roles and database that every cell has, under the same names in each. */
export const CELL_DATABASE = "readings";
export const INGEST_ROLE = "millwright_ingest";
export const QUERY_ROLE = "millwright_query";
