import type { Socket } from "node:net";
import { generate, type IConnectPacket, type IPublishPacket, type Packet } from "mqtt-packet";
import { MillwrightError } from "../../model/errors.ts";
import { isOutage } from "../../data/pool.ts";
import { pause } from "../../data/wait.ts";
import type { Refusal } from "../../model/refused-record.ts";
import type { Intake } from "../entrance/intake.ts";
import type { Hold, Room } from "../entrance/room.ts";
import type { TokenCheck } from "../entrance/token-check.ts";
import { Frames } from "./frames.ts";
import type { UnderstoodMessage } from "./message.ts";
import type { MqttMetrics } from "./metrics.ts";
import { Pipeline } from "./pipeline.ts";
import { ConnectionEnd, REASON, RETURN_UNACCEPTABLE_VERSION, type Reason } from "./reason.ts";
import { MAX_PACKET_BYTES, refusal, signIn, type Session } from "./sign-in.ts";

/** Of a stranger no more is read, and of nobody in a packet that publishes nothing. */
const MAX_OTHER_BYTES = 8 * 1024;
const STRANGER = { publishBytes: MAX_OTHER_BYTES, otherBytes: MAX_OTHER_BYTES };
const CLIENT = { publishBytes: MAX_PACKET_BYTES, otherBytes: MAX_OTHER_BYTES };
/** A client that sends and never reads its acknowledgements is cut. */
const MAX_UNREAD_BYTES = 64 * 1024;
/** Longer, and a client that does not read its last packet holds the connection for longer. */
const LAST_WORDS_MS = 2_000;
/** The standard's grace over the keep-alive that was agreed. */
const KEEP_ALIVE_GRACE = 1.5;

export interface ConnectionDeps {
  readonly intake: Intake;
  readonly tokens: TokenCheck;
  readonly room: Room;
  readonly metrics: MqttMetrics;
  readonly nowMs: () => number;
  /** Time until which a stranger must have signed in. */
  readonly connectMs: number;
  /** Told of each session before it is answered; refuses it by throwing ConnectionEnd. */
  readonly onSession: (connection: Connection, session: Session) => void;
  /** An error that is none of the client's and none of an outage's. */
  readonly onError: (error: unknown) => void;
}

/** One client: reads packets in order, each when the one before has been dealt with. */
export class Connection {
  readonly #socket: Socket;
  readonly #deps: ConnectionDeps;
  readonly #frames = new Frames();
  readonly #openedAtMs = performance.now();
  readonly #ending = new AbortController();
  #lastHeardMs = performance.now();
  #session: Session | undefined;
  #pipeline: Pipeline | undefined;
  #hold: Hold | undefined;
  #leaving: Promise<void> | undefined;

  constructor(socket: Socket, deps: ConnectionDeps) {
    this.#socket = socket;
    this.#deps = deps;
  }

  get session(): Session | undefined {
    return this.#session;
  }

