/* Overview: is it well? In one sentence, in seven numbers, in two lines that move, board by board. */
import { Chart, ChartTools, useHeight } from "/chart.js";
import { useApi, useChannel, useLink } from "/data.js";
import { ago, plural, show } from "/format.js";
import { Await, Failure, Panel, Shape, Tile, boardState } from "/ui.js";
import { html, useEffect, useReducer, useRef } from "/view.js";

const WINDOW_S = 300;
const GAP_MS = 5000; /* a silence longer than this is a gap in the line */
const SAMPLE_MS = 450;

const SERIES = [
    { label: "Generation", colour: "generation", unit: "kW", digits: 2, csv: "generation_kw", width: 2 },
    { label: "Load", colour: "load", unit: "kW", digits: 2, csv: "load_kw", width: 2, dash: [7, 4] },
];
const LAMBDA = [{ label: "λ", colour: "c2", unit: "$/kWh", digits: 4, csv: "lambda_usd_per_kwh", width: 2 }];

/* The last minutes of the overview as columns: [seconds, generation, load, λ]. */
class Trace {
    constructor() {
        this.at = 0;
        this.columns = [[], [], [], []];
        this.version = 0;
    }
    add(ms, value) {
        if (ms - this.at < SAMPLE_MS) return;
        if (this.at && ms - this.at > GAP_MS) this.push([(this.at + 1000) / 1000, null, null, null]);
        this.at = ms;
        this.push([ms / 1000, value.generation_kw, value.load_kw, value.lambda]);
        const old = this.columns[0].findIndex((second) => second > ms / 1000 - WINDOW_S - 5);
        if (old > 0) this.columns.forEach((column) => column.splice(0, old));
        this.version++;
    }
    push(row) {
        row.forEach((value, i) => this.columns[i].push(value ?? null));
    }
}

/* The state in one sentence: [kind, sentence]. */
export function verdict(o, link) {
    if (link.stale) return ["bad", `What is shown is old: ${link.why}.`];
    if (!o.boards) return ["idle", "No board has been heard of yet."];
    if (o.boards_online < o.boards) return ["bad", `${plural(o.boards - o.boards_online, "board is", "boards are")} offline; the others dispatch without ${o.boards - o.boards_online === 1 ? "it" : "them"}.`];
    if (o.certified < o.boards) return ["warn", `The boards are converging: ${o.certified} of ${o.boards} certify the same dispatch.`];
    return ["good", `All ${o.boards} boards agree: generation meets load at λ\u00a0=\u00a0${show(o.lambda, "lambda", 3)}\u00a0$/kWh.`];
}

function Tiles({ o, now }) {
    const off = o.boards - o.boards_online;
    const balanced = Math.abs(o.mismatch_kw) < 0.0005;
    return html`<div class="tiles">
        <${Tile} id="generation" label="Generation" value=${show(o.generation_kw, "kw")} unit="kW" note="by generators" href="/dispatch" />
        <${Tile} id="load" label="Load" value=${show(o.load_kw, "kw")} unit="kW" note="by consumers" href="/dispatch" />
        <${Tile} id="mismatch" label="Mismatch" value=${show(o.mismatch_kw, "mismatch")} unit="kW" note=${balanced ? "balanced" : o.mismatch_kw > 0 ? "too little generation" : "too much generation"} />
        <${Tile} id="lambda" label="Incremental cost" value=${show(o.lambda, "lambda")} unit="$/kWh" note="thesis, Table 1: 7.371" href="/dispatch" />
        <${Tile} id="price" label="Market price" value=${show(o.price_cents_per_kwh, "price")} unit="cent/kWh" note=${o.ledger === "down" ? "the ledger is down" : o.price_cents_per_kwh === null ? "no trade yet" : "of the last trade"} href="/market" />
        <${Tile} id="boards" label="Boards online" value=${`${o.boards_online} of ${o.boards}`} note=${off > 0 ? `${off} offline` : `${o.certified} certified`} kind=${off > 0 ? "bad" : o.certified < o.boards ? "warn" : "good"} href="/dispatch" />
        <${Tile} id="alarms" label="Alarms" value=${o.alarms} note=${o.alarms > 0 ? "want attention" : "none open"} kind=${o.alarms > 0 ? "bad" : "good"} href="/alarms" />
    </div>`;
}

