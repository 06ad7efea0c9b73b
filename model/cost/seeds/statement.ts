/** A sum that one of the founding documents prints, and the same sum computed from what the document itself gives. */
export interface Statement {
  /** Stable: the document's number and a name, `000/total`. */
  readonly id: string;
  /** The heading under which it stands. */
  readonly place: string;
  readonly claim: string;
  /** As the document prints it: `$3,585`, `$400-600`, `266K`, `94%`. */
  readonly printed: string;
  /** In the printed unit and order, not rounded, from the figures at that place; empty where it gives none. */
  readonly computed: readonly number[];
  /** Why it is another figure, or from what it could follow. */
  readonly reason?: string;
  /** The same once the figures that it is made of are corrected, where that changes it. */
  readonly onceCorrected?: readonly number[];
  /** What the printed figure would need to be true, where the document says nothing. */
  readonly implied?: { readonly what: string; readonly value: number };
}

/** `unfounded`: the document gives no input from which the figure follows. */
export type Verdict = "holds" | "corrected" | "unfounded";

export interface JudgedStatement extends Statement {
  readonly verdict: Verdict;
}

/** A statement holds when each computed figure, rounded as the document rounds, is the printed one. */
export function judgeStatement(statement: Statement): JudgedStatement {
  return { ...statement, verdict: verdictOf(statement) };
}

function verdictOf({ printed, computed }: Statement): Verdict {
  if (computed.length === 0) return "unfounded";
  const figures = printedFigures(printed);
  const isSame = (value: number, index: number) => {
    const figure = figures[index];
    return figure !== undefined && Math.abs(value - figure.value) <= figure.step / 2 + 1e-9;
  };
  return figures.length === computed.length && computed.every(isSame) ? "holds" : "corrected";
}

const SCALES: Readonly<Record<string, number>> = { K: 1e3, M: 1e6, B: 1e9 };

/** The figures in a printed text, each with the step of its last digit. A dash between them is a range, no sign. */
export function printedFigures(text: string): readonly { readonly value: number; readonly step: number }[] {
  return [...text.matchAll(/(\d[\d,]*)(?:\.(\d+))?([KMB])?/g)].map(
    ([, whole = "", decimals = "", suffix]) => {
      const scale = suffix === undefined ? 1 : (SCALES[suffix] ?? 1);
      const value = Number(`${whole.replaceAll(",", "")}.${decimals || "0"}`) * scale;
      return { value, step: scale / 10 ** decimals.length };
    },
  );
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** A sum that the document prints right: one figure or, with its parts, several. */
export function right(
  id: string,
  place: string,
  claim: string,
  printed: string,
  ...computed: readonly number[]
): Statement {
  return { id, place, claim, printed, computed };
}
