/** By which way machines bring their readings: calls of the API, or IoT Core. */
export const ENTRANCES = ["http", "iot"] as const;
export type Entrance = (typeof ENTRANCES)[number];
