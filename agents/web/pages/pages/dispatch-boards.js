/* Every board's power within its limits, the same as a table, and the orders to one of them. */
import { fixed, show, span, withUnit } from "/format.js";
import { Mark, Panel, Shape, ask, boardState, useAction } from "/ui.js";
import { html } from "/view.js";

export const limitOf = (board) => board.limit_kw ?? null;

/* A board that has exchanged nothing yet has no λ, whatever its counter says; nor has one that is away. */
export const lambdaOf = (board) => (board.online && ((board.exchange ?? board.k) > 0 || board.lambda > 0) ? board.lambda : null);

export const COLUMNS = [
    { key: "board", label: "Board", value: (b) => b.name },
    { key: "kind", label: "Kind", value: (b) => b.kind },
    { key: "agent", label: "Agent", value: (b) => b.agent },
    { key: "online", label: "Online", value: (b) => (b.online ? "yes" : "no") },
    { key: "mode", label: "Mode", value: (b) => b.mode },
    { key: "power", label: "Power", unit: "kW", number: true, value: (b) => b.kw, cell: (b) => fixed(b.kw, 3) },
    { key: "setpoint", label: "Set-point", unit: "kW", number: true, value: (b) => b.setpoint_kw, cell: (b) => fixed(b.setpoint_kw, 3) },
    { key: "limit", label: "Limit", unit: "kW", number: true, value: limitOf, cell: (b) => fixed(limitOf(b), 2) },
    { key: "lambda", label: "λ", unit: "$/kWh", number: true, value: (b) => b.lambda, cell: (b) => fixed(b.lambda, 6) },
    { key: "mismatch", label: "ΔP", unit: "kW", number: true, value: (b) => b.mismatch_kw, cell: (b) => fixed(b.mismatch_kw, 3) },
    { key: "exchange", label: "Exchange", number: true, value: (b) => b.exchange ?? b.k },
    { key: "depth", label: "Depth", number: true, value: (b) => b.depth },
    { key: "neighbours", label: "Neighbours", number: true, value: (b) => b.neighbours_live },
    { key: "certified", label: "Certified", value: (b) => (b.certified ? "yes" : "no"), cell: (b) => html`<${Mark} kind=${b.certified ? "good" : "warn"}>${b.certified ? "yes" : "no"}<//>` },
];

const percent = (value, whole) => Math.max(0, Math.min(100, whole > 0 ? (100 * value) / whole : 0)).toFixed(2) + "%";

function Bar({ board, scale, chosen, onChoose }) {
    const limit = limitOf(board);
    const [kind, word] = boardState(board);
    const full = limit ?? scale;
    return html`<li><button type="button" class="bar-row ${chosen ? "chosen" : ""}" aria-pressed=${chosen} onClick=${() => onChoose(chosen ? null : board.name)}>
        <b class="bar-name">${board.name}</b>
        <span class="bar-track ${limit === null ? "open" : ""}" aria-hidden="true"><span class="bar-fill ${board.kind}" style=${{ width: percent(board.kw, full) }}></span><i class="bar-tick" style=${{ left: percent(board.setpoint_kw, full) }}></i></span>
        <span class="bar-value"><b>${fixed(board.kw, 2)}</b><span class="unit"> of ${limit === null ? "–" : fixed(limit, 1)} kW</span></span>
        <span class="bar-state"><${Shape} kind=${kind} /><span>${word}</span></span>
    </button></li>`;
}

export function Bars({ boards, chosen, onChoose }) {
    const scale = Math.max(1, ...boards.map((board) => limitOf(board) ?? board.kw * 1.25));
    const group = (kind, title) => {
        const of = boards.filter((board) => board.kind === kind);
        const sum = of.filter((board) => board.online).reduce((total, board) => total + board.kw, 0);
        return html`<div class="bar-group"><h3><i class="bar-key ${kind}" aria-hidden="true"></i>${title}<span class="note"> ${withUnit(sum, "kw")}</span></h3>
            <ul>${of.map((board) => html`<${Bar} key=${board.name} board=${board} scale=${scale} chosen=${chosen === board.name} onChoose=${onChoose} />`)}</ul></div>`;
    };
    return html`<div class="bars">${group("consumer", "Load")}${group("generator", "Generation")}</div>
        <p class="note">The bar is the power, the mark across it the set-point, the frame the board's limit${boards.every((board) => limitOf(board) === null) ? " (not told yet: bars have one scale)" : ""}.</p>`;
}

const ORDERS = {
    hold: { word: "Hold", done: (who) => `${who} hold${who === "All boards" ? "" : "s"} the present set-point` },
    release: { word: "Release", done: (who) => `${who} follow${who === "All boards" ? "" : "s"} the dispatch again` },
};

