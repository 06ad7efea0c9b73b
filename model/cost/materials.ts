import type { AwsPreset } from "../aws/settings.ts";
import type { Tier } from "../tenant.ts";
import { lineOf, type CostLine } from "./cost-line.ts";
import type { PriceBook } from "./price-book.ts";
import { exactly, type Range } from "./range.ts";
import type { OwnedCharge } from "./stack-lines.ts";
import development from "./stacks/platform-development.json" with { type: "json" };
import production from "./stacks/platform-production.json" with { type: "json" };
import dedicated from "./stacks/tenant-dedicated.json" with { type: "json" };
import shared from "./stacks/tenant-shared.json" with { type: "json" };

interface Materials {
  readonly charges: readonly (Omit<OwnedCharge, "quantity"> & { readonly quantity: number | Range })[];
}

const PLATFORMS: Readonly<Record<AwsPreset, Materials>> = { development, production } as Readonly<
  Record<AwsPreset, Materials>
>;
const TENANTS: Readonly<Record<Tier, Materials>> = { shared, dedicated } as Readonly<Record<Tier, Materials>>;

/** What belongs to a shared cell has its name in that of its resources; the materials have one, of this name. */
export const FIRST_CELL = "shared-1";

/**
 * What a platform is charged with in a month of 730 h, whoever uses it: of the stack as it is with the
 * preset's values (docs/stacks), so that it has a price where nothing runs on AWS, too.
 * @param sharedCells - each has servers of its own
 * @throws MillwrightError `price-missing`
 */
export function platformLines(book: PriceBook, preset: AwsPreset, sharedCells = 1): CostLine[] {
  const lines = linesOf(book, PLATFORMS[preset]);
  const ofCell = lines.filter(({ of }) => of.includes(FIRST_CELL));
  const more = Array.from({ length: Math.max(0, sharedCells - 1) }, (_, index) =>
    ofCell.map((line) => ({ ...line, of: line.of.replaceAll(FIRST_CELL, `shared cell ${index + 2}`) })),
  );
  return [...lines, ...more.flat()];
}

/** The name under which what each shared cell has is one line of a bill: `Instance shared-*-a`. Other names stay as they are. */
export function inEachCell(of: string): string {
  return of.replace(CELL, "shared-*");
}

const CELL = new RegExp(`${FIRST_CELL}(?!\\d)|shared cell \\d+`, "g");

/** The same of a tenant's own stack: its alarms and, when it is dedicated, its servers. Those are of production's size. */
export function tenantLines(book: PriceBook, tier: Tier): CostLine[] {
  return linesOf(book, TENANTS[tier]);
}

/** By key, what of both needs the price: of a platform, and of a tenant of either tier. */
export function pricesOfMaterials(preset: AwsPreset): ReadonlyMap<string, string> {
  const all = [PLATFORMS[preset], TENANTS.shared, TENANTS.dedicated].flatMap(({ charges }) => charges);
  return new Map(all.toReversed().map(({ price, of }) => [price, of]));
}

function linesOf(book: PriceBook, { charges }: Materials): CostLine[] {
  return charges.map(({ quantity, ...charge }) =>
    lineOf(book, charge.of, {
      ...charge,
      quantity: typeof quantity === "number" ? exactly(quantity) : quantity,
    }),
  );
}
