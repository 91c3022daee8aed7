/* Bus: what is published, by whom, how often; every message as it goes by; one round of the consensus, told as a sequence. */
import { subscribe, useApi } from "/data.js";
import { ROUND_COLUMNS, Round, Sequence, broadcastOf, neighboursOf } from "/bus/round.js";
import { rowsOf, treeOf } from "/bus/tree.js";
import { ago, clock, fixed, integer, iso, plural, save, short } from "/format.js";
import { useQuery } from "/route.js";
import { CsvButton, Table } from "/table.js";
import { Await, Empty, Mark, Panel } from "/ui.js";
import { html, useEffect, useMemo, useReducer, useRef, useState } from "/view.js";

const VIEWS = [["topics", "Topics"], ["sniffer", "Sniffer"], ["sequence", "Sequence"], ["peers", "Peers"]];
const KEPT = 5000; /* messages of the sniffer, for the export */
const SHOWN = 150;
const REDRAW_MS = 250;
const ROUND_MS = 8000;

const pretty = (text) => {
    try {
        return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
        return text;
    }
};

/* ---- topics ---- */

function Value({ topic }) {
    const asked = useApi("bus/retained", { prefix: topic, max: 1 }, { every: 1000 });
    return html`<${Panel} title=${topic} note="the last message" class="value">
        <${Await} from=${asked} rows=${6}>${({ messages }) => {
            const found = messages.find((one) => one.topic === topic);
            if (!found) return html`<${Empty} title="Nothing is kept">The broker has no last message of this topic.<//>`;
            return html`<p class="note">from <b>${found.sender}</b> at ${clock(found.time_ms, true)}</p><pre tabindex="0">${pretty(found.message)}</pre>`;
        }}<//>
    <//>`;
}

const TOPIC_COLUMNS = [
    { key: "topic" }, { key: "sender" }, { key: "messages" }, { key: "bytes" }, { key: "rate", csvLabel: "rate_per_s" }, { key: "last_ms", csv: (t) => iso(t.last_ms), csvLabel: "last_utc" },
];

function TreeRow({ row, chosen, turn, choose, now }) {
    const { node, depth, open } = row;
    const folder = node.children.size > 0;
    const name = html`${node.name}${folder && html`<span class="slash">/</span> <span class="note">${node.count}</span>`}`;
    return html`<tr class=${chosen ? "chosen" : ""}><th scope="row"><span class="branch" data-depth=${Math.min(depth, 8)}>
        ${folder ? html`<button type="button" class="fold" aria-expanded=${open} onClick=${() => turn(node.path)}><span class="triangle" aria-hidden="true">${open ? "▾" : "▸"}</span>${name}</button>`
                : html`<button type="button" class="leaf" aria-pressed=${chosen} onClick=${() => choose(node.topic.topic)}>${name}</button>`}
        ${folder && node.topic && html`<button type="button" class="small quiet" onClick=${() => choose(node.topic.topic)}>value</button>`}</span></th>
        <td class="number">${fixed(node.rate, 1)}</td><td class="number">${integer(node.messages)}</td><td>${node.topic ? node.topic.sender : ""}</td><td class="number">${ago(node.last_ms, now)}</td></tr>`;
}

function Topics() {
    const [query, setQuery] = useQuery();
    const asked = useApi("bus/topics", {}, { every: 2000 });
    const shut = useMemo(() => new Set((query.shut || "").split(",").filter(Boolean)), [query.shut]);
    const turn = (path) => {
        const next = new Set(shut);
        if (!next.delete(path)) next.add(path);
        setQuery({ shut: [...next].join(",") });
    };
    const root = useMemo(() => (asked.data ? treeOf(asked.data.topics) : null), [asked.data]);
    return html`<div class="grid">
        <div class=${query.topic ? "w7" : "w12"}><${Panel} title="Topics" note=${asked.data ? `${plural(asked.data.topics.length, "topic")}, ${fixed(root.rate, 1)} messages a second` : ""} aside=${asked.data && html`<${CsvButton} name="topics" columns=${TOPIC_COLUMNS} rows=${() => asked.data.topics} />`}>
            <${Await} from=${asked} rows=${10}>${() => html`<div class="table-frame" tabindex="0" role="region" aria-label="Tree of topics"><table class="topics"><caption class="hidden">Tree of topics</caption>
                <thead><tr><th scope="col">Topic</th><th scope="col" class="number">Rate <span class="unit">/s</span></th><th scope="col" class="number">Messages</th><th scope="col">Sender</th><th scope="col" class="number">Last</th></tr></thead>
                <tbody>${rowsOf(root, (path) => !shut.has(path)).map((row) => html`<${TreeRow} key=${row.node.path} row=${row} now=${Date.now()} chosen=${row.node.topic !== null && row.node.topic.topic === query.topic} turn=${turn} choose=${(topic) => setQuery({ topic: topic === query.topic ? null : topic })} />`)}</tbody></table></div>`}<//>
        <//></div>
        ${query.topic && html`<div class="w5"><${Value} topic=${query.topic} key=${query.topic} /></div>`}
    </div>`;
}

