import { Html, html } from "./html.ts";

interface Column {
  readonly name: string;
  /** Stands to the right. */
  readonly isNumber: boolean;
}

export function htmlTable(columns: readonly Column[], rows: readonly (readonly string[])[]): Html {
  const cells = (tag: "th" | "td", values: readonly string[]) =>
    values.map((value, index) => {
      const name = new Html(columns[index]?.isNumber === true ? `${tag} class="number"` : tag);
      return html`<${name}>${value}</${new Html(tag)}>`;
    });
  const names = columns.map(({ name }) => name);
  return html`<table>
    <thead>
      <tr>
        ${cells("th", names)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        (row) =>
          html`<tr>
            ${cells("td", row)}
          </tr>`,
      )}
    </tbody>
  </table>`;
}
