/** Stands for a value that is known only when the resource is made. */
export const UNKNOWN: unique symbol = Symbol("known only when it is made");

/** A resource of a Pulumi stack, planned or made. */
export interface PlannedResource {
  /** Such as `aws:rds/instance:Instance`. */
  readonly type: string;
  /** Its name in the program. */
  readonly name: string;
  /** What the program asks for. */
  readonly props: Props;
}

export type Props = Readonly<Record<string, unknown>>;

/** The value at a path such as `storageInfo.volumeSize`; UNKNOWN where any part of the way is. */
export function valueAt(props: Props, path: string): unknown {
  let value: unknown = props;
  for (const key of path.split(".")) {
    if (value === UNKNOWN || value === undefined || value === null) break;
    value = (value as Props)[key];
  }
  return value === null ? undefined : value;
}

/** All values at a path that leads through lists: those of each element. UNKNOWN where any part of a way is; none where it ends. */
export function valuesAt(props: Props, path: string): readonly unknown[] {
  return path.split(".").reduce<readonly unknown[]>(
    (values, key) =>
      values
        .map((value) => (value === UNKNOWN ? UNKNOWN : (value as Props)[key]))
        .flat()
        .filter((value) => value !== undefined && value !== null),
    [props],
  );
}

/** A text; UNKNOWN where it is not known, or is something else. */
export function textAt(props: Props, path: string): string | typeof UNKNOWN | undefined {
  const value = valueAt(props, path);
  return value === undefined || typeof value === "string" ? value : UNKNOWN;
}

/**
 * A number that is not negative.
 * @param absent - what the cloud takes where nothing is given
 * @param worst - what stands for a number that is not known, or makes no sense
 */
export function countAt(
  props: Props,
  path: string,
  { absent, worst }: { absent: number; worst: number },
): number {
  const value = valueAt(props, path);
  if (value === undefined) return absent;
  const count = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof count === "number" && count >= 0 && Number.isFinite(count) ? count : worst;
}

/** Whether a switch is on; one that is not known may be. */
export function mayBe(props: Props, path: string): boolean {
  const value = valueAt(props, path);
  return value !== undefined && value !== false && value !== "false";
}

/** How many a list has. @param worst - where the list is not known */
export function lengthAt(props: Props, path: string, worst: number): number {
  const value = valueAt(props, path);
  if (Array.isArray(value)) return value.length;
  return value === undefined ? 0 : worst;
}
