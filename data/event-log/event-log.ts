/** A partition of a topic: the unit of order. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface NewRecord extends TopicPartition {
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Buffer;
}

export interface LogRecord extends NewRecord {
  readonly offset: bigint;
  /** Given by the log, never earlier than that of the record before it in the partition. */
  readonly appendedAtMs: number;
}

/** Records that can still be read: `start` is the oldest offset kept, `end` the next one to be given out. */
export interface OffsetBounds {
  readonly start: bigint;
  readonly end: bigint;
}

export interface Horizon {
  readonly end: bigint;
  readonly atMs: number;
}

/** Where a partition goes on. */
export interface Seek extends TopicPartition {
  readonly offset: bigint;
}

/** What one consumer wants of the log. Positions belong to the consumer's own database, never to the log. */
export interface Subscription {
  /** Consumer group: each partition is given to one member at a time, which is a hint and never a fence. */
  readonly group: string;
  /** Topics to follow now; asked again at least every second, so a new tenant is followed without a restart. */
  readonly topics: () => Promise<readonly string[]>;
  /** The stored position of a partition; asked whenever the partition is (again) assigned. */
  readonly position: (partition: TopicPartition) => Promise<bigint>;
  /**
   * Takes records of one or several partitions, each partition's in offset order. Answers only the partitions that
   * must go on elsewhere than behind their last record (in either direction). A thrown error means that nothing of
   * the batch is known to be taken: the partitions are assigned anew after a pause.
   */
  readonly handle: (batch: readonly LogRecord[]) => Promise<readonly Seek[]>;
  /** A position outside what the log still holds: the partition stops, and this is the alarm. */
  readonly outOfRange: (seek: Seek, bounds: OffsetBounds) => void;
}

/** The only way in for readings. Embedded: PostgreSQL; later Kafka: the same interface and contract tests. */
export interface EventLog {
  /** Idempotent; an existing topic keeps its partitions. */
  readonly createTopic: (topic: string, partitions: number) => Promise<void>;
  /** Idempotent. */
  readonly dropTopic: (topic: string) => Promise<void>;
  /** Durable once it resolves: all records or none. @throws MillwrightError `topic-unknown`, `log-unavailable` */
  readonly append: (records: readonly NewRecord[]) => Promise<void>;
  readonly bounds: (partition: TopicPartition) => Promise<OffsetBounds>;
  /**
   * A point of the partition in offset and time: records below `end` are readable, and whatever is appended behind it
   * gets a time stamp of `atMs` or later. Whoever has consumed up to `end` has seen every record appended before `atMs`.
   */
  readonly horizon: (partition: TopicPartition) => Promise<Horizon>;
  /** Runs until `signal` aborts, then resolves after the batch in hand. */
  readonly consume: (subscription: Subscription, signal: AbortSignal) => Promise<void>;
  readonly close: () => Promise<void>;
}
