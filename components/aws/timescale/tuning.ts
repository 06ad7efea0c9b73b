/** What a server has to offer, and to how many. */
export interface ServerSizes {
  readonly memoryGb: number;
  readonly vcpuCount: number;
  readonly walVolumeGb: number;
  readonly maxConnections: number;
}

const BACKGROUND_WORKERS = 8;
const BUILT_IN_PROCESSES = 3; // checkpointer, WAL writer, autovacuum
const MAX_MAINTENANCE_MEMORY_MB = 2047;
const WORK_MEMORY_MB_PER_GB = 6.4 * 20; // of one connection at 20, as pgtune gives it
const WAL_SHARE_OF_VOLUME = 0.6; // the rest is for what cannot be archived just now
const WAL_SEGMENT_MB = 16;

/**
 * Memory, parallelism and WAL by the rules of timescaledb-tune (github.com/timescale/timescaledb-tune, pkg/pgtune, read
 * 2026-11): by name, in PostgreSQL's units.
 */
export function tunedSettings({ memoryGb, vcpuCount, walVolumeGb, maxConnections }: ServerSizes) {
  const parallelism = Math.max(1, Math.round(vcpuCount / 2));
  const maxWalMb = Math.ceil((walVolumeGb * 1_024 * WAL_SHARE_OF_VOLUME) / WAL_SEGMENT_MB) * WAL_SEGMENT_MB;
  const workMemoryKb = ((memoryGb * WORK_MEMORY_MB_PER_GB) / maxConnections / parallelism) * 1_024;
  return {
    max_connections: String(maxConnections),
    shared_buffers: `${Math.floor((memoryGb * 1_024) / 4)}MB`,
    effective_cache_size: `${Math.floor((memoryGb * 1_024 * 3) / 4)}MB`,
    maintenance_work_mem: `${Math.min(MAX_MAINTENANCE_MEMORY_MB, Math.floor(memoryGb * 128))}MB`,
    work_mem: `${Math.max(64, Math.floor(workMemoryKb))}kB`, // PostgreSQL takes no less
    "timescaledb.max_background_workers": String(BACKGROUND_WORKERS),
    max_worker_processes: String(BUILT_IN_PROCESSES + BACKGROUND_WORKERS + vcpuCount),
    max_parallel_workers: String(vcpuCount),
    max_parallel_workers_per_gather: String(parallelism),
    wal_buffers: "16MB",
    max_wal_size: `${maxWalMb}MB`,
    min_wal_size: `${maxWalMb / 2}MB`,
    random_page_cost: "1.1",
    effective_io_concurrency: "256",
    checkpoint_completion_target: "0.9",
    default_statistics_target: "100",
  } as const;
}
