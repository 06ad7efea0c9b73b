import type { MoveReceipt } from "../../model/receipt.ts";
import { html, type Html } from "./html.ts";

/** What takes the time of a move, in words for a person; other steps are moments between. */
const PICTURED: Readonly<Record<string, string>> = {
  "build-target": "build",
  copy: "copy",
  prove: "prove",
  "catch-up": "catch up",
  flip: "flip",
};

const WIDTH = 480;
const ROW = 40;
/** A step that lasts a moment must still be seen. */
const MIN_BAR = 3;

/** When each step was under way, and how long writers waited; the pause is drawn on the scale of the flip. */
export function timeline({ steps, pause, times }: MoveReceipt): Html {
  const startMs = Date.parse(times.startedAt);
  const spanMs = Math.max(Date.parse(times.endedAt) - startMs, 1);
  const rows = steps.flatMap(({ name, startedAt, finishedAt }) => {
    const label = PICTURED[name];
    if (label === undefined) return [];
    const [fromMs, toMs] = [Date.parse(startedAt), Date.parse(finishedAt)];
    const bar = barOf((fromMs - startMs) / spanMs, (toMs - fromMs) / spanMs);
    return [{ label, value: durationText(toMs - fromMs), kind: "step", ...bar }];
  });
  const flipStep = steps.find(({ name }) => name === "flip");
  const flipMs =
    pause.flipMs ?? (flipStep && Date.parse(flipStep.finishedAt) - Date.parse(flipStep.startedAt));
  const { seen } = pause;
  const scaleMs = Math.max(seen?.pauseMs ?? 0, flipMs ?? 0, 1);
  const short = [
    { label: "flip, its own clock", ms: flipMs, kind: "step" },
    { label: "pause that a writer saw", ms: seen?.pauseMs, kind: "pause" },
  ].flatMap(({ label, ms, kind }) =>
    ms === undefined ? [] : [{ label, value: durationText(ms), kind, ...barOf(0, ms / scaleMs) }],
  );
  const gap = 26;
  const height = (rows.length + short.length) * ROW + gap;
  const drawn = [...rows, ...short].map(({ label, value, kind, x, width }, index) => {
    const top = index * ROW + (index < rows.length ? 0 : gap);
    return html`<text x="0" y="${top + 14}">${label}</text
      ><text x="${WIDTH}" y="${top + 14}" text-anchor="end">${value}</text
      ><rect class="track" x="0" y="${top + 20}" width="${WIDTH}" height="10" rx="3" /><rect
        class="${kind}"
        x="${x}"
        y="${top + 20}"
        width="${width}"
        height="10"
        rx="1.5"
      />`;
  });
  const line = rows.length * ROW + gap / 2 - 3;
  return html`<svg
    viewBox="0 0 ${WIDTH} ${height}"
    role="img"
    aria-label="When each step of the move was under way"
  >
    ${drawn}
    <line x1="0" x2="${WIDTH}" y1="${line}" y2="${line}" />
  </svg>`;
}

function barOf(from: number, length: number) {
  const width = Math.min(Math.max(length * WIDTH, MIN_BAR), WIDTH);
  return { x: round(Math.min(Math.max(from * WIDTH, 0), WIDTH - width)), width: round(width) };
}

const round = (value: number) => Math.round(value * 10) / 10;

/** As precise as a person compares: `184 ms`, `2.4 s`, `3 min 20 s`, `5 h 2 min`. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${round(ms / 1_000)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