const Board = ({ board }) => {
    const [kind, word] = boardState(board);
    return html`<li><a class="board ${kind}" href="/dispatch?board=${encodeURIComponent(board.name)}">
        <b>${board.name}</b><span class="board-kw">${show(board.kw, "kw", 1)} <span class="unit">kW</span></span>
        <span class="board-state"><${Shape} kind=${kind} />${word}</span></a></li>`;
};

export default function Overview() {
    const link = useLink();
    const height = useHeight(530, 220, 560);
    const trace = useRef(new Trace());
    const live = useChannel("overview", (key, value) => trace.current.add(Date.now(), value), { history: (items) => items.forEach(([ms, value]) => trace.current.add(ms, value)) });
    const asked = useApi("overview");
    const boards = useApi("dispatch");
    const news = useChannel("dispatch");
    const [, tick] = useReducer((n) => n + 1, 0);
    useEffect(() => {
        const timer = setInterval(tick, 1000);
        return () => clearInterval(timer);
    }, []);
    const o = [...live.values()].pop() || asked.data;
    if (!o) return asked.error ? html`<${Failure} error=${asked.error} retry=${asked.reload} />` : html`<div class="tiles" role="status" aria-label="Loading">${Array.from({ length: 7 }, (_, i) => html`<${Tile} key=${i} label="…" value="–" />`)}</div>`;
    const [kind, sentence] = verdict(o, link);
    const until = Math.ceil(Date.now() / 1000);
    const [at, generation, load, lambda] = trace.current.columns;
    const seconds = Math.max(60, Math.min(WINDOW_S, at.length ? Math.ceil(until - at[0]) : 0));
    const range = [until - seconds, until];
    const x = { label: "", time: true, range, csv: "time_utc" };
    const power = [at.slice(), generation, load];
    const cost = [power[0], lambda];
    return html`<p class="verdict ${kind}" id="verdict"><${Shape} kind=${kind} /><span>${sentence}</span><span class="verdict-time">${o.updated_ms ? `boards heard ${ago(o.updated_ms, link.now_ms)}` : ""}</span></p>
        <${Tiles} o=${o} />
        <div class="grid">
            <${Panel} title="Generation and load" note="the last five minutes" class="w8" aside=${html`<${ChartTools} name="power" title="Generation and load" series=${SERIES} data=${power} x=${x} />`}>
                <${Chart} name="power" title="Generation and load" summary=${`Generation ${show(o.generation_kw, "kw")} kW and load ${show(o.load_kw, "kw")} kW over the last five minutes`} series=${SERIES} data=${power} x=${x} y=${{ label: "kW", range: (min, max) => [Math.min(0, min), Math.max(max * 1.12, 1)] }} height=${height} readout=${false} live />
            <//>
            <${Panel} title="Incremental cost λ" note="$/kWh" class="w4" aside=${html`<${ChartTools} name="cost" title="Incremental cost" series=${LAMBDA} data=${cost} x=${x} />`}>
                <${Chart} name="cost" title="Incremental cost" summary=${`Incremental cost ${show(o.lambda, "lambda")} dollars per kilowatt hour over the last five minutes`} series=${LAMBDA} data=${cost} x=${x} y=${{ label: "$/kWh", range: (min, max) => [Math.min(min, max - 0.2) - 0.1, max + 0.1] }} height=${height} readout=${false} live />
            <//>
            <${Panel} title="Boards" note="a circle is certified, a triangle converges, a diamond is in somebody's hand, a cross is offline or stopped" class="w12">
                <${Await} from=${boards} what="Loading the boards">${(document) => html`<ul class="boards">${document.boards.map((board) => html`<${Board} key=${board.name} board=${news.get(board.name) || board} />`)}</ul>`}<//>
            <//>
        </div>`;
}
