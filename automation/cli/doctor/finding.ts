/** What one check of `doctor` found. */
export interface Finding {
  /** Stable, for programs: `node`, `engine`, `cell shared-1`. */
  readonly check: string;
  /** `wrong` keeps the platform from starting or working, `warning` will sooner or later. */
  readonly state: "ok" | "warning" | "wrong";
  /** What is there, in one line. */
  readonly found: string;
  /** What to do about it. */
  readonly remedy?: string;
}
