/* A chart that lives: uPlot's canvas, a legend that hides and shows, a table with the same numbers, CSV.
 *
 * series: [{label, colour: "c1", dash: [4, 3], digits, unit, width, align, points}]; data: [xs, ys, ys, …], null where nothing is known.
 * `points`: a dot at each value, since one alone makes no line; `live`: a dot stands at each line's end; `stepped`: values hold until the next.
 * x: {label, unit, time, range: [from, to], digits, csv}; y: {label, unit, range(min, max)}; marks: [{x, text}] or [{y, text}].
 * `name` is the query's word: ?NAME=table shows the table, ?NAME-hide=a,b hides series. */
import uPlot from "/vendor/uplot.js";
import { clock, csv, fixed, iso, save } from "/format.js";
import { useQuery } from "/route.js";
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "/view.js";

const TABLE_ROWS = 400; /* drawn; the CSV has all */

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim() || name;

/* A theme's number: charts are drawn anew when it changes, since a canvas knows no style sheet. */
export function useTheme() {
    const [n, set] = useState(0);
    useEffect(() => {
        const follow = () => set((old) => old + 1);
        addEventListener("busbar-theme", follow);
        return () => removeEventListener("busbar-theme", follow);
    }, []);
    return n;
}

/* The height that is left for a chart when the rest of the page takes `rest` pixels. */
export function useHeight(rest, least, most) {
    const fit = () => Math.round(Math.max(least, Math.min(most, innerWidth < 820 ? least : innerHeight - rest)));
    const [height, set] = useState(fit);
    useEffect(() => {
        const follow = () => set(fit());
        addEventListener("resize", follow);
        return () => removeEventListener("resize", follow);
    }, []);
    return height;
}

const xText = (x, value, fine) => (value === null || value === undefined ? "–" : x.time ? clock(value * 1000, fine) : fixed(value, x.digits ?? 0));

function drawMarks(u, marks) {
    const { ctx, bbox } = u;
    const ratio = devicePixelRatio || 1;
    ctx.save();
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    ctx.strokeStyle = ctx.fillStyle = colour("soft");
    ctx.lineWidth = 1.2 * ratio;
    ctx.setLineDash([5 * ratio, 4 * ratio]);
    let line = 0; /* texts stand under each other */
    for (const mark of marks) {
        const upright = mark.x !== undefined;
        const at = upright ? u.valToPos(mark.x, "x", true) : u.valToPos(mark.y, "y", true);
        const inside = upright ? at >= bbox.left && at <= bbox.left + bbox.width : at >= bbox.top && at <= bbox.top + bbox.height;
        if (upright && mark.text && at > bbox.left + bbox.width) {
            ctx.textAlign = "right"; /* it lies beyond what is shown */
            ctx.fillText(mark.text + " →", bbox.left + bbox.width - 6 * ratio, bbox.top + (13 + 15 * line++) * ratio);
        }
        if (!inside) continue;
        if (mark.colour) ctx.strokeStyle = ctx.fillStyle = colour(mark.colour);
        ctx.beginPath();
        ctx.moveTo(upright ? at : bbox.left, upright ? bbox.top : at);
        ctx.lineTo(upright ? at : bbox.left + bbox.width, upright ? bbox.top + bbox.height : at);
        ctx.stroke();
        if (!mark.text) continue;
        const left = upright && at + ctx.measureText(mark.text).width + 12 * ratio > bbox.left + bbox.width;
        ctx.textAlign = left || !upright ? "right" : "left";
        ctx.fillText(mark.text, upright ? at + (left ? -6 : 6) * ratio : bbox.left + bbox.width - 6 * ratio, upright ? bbox.top + (13 + 15 * line++) * ratio : at - 5 * ratio);
    }
    ctx.restore();
}

/* Where the line ends: a dot there is seen before there is a line. */
function lastKnown(values) {
    let i = values.length - 1;
    while (i >= 0 && values[i] === null) i--;
    return i < 0 ? [] : [i];
}