export function Orders({ board, disabled }) {
    const [busy, run] = useAction();
    const name = board ? board.name : "all";
    const who = board ? board.name : "All boards";
    const path = (order) => `dispatch/${encodeURIComponent(name)}/${order}`;
    const override = async () => {
        const limit = board && limitOf(board);
        const answer = await ask({ title: `Override ${who}`, text: `${who} applies this power, whatever the dispatch says, until it is released.`, action: "Override", fields: [{ name: "kw", label: "Power", unit: "kW", min: 0, max: limit ?? undefined, value: board ? board.setpoint_kw.toFixed(2) : "" }] });
        if (answer) await run(path("override"), { kw: answer.kw }, `${who}: override at ${withUnit(answer.kw, "kw")}`);
    };
    const stop = async () => {
        const answer = await ask({ title: `Stop ${board ? board.name : "all boards"}?`, text: `${board ? `${board.name} goes` : "Every board goes"} to 0 kW at once and stays there until it is released.`, action: "Stop", danger: true });
        if (answer) await run(path("stop"), {}, board ? `${board.name} is stopped` : "All boards are stopped");
    };
    const parameters = async () => {
        const consumer = board.kind === "consumer";
        const names = consumer ? [["omega", "ω", "$/kWh"], ["sigma", "σ", "$/kWh/kW"]] : [["beta", "β", "$/kWh"], ["alpha", "α", "$/kWh/kW"]];
        const fields = [...names, ["pmax_kw", "Limit", "kW"]].map(([field, label, unit]) => ({ name: field, label, unit, min: 0, optional: true, value: "" }));
        const answer = await ask({ title: `Parameters of ${board.name}`, text: "What is left empty stays as the board has it. The others dispatch anew at once.", action: "Set", fields });
        if (!answer) return;
        const given = Object.fromEntries(Object.entries(answer).filter(([, value]) => !Number.isNaN(value)));
        if (Object.keys(given).length) await run(path("parameter"), given, `${board.name} has new parameters`);
    };
    const off = busy || disabled;
    return html`<div class="row orders">
        ${Object.entries(ORDERS).map(([order, { word, done }]) => html`<button type="button" key=${order} disabled=${off} onClick=${() => run(path(order), {}, done(who))}>${word}</button>`)}
        ${board && html`<button type="button" disabled=${off} onClick=${override}>Override …</button><button type="button" disabled=${off} onClick=${parameters}>Parameters …</button>`}
        <button type="button" class="danger" disabled=${off} onClick=${stop}>Stop …</button>
    </div>`;
}

const Fact = ({ name, children }) => html`<div><dt>${name}</dt><dd>${children}</dd></div>`;

/* The neighbourhood of the thesis: what its Table 1 prints, beside what is there. */
const TABLE1 = [["λ", "$/kWh", 3, 7.371], ["Generation", "kW", 1, 421.0], ["Load", "kW", 1, 421.1], ["Iterations", "", 0, 42]];
const isTable1 = (boards) => boards.length === 16 && boards.every(({ name }) => /^(L([1-9]|10)|DG[1-6])$/.test(name));

export function Beside({ boards, iterations }) {
    if (!isTable1(boards)) return "";
    const online = boards.filter((board) => board.online);
    const sum = (kind) => online.filter((board) => board.kind === kind).reduce((total, board) => total + board.kw, 0);
    const lambdas = online.map(lambdaOf).filter((lambda) => lambda !== null).sort((a, b) => a - b);
    const here = [lambdas.length ? (lambdas[0] + lambdas[lambdas.length - 1]) / 2 : null, sum("generator"), sum("consumer"), iterations];
    return html`<table class="beside"><caption class="hidden">These boards beside the thesis</caption>
        <thead><tr><th scope="col">Table 1</th><th scope="col" class="number">here</th><th scope="col" class="number">thesis</th></tr></thead>
        <tbody>${TABLE1.map(([name, unit, digits, printed], i) => html`<tr key=${name}><th scope="row">${name} <span class="unit">${unit}</span></th><td class="number">${fixed(here[i], digits)}</td><td class="number">${fixed(printed, digits)}</td></tr>`)}</tbody>
    </table>
    <p class="note">The thesis prints a load of 421.1; its own column adds up to 420.9. Parameters are reconstructed, not published.</p>`;
}

/* The board that was chosen, or all of them: what it says of itself, and what can be ordered. */
export function Chosen({ board, boards, iterations, onChoose, replaying }) {
    const title = board ? board.name : "All boards";
    const [kind, word] = boardState(board);
    return html`<${Panel} title=${title} class="w4 chosen-board" note=${board ? board.kind : "choose one in the bars or the topology"} aside=${board && html`<button type="button" class="small" onClick=${() => onChoose(null)}>All boards</button>`}>
        ${board && html`<dl class="facts">
            <${Fact} name="State"><${Mark} kind=${kind}>${word}<//><//>
            <${Fact} name="Power">${withUnit(board.kw, "kw", 3)}<//>
            <${Fact} name="Set-point">${withUnit(board.setpoint_kw, "kw", 3)}<//>
            <${Fact} name="Limit">${withUnit(limitOf(board), "kw")}<//>
            <${Fact} name="λ">${withUnit(board.lambda, "lambda", 6)}<//>
            <${Fact} name="ΔP">${withUnit(board.mismatch_kw, "mismatch")}<//>
            <${Fact} name="Exchange">${board.exchange ?? board.k ?? "–"}<//>
            ${board.agent && html`<${Fact} name="Neighbours">${board.neighbours_live} live<//>
            <${Fact} name="Agent">${board.agent}<//>
            <${Fact} name="Up">${span(board.uptime_s * 1000)}<//>
            <${Fact} name="Bad frames">${show(board.bad_frames, "count")}<//>
            <${Fact} name="Digest"><code>${board.digest}</code><//>`}
        </dl>`}
        ${!board && html`<${Beside} boards=${boards} iterations=${iterations} />`}
        ${replaying ? html`<p class="note">A recorded run takes no orders: go back to “Live” to give some.</p>` : html`<${Orders} board=${board} />`}
    <//>`;
}
