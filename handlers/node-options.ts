/**
 * How Node is started for the process that runs the handlers. A young generation of at most 4 MB per half: with the
 * default, what a batch of records is decoded to survives its first collections, is moved to the old generation, and
 * stays there until that has doubled. 300,000 single readings from Kafka took 341 MB of resident memory so, and take
 * 211 MB this way.
 */
export const HANDLER_NODE_OPTIONS: readonly string[] = ["--max-semi-space-size=4"];
