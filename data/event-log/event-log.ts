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
  /**
   * From here up to `offset` the partition holds no other record. The embedded log gives dense offsets, so this is
   * `offset` itself; Kafka also numbers aborted records and the marks of transactions, which nobody gets to see.
   */
  readonly coversFrom: bigint;
  /**
   * Given by the log, never by a producer. Embedded: never earlier than that of the record before it in the partition.
   * Kafka: by the clock of the partition's leader, so as steady as the brokers' clocks.
   */
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

export interface ReadRecords {
  readonly records: readonly LogRecord[];
  /** Where to go on. */
  readonly next: bigint;
}

/** Whether a record is one of those that come from `seek` on. */
export function comesFrom(seek: Seek, { topic, partition, offset }: Seek): boolean {
  return topic === seek.topic && partition === seek.partition && offset >= seek.offset;
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
  /** Partitions that must go on elsewhere though no batch of theirs said so, also stopped ones; asked after `topics`. */
  readonly seeks?: () => readonly Seek[];
  /** A position outside what the log still holds: the partition stops, and this is the alarm. */
  readonly outOfRange: (seek: Seek, bounds: OffsetBounds) => void;
}

/** How far a consumer of this process is behind. */
export interface PartitionLag extends TopicPartition {
  readonly group: string;
  /**
   * Offsets up to the end of the partition that `handle` has not been given; while nobody knows what is stored, those
   * behind the last position that was known. Of Kafka as the last fetch told, or the broker where nothing is fetched.
   */
  readonly records: number;
}

/** What a topic is made with. */
export interface TopicSettings {
  /** Records appended longer ago than this may go. Embedded: one retention for all topics, this is not heard. */
  readonly retentionMs?: number;
}

/** What a topic is let hold. */
export interface Retention {
  /** Records appended longer ago than this may go. */
  readonly maxAgeMs: number;
  /** The oldest records of a partition go when it holds more than this; Infinity where nobody has set it. */
  readonly maxBytesPerPartition: number;
}

/** The only way in for readings: PostgreSQL or Kafka, under the same contract tests. */
export interface EventLog {
  /** Idempotent; an existing topic keeps its partitions and settings. */
  readonly createTopic: (topic: string, partitions: number, settings?: TopicSettings) => Promise<void>;
  /** Idempotent. */
  readonly dropTopic: (topic: string) => Promise<void>;
  /**
   * All records are durable once it resolves. `topic-unknown` and `body-too-large` (a record beyond what the log takes)
   * mean that none was appended. After `log-unavailable` nobody knows: none, some or all of them are there. Embedded,
   * all or none; on Kafka each partition decides for itself. The caller appends again, and what comes twice under one
   * batch id is stored once.
   * @throws MillwrightError `topic-unknown`, `body-too-large`, `log-unavailable` (retryable, within 11 s)
   */
  readonly append: (records: readonly NewRecord[]) => Promise<void>;
  /** As it is set now, by whomever. @throws MillwrightError `topic-unknown`, `log-unavailable` */
  readonly retention: (topic: string) => Promise<Retention>;
  readonly bounds: (partition: TopicPartition) => Promise<OffsetBounds>;
  /**
   * Records of one partition from an offset on, as many as one fetch holds (Kafka: 6 MiB), none at its end. For who is handed
   * records and misses some; a consumer has no need of it.
   * @throws MillwrightError `offset-out-of-range` when the log does not hold the offset, `topic-unknown`, `log-unavailable`
   */
  readonly read: (from: Seek) => Promise<ReadRecords>;
  /**
   * A point of the partition in offset and time: records below `end` are readable, and whatever is appended behind it
   * gets a time stamp of `atMs` or later. Whoever has consumed up to `end` has seen every record appended before `atMs`.
   * Kafka tells its time only to who appends: there each call appends a *tick*, a record without readings.
   */
  readonly horizon: (partition: TopicPartition) => Promise<Horizon>;
  /** Runs until `signal` aborts, then resolves after the batch in hand. */
  readonly consume: (subscription: Subscription, signal: AbortSignal) => Promise<void>;
  /** Of all partitions that consumers of this process follow and have ever known a position of. */
  readonly lags: () => Promise<readonly PartitionLag[]>;
  /** @throws MillwrightError `log-unavailable` */
  readonly ping: () => Promise<void>;
  readonly close: () => Promise<void>;
}
