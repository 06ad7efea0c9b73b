import type { Price, PriceBook } from "./price-book.ts";

interface PriceChange {
  readonly key: string;
  readonly before: Price;
  readonly after: Price;
  /** Of the first step, in percent of what it was; undefined where the unit changed or it was 0. */
  readonly percent: number | undefined;
}

export interface PriceBookDiff {
  readonly added: readonly { readonly key: string; readonly price: Price }[];
  readonly removed: readonly { readonly key: string; readonly price: Price }[];
  readonly changed: readonly PriceChange[];
  readonly unchangedCount: number;
}

/** What costs another amount in `after`, by key. A new SKU or source of the same price is no change. */
export function diffBooks(before: PriceBook, after: PriceBook): PriceBookDiff {
  const only = (book: PriceBook, other: PriceBook) =>
    Object.entries(book.prices)
      .filter(([key]) => !Object.hasOwn(other.prices, key))
      .map(([key, price]) => ({ key, price }));
  const common = Object.entries(before.prices).flatMap(([key, price]) => {
    const other = Object.hasOwn(after.prices, key) ? after.prices[key] : undefined;
    return other === undefined ? [] : [{ key, before: price, after: other }];
  });
  const changed = common
    .filter((one) => textOf(one.before) !== textOf(one.after))
    .map((one) => ({ ...one, percent: percentOf(one.before, one.after) }));
  return {
    added: only(after, before),
    removed: only(before, after),
    changed,
    unchangedCount: common.length - changed.length,
  };
}

function percentOf(before: Price, after: Price): number | undefined {
  const [was = 0, is = 0] = [before.steps[0]?.usd, after.steps[0]?.usd];
  return before.unit !== after.unit || was === 0 ? undefined : ((is - was) / was) * 100;
}

function textOf({ unit, steps }: Price): string {
  return JSON.stringify([unit, steps.map(({ from, usd }) => [from, usd])]);
}