/* ---- sniffer ---- */

class Capture {
    constructor() {
        this.list = [];
        this.total = this.skipped = 0;
    }
    take(key, value) {
        if (key === "skipped") return void (this.skipped += value.skipped);
        this.total++;
        this.list.push({ n: this.total, ...value });
        if (this.list.length > KEPT) this.list.splice(0, this.list.length - KEPT);
    }
}

function useCapture(prefix, paused) {
    const capture = useRef(new Capture());
    const [, redraw] = useReducer((n) => n + 1, 0);
    useEffect(() => {
        if (paused) return undefined;
        const end = subscribe("bus", (key, value) => value.topic?.startsWith(prefix) !== false && capture.current.take(key, value), { filter: prefix });
        const timer = setInterval(redraw, REDRAW_MS);
        return () => {
            end();
            clearInterval(timer);
        };
    }, [prefix, paused]);
    return [capture.current, () => ((capture.current = new Capture()), redraw())];
}

function Sniffer() {
    const [query, setQuery] = useQuery();
    const [paused, setPaused] = useState(false);
    const prefix = query.filter || "";
    const [capture, clear] = useCapture(prefix, paused);
    const [chosen, setChosen] = useState(null);
    const word = (query.word || "").toLowerCase();
    const matching = word ? capture.list.filter((one) => (one.topic + one.sender + one.message).toLowerCase().includes(word)) : capture.list;
    const shown = matching.slice(-SHOWN).reverse();
    const lines = () => matching.map(({ n, cut, ...one }) => JSON.stringify(one)).join("\n") + "\n";
    return html`<div class="grid"><div class=${chosen ? "w7" : "w12"}><${Panel} title="Sniffer" note=${`${plural(capture.total, "message")}${capture.skipped ? `, ${integer(capture.skipped)} more went by too fast` : ""}`}
        aside=${html`<button type="button" class="small" aria-pressed=${paused} onClick=${() => setPaused(!paused)}>${paused ? "Go on" : "Pause"}</button><button type="button" class="small" onClick=${() => (clear(), setChosen(null))}>Clear</button><button type="button" class="small" onClick=${() => save("messages.jsonl", lines(), "application/jsonl")}>Export</button>`}>
        <div class="row"><label class="row note">Topics that begin with <input class="filter" name="filter" value=${prefix} placeholder="everything" autocomplete="off" spellcheck=${false} onChange=${(event) => setQuery({ filter: event.target.value })} /></label>
            <label class="row note">with the words <input class="filter" name="word" value=${query.word || ""} autocomplete="off" onInput=${(event) => setQuery({ word: event.target.value })} /></label></div>
        ${shown.length === 0 ? html`<${Empty} title=${paused ? "Paused" : "Listening"}>Nothing${prefix ? html` below <code>${prefix}</code>` : ""} has gone by yet.<//>`
            : html`<div class="table-frame sniffed" tabindex="0" role="region" aria-label="Messages, the newest first"><table><caption class="hidden">Messages, the newest first</caption>
                <thead><tr><th scope="col">Time</th><th scope="col">Topic</th><th scope="col">Sender</th><th scope="col">Message</th></tr></thead>
                <tbody>${shown.map((one) => html`<tr key=${one.n} class=${chosen && chosen.n === one.n ? "chosen" : ""}><td>${clock(one.time_ms, true)}</td><th scope="row"><button type="button" class="leaf" onClick=${() => setChosen(one)}>${one.topic}</button></th><td>${one.sender}</td><td class="cut mono">${one.message.slice(0, 160)}</td></tr>`)}</tbody></table></div>`}
    <//></div>
    ${chosen && html`<div class="w5"><${Panel} title=${chosen.topic} note=${`${chosen.sender}, ${clock(chosen.time_ms, true)}`} class="value" aside=${html`<button type="button" class="small" onClick=${() => setChosen(null)}>Close</button>`}><pre tabindex="0">${pretty(chosen.message)}</pre>${chosen.cut && html`<p><${Mark} kind="warn">longer than 4 KiB: cut<//></p>`}<//></div>`}</div>`;
}

/* ---- one round ---- */

function useRound(site, recording, done) {
    const round = useRef(null);
    const [, redraw] = useReducer((n) => n + 1, 0);
    useEffect(() => {
        if (!recording) return undefined;
        round.current = new Round(site.boards.map((board) => board.name));
        let ended = false;
        const finish = () => {
            if (ended) return;
            ended = true;
            done();
        };
        const end = subscribe("bus", (key, value) => {
            const broadcast = key === "skipped" ? null : broadcastOf(value);
            if (!broadcast || ended) return;
            round.current.add(broadcast);
            if (round.current.missing.size === 0) finish();
        }, { filter: "Data/" });
        const timer = setInterval(redraw, REDRAW_MS), late = setTimeout(finish, ROUND_MS);
        return () => {
            end();
            clearInterval(timer);
            clearTimeout(late);
        };
    }, [recording]);
    return round.current;
}