/* As many digits as tell one tick from the next. */
function digitsOf(ticks) {
    const step = ticks.length > 1 ? ticks[1] - ticks[0] : 1;
    let digits = 0;
    while (digits < 6 && Math.abs(step * 10 ** digits - Math.round(step * 10 ** digits)) > 1e-6 * 10 ** digits) digits++;
    return digits;
}

function options(props, size, hidden, onHover, marks) {
    const { series, x, y, stepped, live } = props;
    const grid = { stroke: colour("line"), width: 1 };
    const axis = { stroke: colour("soft"), grid, ticks: { ...grid, size: 4 }, font: "11px system-ui, sans-serif", labelFont: "11px system-ui, sans-serif", labelSize: 16, labelGap: 0 };
    return {
        ...size,
        legend: { show: false },
        padding: [10, 10, 0, 0],
        cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
        scales: { x: { time: Boolean(x.time), range: x.range ? () => x.range : (u, min, max) => [min, max === min ? min + 1 : max] }, y: { range: (u, min, max) => (min === null ? [0, 1] : y.range ? y.range(min, max) : uPlot.rangeNum(min, max, 0.1, true)) } },
        axes: [
            { ...axis, size: x.label ? 30 : 28, label: x.label || undefined, labelSize: 13, values: (u, ticks) => ticks.map((value) => (x.time ? clock(value * 1000) : fixed(value, digitsOf(ticks)))), space: x.time ? 76 : 40 },
            { ...axis, size: 50, label: y.label, values: (u, ticks) => ticks.map((value) => fixed(value, digitsOf(ticks))) },
        ],
        series: [
            {},
            ...series.map((one) => ({
                label: one.label,
                stroke: colour(one.colour),
                width: one.width ?? 1.6,
                dash: one.dash,
                show: !hidden.has(one.label),
                spanGaps: Boolean(one.spanGaps),
                paths: stepped ? uPlot.paths.stepped({ align: one.align ?? 1 }) : undefined,
                points: live ? { show: true, size: 7, fill: colour(one.colour), filter: (u, i) => lastKnown(u.data[i]) } : { show: Boolean(one.points), size: 6, fill: colour(one.colour) },
            })),
        ],
        hooks: { draw: [(u) => drawMarks(u, marks.current || [])], setCursor: [(u) => onHover(u.cursor.idx ?? null)] },
    };
}

function Canvas({ props, hidden, onHover }) {
    const place = useRef(null);
    const plot = useRef(null);
    const marks = useRef(props.marks);
    marks.current = props.marks;
    const theme = useTheme();
    const height = props.height ?? 240;
    const shape = JSON.stringify([props.series, props.x.label, props.y.label, props.x.time, [...hidden]]);
    const live = useRef(props);
    live.current = props;
    useLayoutEffect(() => {
        const size = () => ({ width: Math.max(120, Math.floor(place.current.clientWidth)), height });
        const asLive = { ...props, x: { ...props.x, get range() { return live.current.x.range; } } };
        if (!props.x.range) asLive.x = props.x;
        const u = new uPlot(options(asLive, size(), hidden, onHover, marks), props.data, place.current);
        plot.current = u;
        const observer = new ResizeObserver(() => u.width !== size().width && u.setSize(size()));
        observer.observe(place.current);
        return () => {
            observer.disconnect();
            u.destroy();
            plot.current = null;
        };
    }, [theme, shape, height]);
    useLayoutEffect(() => {
        if (plot.current && plot.current.data !== props.data) plot.current.setData(props.data);
        else if (plot.current) plot.current.redraw(false);
    }, [props.data, props.marks]);
    return html`<div class="canvas" ref=${place} role="img" aria-label=${props.summary || props.title}></div>`;
}

const Swatch = ({ one }) => html`<svg viewBox="0 0 20 8" aria-hidden="true"><line x1="0" x2="20" y1="4" y2="4" stroke=${`var(--${one.colour})`} stroke-width=${one.width > 2 ? 3 : 2.2} stroke-dasharray=${(one.dash || []).join(" ")} /></svg>`;

