import { parser, type Packet } from "mqtt-packet";
import { ConnectionEnd } from "./reason.ts";

const LONGEST_HEADER_BYTES = 5;
const PUBLISH = 3;
/** More pieces of a packet are joined: each weighs some 200 bytes, and a client may send byte by byte. */
const MAX_CHUNKS = 256;

/** What a packet may measure, by what it is: only a PUBLISH has anything to say. */
export interface PacketLimits {
  readonly publishBytes: number;
  readonly otherBytes: number;
}

/**
 * Cuts a stream of bytes into MQTT packets. A length is judged when it is announced, so of a packet over the limit
 * nothing is held; and a packet is parsed when all of it is there, so the parser never reads into the next one.
 */
export class Frames {
  readonly #parser = parser();
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Of the packet that is coming in; undefined while its header is. */
  #frameBytes: number | undefined;
  #parsed: Packet[] = [];

  constructor() {
    this.#parser.on("packet", (packet) => this.#parsed.push(packet));
    this.#parser.on("error", (error: Error) => {
      throw new ConnectionEnd("malformedPacket", error.message);
    });
  }

  /** What is held, or will be when the announced packet is complete. */
  get bytes(): number {
    return Math.max(this.#bytes, this.#frameBytes ?? 0);
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#chunks.length > MAX_CHUNKS) this.#joined();
  }

  /**
   * The next whole packet; undefined: more bytes must come first.
   * @throws ConnectionEnd `packetTooLarge`, `malformedPacket`
   */
  next({ publishBytes, otherBytes }: PacketLimits): Packet | undefined {
    if (this.#frameBytes === undefined) this.#frameBytes = frameBytes(this.#joined());
    if (this.#frameBytes === undefined) return undefined;
    const maxBytes = (this.#chunks[0]?.[0] ?? 0) >> 4 === PUBLISH ? publishBytes : otherBytes;
    if (this.#frameBytes > maxBytes)
      throw new ConnectionEnd("packetTooLarge", `A packet may have ${maxBytes} bytes.`);
    if (this.#bytes < this.#frameBytes) return undefined;
    const joined = this.#joined();
    const frame = joined.subarray(0, this.#frameBytes);
    this.#chunks = [joined.subarray(this.#frameBytes)];
    this.#bytes -= this.#frameBytes;
    this.#frameBytes = undefined;
    return this.#parse(frame);
  }

  #joined(): Buffer {
    const [first, ...others] = this.#chunks;
    if (first === undefined) return Buffer.alloc(0);
    if (others.length === 0) return first;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }

  #parse(frame: Buffer): Packet {
    this.#parsed = [];
    try {
      this.#parser.parse(frame);
    } catch (error) {
      if (error instanceof ConnectionEnd) throw error;
      // The parser runs over the end of a packet that is shorter than what it says.
      throw new ConnectionEnd("malformedPacket", "The packet ends too early.");
    }
    const [packet] = this.#parsed;
    if (packet === undefined) throw new ConnectionEnd("malformedPacket", "The packet ends too early.");
    return packet;
  }
}

/** Of header and body; undefined while the header is incomplete. */
function frameBytes(start: Buffer): number | undefined {
  let remaining = 0;
  for (let index = 1; index < LONGEST_HEADER_BYTES; index++) {
    const byte = start[index];
    if (byte === undefined) return undefined;
    remaining += (byte & 0x7f) * 0x80 ** (index - 1);
    if (byte < 0x80) return 1 + index + remaining;
  }
  throw new ConnectionEnd("malformedPacket", "The length of the packet has more than four bytes.");
}