function SequenceView({ site }) {
    const [recording, setRecording] = useState(true);
    const [chosen, setChosen] = useState(null);
    const [query, setQuery] = useQuery();
    const round = useRound(site, recording, () => setRecording(false));
    const near = useMemo(() => neighboursOf(site), [site]);
    const rows = round ? round.said.map((one) => ({ ...one, to: (near.get(one.board) || []).join(" ") })) : [];
    const table = query.round === "table";
    const note = !round || recording ? "listening until every board has spoken …" : round.missing.size > 0 ? `silent: ${[...round.missing].join(", ")}` : `${plural(rows.length, "broadcast")} in ${rows.length ? rows.at(-1).time_ms - rows[0].time_ms : 0} ms`;
    return html`<${Panel} title="One round of the consensus" note=${note} aside=${html`<button type="button" class="small primary" disabled=${recording} onClick=${() => (setChosen(null), setRecording(true))}>Record a round</button>
        <button type="button" class="small" aria-pressed=${table} onClick=${() => setQuery({ round: table ? null : "table" })}>Table</button><${CsvButton} name="round" columns=${ROUND_COLUMNS} rows=${() => rows} />`}>
        ${rows.length === 0 ? html`<${Empty} title="Nobody has spoken yet">Boards broadcast while they agree, and once a second afterwards.<//>`
            : table ? html`<${Table} name="said" caption="Broadcasts of the round" columns=${ROUND_COLUMNS} rows=${rows} rowKey=${(r) => r.board + r.time_ms} />`
                : html`<${Sequence} site=${site} round=${round} chosen=${chosen} choose=${setChosen} />`}
        <p class="note">A dot is a broadcast; its arrows go to the neighbours to whom the agents carry it. While all agree, boards repeat themselves once a second; an order on the page Dispatch makes news.</p>
    <//>`;
}

function SequencePage() {
    const asked = useApi("dispatch/site");
    return html`<${Await} from=${asked} rows=${10}>${(site) => (site.boards.length === 0 ? html`<${Empty} title="No boards">No agent has told the site yet.<//>` : html`<${SequenceView} site=${site} />`)}<//>`;
}

/* ---- peers ---- */

const PEER_COLUMNS = [
    { key: "identity", label: "Peer" },
    { key: "received", label: "Sent by it", number: true, cell: (p) => integer(p.received) },
    { key: "delivered", label: "Delivered to it", number: true, cell: (p) => integer(p.delivered) },
    { key: "queued", label: "Waiting", number: true, cell: (p) => integer(p.queued) },
    { key: "dropped", label: "Dropped", number: true, cell: (p) => (p.dropped > 0 ? html`<${Mark} kind="warn">${integer(p.dropped)}<//>` : "0") },
    { key: "refused", label: "Refused", number: true, cell: (p) => (p.refused > 0 ? html`<${Mark} kind="warn">${integer(p.refused)}<//>` : "0") },
    { key: "subscriptions", label: "Subscriptions", number: true },
    { key: "connected_ms", label: "Connected", number: true, value: (p) => p.connected_ms, cell: (p) => ago(p.connected_ms, Date.now()), csv: (p) => iso(p.connected_ms), csvLabel: "connected_utc" },
    { key: "key", label: "Key", cell: (p) => html`<code title=${p.key}>${short(p.key || "–", 8)}</code>` },
];

function Peers() {
    const asked = useApi("bus/peers", {}, { every: 2000 });
    return html`<${Panel} title="Peers" note=${asked.data ? `${plural(asked.data.peers.length, "connection")}; ${integer(asked.data.dropped)} dropped in all` : ""} aside=${asked.data && html`<${CsvButton} name="peers" columns=${PEER_COLUMNS} rows=${() => asked.data.peers} />`}>
        <${Await} from=${asked} rows=${8}>${({ peers }) => html`<${Table} name="peers" caption="Connections to the broker" columns=${PEER_COLUMNS} rows=${peers} rowKey=${(p) => p.identity} sort="identity" />`}<//>
    <//>`;
}

const BODIES = { topics: Topics, sniffer: Sniffer, sequence: SequencePage, peers: Peers };

/* Arrows move between tabs, as in every tab list. */
function onArrow(event, at, choose) {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -at, End: VIEWS.length - 1 - at }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = (at + step + VIEWS.length) % VIEWS.length;
    choose(VIEWS[next][0]);
    event.currentTarget.parentElement.children[next].focus();
}

export default function Bus() {
    const [query, setQuery] = useQuery();
    const view = BODIES[query.view] ? query.view : "topics";
    const choose = (name) => setQuery({ view: name === "topics" ? null : name });
    const Body = BODIES[view];
    return html`<div class="tabs" role="tablist" aria-label="Views of the bus">${VIEWS.map(([name, label], i) => html`<button key=${name} type="button" role="tab" id=${"tab-" + name} aria-selected=${view === name} aria-controls="view" tabindex=${view === name ? 0 : -1} onClick=${() => choose(name)} onKeyDown=${(event) => onArrow(event, i, choose)}>${label}</button>`)}</div>
        <div id="view" role="tabpanel" aria-labelledby=${"tab-" + view}><${Body} key=${view} /></div>`;
}