function TwinTable({ series, data, x, title, height }) {
    const [xs, ...ys] = data;
    const from = Math.max(0, xs.length - TABLE_ROWS);
    const rows = [];
    for (let i = xs.length - 1; i >= from; i--) rows.push(i);
    const frame = useRef(null);
    useLayoutEffect(() => frame.current && (frame.current.style.height = height + "px"), [height]);
    return html`<div class="table-frame twin" ref=${frame} tabindex="0" role="region" aria-label="${title}, as a table">
        <table><caption class="hidden">${title}, newest first</caption>
            <thead><tr><th scope="col">${x.label || "Time"}</th>${series.map((one) => html`<th key=${one.label} scope="col" class="number">${one.label} <span class="unit">${one.unit}</span></th>`)}</tr></thead>
            <tbody>${rows.map((i) => html`<tr key=${i}><th scope="row">${xText(x, xs[i], true)}</th>${ys.map((list, j) => html`<td key=${j} class="number">${fixed(list[i], series[j].digits ?? 2)}</td>`)}</tr>`)}</tbody>
        </table>
        ${from > 0 && html`<p class="note">${from} older rows are in the CSV.</p>`}
    </div>`;
}

/* What to place beside a chart's title: the table and the CSV. */
export function ChartTools({ name, series, data, x, title }) {
    const [query, setQuery] = useQuery();
    const table = query[name] === "table";
    const heads = () => [x.csv || (x.time ? "time_utc" : "x"), ...series.map((one) => one.csv || `${one.label}_${one.unit || ""}`.replace(/\$/g, "usd").replace(/[^A-Za-z0-9]+/g, "_").replace(/_$/, "").toLowerCase())];
    const rows = () => data[0].map((at, i) => [x.time ? iso(at * 1000) : at, ...data.slice(1).map((list) => list[i])]);
    return html`<button type="button" class="small" aria-pressed=${table} onClick=${() => setQuery({ [name]: table ? null : "table" })}>Table<span class="hidden"> of ${title}</span></button>
        <button type="button" class="small" onClick=${() => save(name + ".csv", csv(heads(), rows()))}>CSV<span class="hidden"> of ${title}</span></button>`;
}

export function Chart(props) {
    const { name, title, series, data, x } = props;
    const [query, setQuery] = useQuery();
    const [hover, setHover] = useState(null);
    const word = name + "-hide";
    const hidden = useMemo(() => new Set((query[word] || "").split(",").filter(Boolean)), [query[word]]);
    const last = data[0].length - 1;
    const at = hover !== null && hover <= last ? hover : last;
    const value = (i) => {
        for (let j = at; j >= 0; j--) if (data[i + 1][j] !== null || !series[i].spanGaps) return data[i + 1][j];
        return null;
    };
    const turn = (label) => {
        const next = new Set(hidden);
        if (!next.delete(label)) next.add(label);
        setQuery({ [word]: [...next].join(",") });
    };
    if (query[name] === "table") return html`<${TwinTable} series=${series} data=${data} x=${x} title=${title} height=${(props.height ?? 240) + (props.legend === false ? 0 : 28)} />`;
    return html`<div class="chart">
        <${Canvas} props=${props} hidden=${hidden} onHover=${setHover} />
        ${props.legend !== false && html`<div class=${series.length > 4 ? "legend many" : "legend"} role="group" aria-label="Lines of ${title}">
            ${series.map((one, i) => html`<button type="button" key=${one.label} aria-pressed=${!hidden.has(one.label)} onClick=${() => turn(one.label)}><${Swatch} one=${one} />${one.label}
                ${props.values !== false && html`<span class="value">${fixed(value(i), one.digits ?? 2)}${one.unit ? "\u00a0" + one.unit : ""}</span>`}</button>`)}
        </div>`}
        ${props.readout !== false && html`<p class="chart-foot" aria-hidden="true">${hover !== null && at >= 0 ? `${x.label || "at"} ${xText(x, data[0][at], true)}` : "\u00a0"}</p>`}
    </div>`;
}
