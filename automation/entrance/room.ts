import { MillwrightError } from "../../model/errors.ts";

/** What bodies on their way in and answers on their way out may hold of this process's memory. */
export interface RoomLimits {
  readonly totalBytes: number;
  /** Of one tenant: a client that sends slowly or reads nothing fills its own share, not its neighbours'. */
  readonly shareBytes: number;
}

/** Eight of the largest bodies at once for a tenant. Lower: an import in parallel is refused; higher: the machine pays. */
const LIMITS: RoomLimits = { totalBytes: 256 * 1024 * 1024, shareBytes: 64 * 1024 * 1024 };

/** One call's part of the room. */
export interface Hold {
  /** Says how many bytes the call holds now. @throws MillwrightError `too-many-requests`, retryable */
  readonly keep: (bytes: number) => void;
  /** Gives all back, for good. */
  readonly end: () => void;
}

/** Counts the bytes that wait for clients, by whose they are. */
export class Room {
  readonly #limits: RoomLimits;
  readonly #shares = new Map<string, number>();
  #heldBytes = 0;

  constructor(limits: RoomLimits = LIMITS) {
    this.#limits = limits;
  }

  /** @param holder - a tenant, or a credential of the platform */
  open(holder: string): Hold {
    let keptBytes = 0;
    let hasEnded = false;
    const keep = (bytes: number) => {
      if (hasEnded) return; // the client has left: what is still being made for it goes at once
      this.#move(holder, bytes - keptBytes);
      keptBytes = bytes;
    };
    const end = () => {
      keep(0);
      hasEnded = true;
    };
    return { keep, end };
  }

  #move(holder: string, bytes: number): void {
    const share = (this.#shares.get(holder) ?? 0) + bytes;
    const { totalBytes, shareBytes } = this.#limits;
    if (bytes > 0 && (share > shareBytes || this.#heldBytes + bytes > totalBytes)) {
      const message = "Too much of yours is on its way at once; try again when other calls have ended.";
      throw new MillwrightError("too-many-requests", message, { retryable: true });
    }
    this.#heldBytes += bytes;
    if (share === 0) this.#shares.delete(holder);
    else this.#shares.set(holder, share);
  }
}
