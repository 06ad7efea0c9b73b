import { sqlState } from "../data/pool.ts";

/** Something with connections, kept from one invocation of a function to the next. */
export interface Opened {
  readonly close: () => Promise<void>;
}

/**
 * Opens what a function works with when it is first invoked, and keeps it. When a database refuses the login, the
 * secrets were rotated: all is opened again with what they are now and the work is run once more, which every handler
 * allows, because every event may come twice. What could not be opened is tried again with the next invocation.
 * @param open - reads the secrets
 */
export function openedBySecrets<T extends Opened>(open: () => Promise<T>) {
  let opened: Promise<T> | undefined;

  async function current(): Promise<T> {
    opened ??= open();
    const mine = opened;
    try {
      return await mine;
    } catch (error) {
      if (opened === mine) opened = undefined;
      throw error;
    }
  }

  return async <R>(work: (opened: T) => Promise<R>): Promise<R> => {
    const first = await current();
    try {
      return await work(first);
    } catch (error) {
      if (!isLoginRefused(error)) throw error;
      opened = undefined;
      await first.close();
      return work(await current());
    }
  };
}

/** SQLSTATE class 28: invalid authorization, also inside what was made of the error. */
function isLoginRefused(error: unknown): boolean {
  if (sqlState(error)?.startsWith("28") === true) return true;
  if (error instanceof AggregateError && error.errors.some(isLoginRefused)) return true;
  return error instanceof Error && error.cause !== undefined && isLoginRefused(error.cause);
}
