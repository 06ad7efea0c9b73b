/**
 * Limits of every login that only reads; data/cell adds one for locks, of which the plugin knows nothing. A session may
 * lift its own: they guard the neighbours against mistakes, and the connection limit against the rest.
 */

/** A dashboard's query over 30 days takes seconds; who needs more exports instead. */
export const READER_STATEMENT_TIMEOUT_MS = 30_000;
/** An idle transaction holds back vacuum for every tenant of the cell. */
export const READER_IDLE_TIMEOUT_MS = 60_000;
