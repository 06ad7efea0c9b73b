import { pause } from "../../wait.ts";
import type { TopicPartition } from "../event-log.ts";
import { unavailable, type KafkaCluster } from "./cluster.ts";
import { errorName } from "./protocol.ts";

// A member that is silent for longer is gone, and its partitions stand still until then. 6 s is the brokers' lower limit.
const SESSION_MS = 6_000;
const HEARTBEAT_MS = 1_000;
const RETRY_MS = 500;
const PROTOCOL = "rendezvous";

/**
 * Who shares the partitions of a group with us. Kafka's group protocol tells the members of each other, and nothing
 * else: which partitions each one reads follows from the list ({@link readerOf}), so a topic that comes or goes is no
 * rebalance, and while the list changes everybody reads on what they had. Two that read the same partition do no harm,
 * and one that has not joined yet reads everything: what keeps readings single is the fence in the database.
 */
export class Group {
  readonly #connect: () => KafkaCluster;
  readonly #cluster: KafkaCluster;
  readonly #group: string;
  readonly #changed: () => void;
  readonly #onError: (error: unknown) => void;
  #self = "";
  #generation = -1;
  #members: readonly string[] = [];

  /** @param changed - called when the members are others; @param connect - connections of its own, for joining waits */
  constructor(
    connect: () => KafkaCluster,
    group: string,
    changed: () => void,
    onError: (error: unknown) => void,
  ) {
    this.#connect = connect;
    this.#cluster = connect();
    this.#group = group;
    this.#changed = changed;
    this.#onError = onError;
  }

  isOurs(partition: TopicPartition): boolean {
    return this.#members.length < 2 || readerOf(partition, this.#members) === this.#self;
  }

  /** Keeps us in the group until `signal` aborts; then leaves, and the others take over at once. */
  async run(signal: AbortSignal): Promise<void> {
    const left = Promise.withResolvers<undefined>();
    const leave = () =>
      void this.#leave().finally(() => {
        left.resolve(undefined);
        return this.#cluster.close(); // a join may wait for others for seconds
      });
    if (signal.aborted)
      left.resolve(undefined); // before we have joined, and the event will not come
    else signal.addEventListener("abort", leave);
    while (!signal.aborted) {
      try {
        const coordinator = await this.#findCoordinator(this.#cluster);
        await this.#join(coordinator);
        await this.#stay(coordinator, signal);
      } catch (error) {
        this.#report(error, signal);
        await pause(RETRY_MS, signal);
      }
    }
    await left.promise;
    await this.#cluster.close();
  }

  /** Who leaves has closed its connections itself. */
  #report(error: unknown, { aborted }: AbortSignal): void {
    if (!aborted) this.#onError(error);
  }

  /** Over another connection, for ours may wait in a join; which the coordinator then ends. */
  async #leave(): Promise<void> {
    const cluster = this.#connect();
    try {
      const coordinator = await this.#findCoordinator(cluster);
      await cluster.request("LeaveGroup", { groupId: this.#group, memberId: this.#self }, coordinator);
    } catch {
      // then our session runs out, some seconds later
    } finally {
      await cluster.close();
    }
  }

  async #findCoordinator(cluster: KafkaCluster): Promise<number> {
    const { errorCode, coordinator } = await cluster.request("GroupCoordinator", {
      groupId: this.#group,
      coordinatorType: 0,
    });
    expectNoError(errorCode);
    cluster.meet(coordinator);
    return coordinator.nodeId;
  }

  /** Waits until every member has come (again), or its session is over. */
  async #join(coordinator: number): Promise<void> {
    const args = {
      ...{ groupId: this.#group, sessionTimeout: SESSION_MS, rebalanceTimeout: SESSION_MS },
      ...{ protocolType: "millwright", groupProtocols: [{ name: PROTOCOL, metadata: Buffer.alloc(0) }] },
    };
    let joined = await this.#cluster.request("JoinGroup", { ...args, memberId: this.#self }, coordinator);
    if (errorName(joined.errorCode) === "MEMBER_ID_REQUIRED") {
      this.#self = joined.memberId;
      joined = await this.#cluster.request("JoinGroup", { ...args, memberId: this.#self }, coordinator);
    }
    if (joined.errorCode !== 0) this.#self = "";
    expectNoError(joined.errorCode);
    this.#self = joined.memberId;
    this.#generation = joined.generationId;
    // only the leader is told the members; the list that it hands to all of them is the assignment
    const isLeader = joined.leaderId === joined.memberId;
    const list = joined.members.map(({ memberId }) => memberId).toSorted();
    const memberAssignment = Buffer.from(JSON.stringify(list));
    const synced = await this.#cluster.request(
      "SyncGroup",
      {
        ...{ groupId: this.#group, generationId: joined.generationId, memberId: joined.memberId },
        groupAssignment: isLeader ? list.map((memberId) => ({ memberId, memberAssignment })) : [],
      },
      coordinator,
    );
    expectNoError(synced.errorCode);
    this.#members = JSON.parse(synced.memberAssignment.toString()) as string[];
    this.#changed();
  }

  /** Until we have to join again, or `signal` aborts. */
  async #stay(coordinator: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && (await this.#heartbeat(coordinator))) await pause(HEARTBEAT_MS, signal);
  }

  /** @returns false when the group has to be joined again */
  async #heartbeat(coordinator: number): Promise<boolean> {
    const { errorCode } = await this.#cluster.request(
      "Heartbeat",
      { groupId: this.#group, groupGenerationId: this.#generation, memberId: this.#self },
      coordinator,
    );
    const error = errorName(errorCode);
    if (error === "UNKNOWN_MEMBER_ID") this.#self = "";
    return error === undefined;
  }
}

/**
 * The member that reads a partition: the one with the highest hash of both (rendezvous hashing). When a member comes or
 * goes, only the partitions that it takes or had change hands.
 */
export function readerOf(
  { topic, partition }: TopicPartition,
  members: readonly string[],
): string | undefined {
  let best: { readonly member: string; readonly weight: number } | undefined;
  for (const member of members) {
    const weight = fnv1a(`${member} ${topic}/${partition}`);
    if (best === undefined || weight > best.weight) best = { member, weight };
  }
  return best?.member;
}

/** FNV-1a, and the last steps of MurmurHash3: alone it spreads texts that differ at their ends badly. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function expectNoError(code: number): void {
  const name = errorName(code);
  if (name !== undefined) throw unavailable(`Kafka does not let us into the group: ${name}.`);
}
