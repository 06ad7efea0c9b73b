import { canonicalJson } from "../../model/canonical-json.ts";
import type { Engine, SessionRequest, StackSession } from "../engine/engine.ts";

interface OpenSession {
  readonly identity: string;
  readonly session: Promise<StackSession>;
}

/**
 * The engine's processes by operation. A session is a resource of this process, so it is never the result of a step: each
 * step asks for it, and gets the one that is open or, after a crash, a fresh one.
 */
export class StackSessions {
  readonly #engine: Engine;
  readonly #open = new Map<string, OpenSession>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** The operation's session for this stack, config and owner; one for other facts is closed first. */
  async get(operation: string, request: SessionRequest): Promise<StackSession> {
    const { stack, config, fencingToken } = request;
    const identity = canonicalJson({ stack, config, token: String(fencingToken) });
    const open = this.#open.get(operation);
    if (open?.identity === identity) return open.session;
    await this.close(operation);
    const session = this.#engine.open(request);
    this.#open.set(operation, { identity, session });
    // one that could not be opened must not be handed out again
    session.catch(() => this.#open.delete(operation));
    return session;
  }

  async close(operation: string): Promise<void> {
    const open = this.#open.get(operation);
    this.#open.delete(operation);
    const session = await open?.session.catch(() => undefined);
    await session?.close();
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((operation) => this.close(operation)));
  }
}
