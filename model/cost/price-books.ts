import { MillwrightError } from "../errors.ts";
import { priceBookSchema, type PriceBook } from "./price-book.ts";
import euWest2 from "./prices/aws/eu-west-2/2026-11-20.json" with { type: "json" };
import usEast1 from "./prices/aws/us-east-1/2026-11-20.json" with { type: "json" };

interface Snapshot {
  readonly region: string;
  /** Of UTC, such as `2026-11-22`. */
  readonly date: string;
}

/** None is ever changed: what was quoted or billed by it can be computed again. */
export const SNAPSHOTS: readonly Snapshot[] = [usEast1, euWest2];

// Parsed when first asked for: one takes 30 ms, and few processes price more than one region.
const parsed = new Map<Snapshot, PriceBook>();

/**
 * The prices of a region as they were known on a day: the newest snapshot that is not after it.
 * @throws MillwrightError `price-book-missing`: no snapshot of the region, or only later ones
 */
export function bookOf(wanted: Snapshot): PriceBook {
  const snapshot = newestOf(SNAPSHOTS, wanted);
  const book = parsed.get(snapshot) ?? priceBookSchema.parse(snapshot);
  parsed.set(snapshot, book);
  return book;
}

/** @throws MillwrightError `price-book-missing` */
export function newestOf<T extends Snapshot>(snapshots: readonly T[], { region, date }: Snapshot): T {
  const ofRegion = snapshots
    .filter((snapshot) => snapshot.region === region)
    .toSorted((a, b) => (a.date < b.date ? -1 : 1));
  const [first] = ofRegion;
  if (first === undefined) {
    const regions = [...new Set(snapshots.map((snapshot) => snapshot.region))].toSorted().join(", ");
    throw new MillwrightError(
      "price-book-missing",
      `There are no prices of the region '${region}', only of ${regions}. docs/prices.md says how to add a region.`,
    );
  }
  const newest = ofRegion.findLast((snapshot) => snapshot.date <= date);
  if (newest !== undefined) return newest;
  throw new MillwrightError(
    "price-book-missing",
    `The first prices of ${region} are of ${first.date}; there are none of ${date}.`,
  );
}
