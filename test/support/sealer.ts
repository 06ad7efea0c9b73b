import { parseSealKey, sealer } from "../../data/seal.ts";

/** Of all tests and their processes, as a secret store keeps it under the name `channel-key`. */
export const TEST_CHANNEL_KEY = { key: Buffer.alloc(32, 7).toString("base64") };

export const testSealer = sealer(parseSealKey(TEST_CHANNEL_KEY));