  /** Resolves when the connection is over and nothing of it is on its way any more. Never rejects. */
  async run(): Promise<void> {
    const socket = this.#socket;
    socket.on("error", () => undefined); // a broken connection is over, whatever broke it
    try {
      for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        this.#lastHeardMs = performance.now();
        this.#frames.push(chunk);
        if (!(await this.#takeAll())) break;
      }
    } catch (error) {
      this.#endBecauseOf(error);
    }
    this.#leaving ??= this.#leave();
    await this.#leaving;
    this.#hold?.end();
  }

  /** Takes every packet that is there as a whole. @returns whether to go on */
  async #takeAll(): Promise<boolean> {
    while (!this.#ending.signal.aborted) {
      const packet = this.#frames.next(this.#session === undefined ? STRANGER : CLIENT);
      this.#count();
      if (packet === undefined) return true;
      if (!(await this.#take(packet))) return false;
    }
    return false;
  }

  /** Says what the connection holds. @throws MillwrightError `too-many-requests` */
  #count(): void {
    this.#hold?.keep(this.#frames.bytes + (this.#pipeline?.bytes ?? 0));
  }

  /** Closes what has been silent for too long. */
  endIfSilent(): void {
    const now = performance.now();
    if (this.#session === undefined) {
      if (now - this.#openedAtMs > this.#deps.connectMs) this.#socket.destroy();
      return;
    }
    // While messages wait for the log nothing is read, so the silence is ours.
    if (this.#pipeline?.isBusy === true) this.#lastHeardMs = now;
    if (now - this.#lastHeardMs > this.#session.keepAliveS * 1_000 * KEEP_ALIVE_GRACE)
      this.end("keepAliveTimeout");
  }

  /** Reads no more, lets messages on their way be kept, tells the client why where its version can hear it, and closes. */
  end(reason: Reason): void {
    if (this.#leaving !== undefined) return;
    this.#ending.abort();
    if (reason !== "serverShuttingDown") this.#deps.metrics.refused(reason);
    this.#leaving = this.#leave(reason);
  }

  async #leave(reason?: Reason): Promise<void> {
    await this.#pipeline?.idle();
    if (reason !== undefined && this.#session?.isVersion5 === true)
      this.#send({ cmd: "disconnect", reasonCode: REASON[reason] });
    this.#socket.destroySoon();
    setTimeout(() => this.#socket.destroy(), LAST_WORDS_MS).unref();
  }

  /** @returns whether to go on */
  async #take(packet: Packet): Promise<boolean> {
    if (this.#session === undefined) return this.#signIn(packet);
    // The parser takes a packet that ends before its id, and gives it -1.
    if (packet.messageId !== undefined && packet.messageId < 1)
      throw new ConnectionEnd("malformedPacket", "A packet id is a number from 1 to 65535.");
    if (!(await this.#keepsRate(this.#session.sender.credentialId))) return false;
    switch (packet.cmd) {
      case "publish":
        await this.#publish(packet, this.#session);
        return true;
      case "pingreq":
        this.#send({ cmd: "pingresp" });
        return true;
      case "subscribe": {
        const code = this.#session.isVersion5 ? REASON.notAuthorized : 0x80;
        const granted = packet.subscriptions.map(() => code);
        this.#deps.metrics.refused("subscribe");
        this.#send({ cmd: "suback", messageId: packet.messageId ?? 0, granted });
        return true;
      }
      case "unsubscribe": {
        const granted = packet.unsubscriptions.map(() => REASON.noSubscriptionExisted);
        this.#send({ cmd: "unsuback", messageId: packet.messageId ?? 0, granted });
        return true;
      }
      case "disconnect":
        return false;
      default:
        throw new ConnectionEnd("protocolError", `A client sends no ${packet.cmd} here.`);
    }
  }

  async #signIn(packet: Packet): Promise<boolean> {
    if (packet.cmd !== "connect") throw new ConnectionEnd("protocolError", "CONNECT comes first.");
    const { tokens, metrics, onSession } = this.#deps;
    const result = await this.#judged(packet, tokens);
    if (!("session" in result)) {
      metrics.refused(result.reason);
      this.#send(result.answer, packet);
      return false;
    }
    const { session, answer } = result;
    try {
      onSession(this, session);
    } catch (error) {
      if (!(error instanceof ConnectionEnd)) throw error;
      metrics.refused(error.reason);
      this.#send(refusal(session.isVersion5, error.reason), packet);
      return false;
    }
    this.#session = session;
    this.#hold = this.#deps.room.open(session.sender.tenant);
    this.#pipeline = new Pipeline({
      ...{ intake: this.#deps.intake, sender: session.sender, nowMs: this.#deps.nowMs },
      onKept: (publish, message) => this.#acknowledge(publish, message, session),
      onFailure: (error) => this.#endBecauseOf(error),
    });
    this.#send(answer);
    return true;
  }

  async #judged(packet: IConnectPacket, tokens: TokenCheck) {
    try {
      return await signIn(packet, tokens, this.#socket.remoteAddress ?? "unknown");
    } catch (error) {
      if (!isOutage(error)) this.#deps.onError(error);
      const reason = "serverUnavailable" as const;
      return { reason, answer: refusal(packet.protocolVersion === 5, reason) };
    }
  }

  async #publish(packet: IPublishPacket, { isVersion5 }: Session): Promise<void> {
    if (packet.qos === 2) throw new ConnectionEnd("qosNotSupported", "QoS is 0 or 1 here.");
    if (packet.retain && isVersion5)
      throw new ConnectionEnd("retainNotSupported", "Nothing is retained here.");
    if (packet.properties?.topicAlias !== undefined)
      throw new ConnectionEnd("topicAliasInvalid", "No topic alias was allowed.");
    await this.#pipeline?.push(packet);
  }

  /**
   * Over its rate a client is read more slowly, not refused: what it has to say is wanted. Every packet counts, as
   * answering pings for ever keeps a core as busy as messages do.
   * @returns false: the connection has ended meanwhile
   */
  async #keepsRate(credentialId: string): Promise<boolean> {
    for (let waitSeconds; (waitSeconds = this.#deps.tokens.count(credentialId)) > 0;) {
      await pause(waitSeconds * 1_000, this.#ending.signal);
      if (this.#ending.signal.aborted) return false;
      this.#lastHeardMs = performance.now();
    }
    return true;
  }

  #acknowledge(
    { qos, messageId = 0 }: IPublishPacket,
    { readingCount, refusal: why }: UnderstoodMessage,
    { isVersion5, wantsReasons }: Session,
  ): void {
    this.#count();
    this.#deps.metrics.kept(qos);
    if (why !== undefined) this.#deps.metrics.refused(why.reason);
    if (qos === 0) return;
    const puback = { cmd: "puback", messageId } as const;
    if (!isVersion5) return this.#send(puback);
    const properties = why !== undefined && wantsReasons ? { properties: { reasonString: why.message } } : {};
    this.#send({
      ...puback,
      reasonCode: readingCount > 0 ? REASON.success : REASON[pubackReason(why)],
      ...properties,
    });
  }

  /** The other end has gone, within a packet or between two. */
  #isBroken(error: unknown): boolean {
    return (
      error === this.#socket.errored || (error as NodeJS.ErrnoException).code === "ERR_STREAM_PREMATURE_CLOSE"
    );
  }

  #endBecauseOf(error: unknown): void {
    if (this.#isBroken(error)) return;
    if (error instanceof ConnectionEnd) {
      if (this.#session === undefined && error.message === "Invalid protocol version")
        this.#send({ cmd: "connack", sessionPresent: false, returnCode: RETURN_UNACCEPTABLE_VERSION });
      this.end(error.reason);
    } else if (error instanceof MillwrightError && error.code === "too-many-requests") {
      this.end("quotaExceeded");
    } else if (error instanceof MillwrightError && !error.retryable) {
      this.end("administrativeAction"); // the tenant is on its way out
    } else {
      if (!(error instanceof MillwrightError) && !isOutage(error)) this.#deps.onError(error);
      this.end("serverBusy");
    }
  }

  #send(packet: Packet, connect?: IConnectPacket): void {
    if (!this.#socket.writable) return;
    const protocolVersion = connect?.protocolVersion ?? (this.#session?.isVersion5 === true ? 5 : 4);
    const maximumPacketSize = this.#session?.maximumPacketSize;
    const options = { protocolVersion, ...(maximumPacketSize && { properties: { maximumPacketSize } }) };
    this.#socket.write(generate(packet, options));
    if (this.#socket.writableLength > MAX_UNREAD_BYTES) this.#socket.destroy();
  }
}

function pubackReason(refused: Refusal | undefined): Reason {
  switch (refused?.reason) {
    case undefined:
      return "success";
    case "topic-invalid":
      return "topicNameInvalid";
    case "machine-forbidden":
    case "machine-unknown":
    case "identity-mismatch":
      return "notAuthorized";
    default:
      return "payloadFormatInvalid";
  }
}
