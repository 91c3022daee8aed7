/* A table that sorts by its headings, keeps the order in the query and saves itself as CSV.
 *
 * columns: [{key, label, unit, number, value(row), cell(row), csv(row)}]; `value` sorts and goes into the CSV (`csv` instead
 * when it is there), `cell` is what is drawn. */
import { csv, save } from "/format.js";
import { useQuery } from "/route.js";
import { html } from "/view.js";

const valueOf = (column, row) => (column.value ? column.value(row) : row[column.key]);

function order(columns, rows, sort) {
    const down = sort.startsWith("-");
    const column = columns.find((one) => one.key === sort.replace(/^-/, ""));
    if (!column) return rows;
    const sign = down ? -1 : 1;
    return [...rows].sort((a, b) => {
        const x = valueOf(column, a), y = valueOf(column, b);
        if (x === y) return 0;
        if (x === null || x === undefined) return 1;
        if (y === null || y === undefined) return -1;
        return sign * (typeof x === "string" ? x.localeCompare(y, "en", { numeric: true }) : x < y ? -1 : 1);
    });
}

export function saveTable(name, columns, rows) {
    const heads = columns.filter((c) => c.key).map((c) => c.csvLabel || (c.unit ? `${c.key}_${c.unit.replace(/\$/g, "usd").replace(/[^a-z0-9]+/gi, "_")}` : c.key));
    save(name + ".csv", csv(heads, rows.map((row) => columns.filter((c) => c.key).map((c) => (c.csv ? c.csv(row) : valueOf(c, row))))));
}

export const CsvButton = ({ name, columns, rows }) => html`<button type="button" class="small" onClick=${() => saveTable(name, columns, rows())}>CSV</button>`;

/* The roles are said, since a style that stacks the cells on a narrow screen takes the elements' own away. */
function Cell({ column, row, first, stack }) {
    const content = column.cell ? column.cell(row) : valueOf(column, row);
    const name = column.number ? "number" : "";
    const label = stack && typeof column.label === "string" ? column.label : undefined;
    return first ? html`<th scope="row" role="rowheader" class=${name}>${content}</th>` : html`<td role="cell" class="${name} cell-${column.key || "acts"}" data-label=${label}>${content}</td>`;
}

/* `name` is the query's word for the order and the file's name; rowKey(row) tells rows apart; `max` of them are drawn;
 * `stack`: on a narrow screen a row's cells stand under each other. */
export function Table({ name, caption, columns, rows, rowKey, sort: first = "", rowClass, max, stack }) {
    const [query, setQuery] = useQuery();
    const word = name + "-sort";
    const sort = query[word] ?? first;
    const sorted = sort ? order(columns, rows, sort) : rows;
    const shown = max ? sorted.slice(0, max) : sorted;
    const turn = (key) => setQuery({ [word]: sort === key ? "-" + key : sort === "-" + key ? null : key });
    const aria = (key) => (sort === key ? "ascending" : sort === "-" + key ? "descending" : undefined);
    return html`<div class="table-frame ${stack ? "stack" : ""}" tabindex="0" role="region" aria-label=${caption}>
        <table role="table">
            <caption class="hidden">${caption}</caption>
            <thead role="rowgroup"><tr role="row">${columns.map(
                (c) => html`<th key=${c.key} scope="col" role="columnheader" class=${c.number ? "number" : ""} aria-sort=${aria(c.key)}>
                    ${c.plain || !c.key ? c.label : html`<button type="button" class="sort" onClick=${() => turn(c.key)}>${c.label}${c.unit && html` <span class="unit">${c.unit}</span>`}<span class="arrow" aria-hidden="true">${sort === c.key ? "▲" : sort === "-" + c.key ? "▼" : ""}</span></button>`}
                </th>`,
            )}</tr></thead>
            <tbody role="rowgroup">${shown.map(
                (row, i) => html`<tr role="row" key=${rowKey ? rowKey(row) : i} class=${rowClass ? rowClass(row) : ""}>${columns.map((c, j) => html`<${Cell} key=${c.key} column=${c} row=${row} first=${j === 0} stack=${stack} />`)}</tr>`,
            )}</tbody>
        </table>
        ${max && rows.length > max && html`<p class="note">${rows.length - max} more; the CSV has all of them.</p>`}
    </div>`;
}
