import { html, type Html } from "./html.ts";

const WIDTH = 640;
const BAR_ROW = 22;
const LABEL = 170;
const VALUE = 90;

/** A bar for each, with its name and its dollars. @param items - largest first, none negative */
export function barChart(
  label: string,
  items: readonly { readonly name: string; readonly usd: number }[],
): Html {
  const most = Math.max(...items.map(({ usd }) => usd), 1e-9);
  const room = WIDTH - LABEL - VALUE;
  const rows = items.map(({ name, usd }, index) => {
    const top = index * BAR_ROW;
    return html`<text x="${LABEL - 8}" y="${top + 15}" text-anchor="end">${shortened(name)}</text
      ><rect
        class="bar"
        x="${LABEL}"
        y="${top + 4}"
        width="${round((usd / most) * room)}"
        height="14"
        rx="2"
      /><text x="${round(LABEL + (usd / most) * room + 6)}" y="${top + 15}"> ${usdText(usd)} </text>`;
  });
  return html`<svg
    viewBox="0 0 ${WIDTH} ${Math.max(items.length * BAR_ROW, BAR_ROW)}"
    role="img"
    aria-label="${label}"
  >
    ${rows}
  </svg>`;
}

interface Curve {
  readonly name: string;
  /** Class of its line: `total`, `each` or `budget`. */
  readonly kind: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

const HEIGHT = 300;
const MARGIN = { left: 64, right: 110, top: 12, bottom: 34 };

/** Lines over two logarithmic axes, with a line of the grid at each power of ten. @param curves - all figures above 0 */
export function logChart(label: string, xName: string, curves: readonly Curve[]): Html {
  const all = curves.flatMap(({ points }) => points);
  const x = axisOf(
    all.map(([value]) => value),
    MARGIN.left,
    WIDTH - MARGIN.right,
  );
  const y = axisOf(
    all.map(([, value]) => value),
    HEIGHT - MARGIN.bottom,
    MARGIN.top,
  );
  const xGrid = x.powers.map(
    (power) =>
      html`<line
          x1="${x.at(power)}"
          x2="${x.at(power)}"
          y1="${MARGIN.top}"
          y2="${HEIGHT - MARGIN.bottom}"
        /><text x="${x.at(power)}" y="${HEIGHT - MARGIN.bottom + 16}" text-anchor="middle">
          ${power.toLocaleString("en-US")}
        </text>`,
  );
  const yGrid = y.powers.map(
    (power) =>
      html`<line
          x1="${MARGIN.left}"
          x2="${WIDTH - MARGIN.right}"
          y1="${y.at(power)}"
          y2="${y.at(power)}"
        /><text x="${MARGIN.left - 6}" y="${y.at(power) + 4}" text-anchor="end">
          ${power.toLocaleString("en-US")}
        </text>`,
  );
  const lines = curves.map(({ name, kind, points }) => {
    const path = points.map(([px, py]) => `${x.at(px)},${y.at(py)}`).join(" ");
    const [lastX = 1, lastY = 1] = points.at(-1) ?? [];
    return html`<polyline class="${kind}" points="${path}" /><text
        x="${x.at(lastX) + 6}"
        y="${y.at(lastY) + 4}"
      >
        ${name}
      </text>`;
  });
  return html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}">
    ${[...xGrid, ...yGrid]}
    <text x="${(MARGIN.left + WIDTH - MARGIN.right) / 2}" y="${HEIGHT - 4}" text-anchor="middle">
      ${xName}
    </text>
    ${lines}
  </svg>`;
}

/** From the power of ten below the least value to the one above the greatest. */
function axisOf(values: readonly number[], from: number, to: number) {
  const low = Math.floor(Math.log10(Math.min(...values)) + 1e-9);
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values)) - 1e-9));
  const powers = Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index));
  const at = (value: number) => round(from + ((Math.log10(value) - low) / (high - low)) * (to - from));
  return { powers, at };
}

export function usdText(usd: number): string {
  const digits = Math.abs(usd) < 1_000 ? 2 : 0;
  const figures = Math.abs(usd).toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return `${usd < 0 ? "-" : ""}$${figures}`;
}

function shortened(name: string): string {
  return name.length > 24 ? `${name.slice(0, 23)}…` : name;
}

const round = (value: number) => Math.round(value * 10) / 10;
