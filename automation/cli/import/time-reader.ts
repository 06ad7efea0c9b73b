import { DateTime, FixedOffsetZone, IANAZone, type Zone } from "luxon";
import { MillwrightError } from "../../../model/errors.ts";
import type { ImportMap } from "../../../model/import-map.ts";
import type { TimeReader } from "../../../model/import-row.ts";
import { DAY_MS } from "../../../model/duration.ts";

/**
 * Reads stamps as the map says.
 * @throws MillwrightError `import-map-invalid` for a zone that does not exist, or a format without any offset
 */
export function timeReader(time: ImportMap["time"]): TimeReader {
  const zone = time.zone === undefined ? undefined : IANAZone.create(time.zone);
  if (zone?.isValid === false)
    throw mapError("/time/zone", `there is no IANA zone '${time.zone ?? ""}', such as Europe/Berlin`);
  if (time.format === "iso") return isoReader(time, zone);
  if (time.format === "unix") return unixReader(1_000);
  if (time.format === "unix-ms") return unixReader(1);
  return formatReader(time, zone);
}

function unixReader(unitMs: number): TimeReader {
  return (stamp) => (/^\d{1,15}(\.\d{1,9})?$/.test(stamp) ? [Math.round(Number(stamp) * unitMs)] : undefined);
}

function isoReader(time: ImportMap["time"], zone: Zone | undefined): TimeReader {
  const hasOffset = /(Z|[+-]\d\d(:?\d\d)?)$/i;
  return (stamp) => {
    const isAbsolute = stamp.includes("T") && hasOffset.test(stamp.slice(stamp.indexOf("T")));
    if (!isAbsolute && zone === undefined) return undefined;
    return candidates(DateTime.fromISO(stamp, { setZone: isAbsolute, zone: "utc" }), isAbsolute, time, zone);
  };
}

function formatReader(time: ImportMap["time"], zone: Zone | undefined): TimeReader {
  const isAbsolute = /[Zz]/.test(time.format.replaceAll(/'[^']*'/g, ""));
  if (isAbsolute === (zone !== undefined)) {
    throw mapError(
      "/time/zone",
      isAbsolute ? "the format already has an offset or zone: leave one out" : "local stamps need a zone",
    );
  }
  const parser = DateTime.buildFormatParser(time.format, { locale: "en-US" });
  return (stamp) => {
    const options = { setZone: isAbsolute, zone: "utc", locale: "en-US" };
    return candidates(DateTime.fromFormatParser(stamp, parser, options), isAbsolute, time, zone);
  };
}

/** @param read - the stamp as if its wall clock showed UTC, or in the zone that the stamp itself names */
function candidates(
  read: DateTime,
  isAbsolute: boolean,
  time: ImportMap["time"],
  zone: Zone | undefined,
): readonly number[] | undefined {
  if (!read.isValid) return undefined;
  const closesDay = time.midnight === "closes-day" && read.toMillis() === read.startOf("day").toMillis();
  // In local days, not 24 hours: the day which ends may be one of 23 or 25 hours.
  const stamp = closesDay ? read.plus({ days: 1 }) : read;
  if (isAbsolute) return [stamp.toMillis()];
  return instantsOf(stamp.toMillis(), zone ?? FixedOffsetZone.utcInstance);
}

/** The instants at which a clock in `zone` shows `wallMs`; no zone changes its offset twice within two days. */
function instantsOf(wallMs: number, zone: Zone): number[] {
  const offsets = new Set([zone.offset(wallMs - DAY_MS), zone.offset(wallMs + DAY_MS)]);
  return [...offsets]
    .map((minutes) => ({ minutes, instant: wallMs - minutes * 60_000 }))
    .filter(({ minutes, instant }) => zone.offset(instant) === minutes)
    .map(({ instant }) => instant)
    .sort((a, b) => a - b);
}

function mapError(pointer: string, message: string): MillwrightError {
  return new MillwrightError("import-map-invalid", "The map cannot be used.", {
    fields: [{ pointer, message }],
  });
}
