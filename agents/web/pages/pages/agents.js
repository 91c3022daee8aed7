/* Agents: what busbar-agentd hosts, how it does, what it prints; started and stopped here. And the boards, as machines. */
import { subscribe, useApi, useLink, useReloadOn } from "/data.js";
import { clock, fixed, integer, iso, plural, save, short, span } from "/format.js";
import { useQuery } from "/route.js";
import { CsvButton, Table } from "/table.js";
import { Await, Empty, Failure, Mark, Panel, ask, useAction } from "/ui.js";
import { html, useEffect, useReducer, useRef, useState } from "/view.js";

const LINES = 2000;
const FIRST = 200;
const GAP_MS = 150;

/* [kind, word] of an agent's state (docs/platform.md). */
const KINDS = { running: "good", starting: "warn", stopping: "warn", waiting: "warn", stopped: "idle", crashed: "bad" };
const stateOf = (agent) => [KINDS[agent.state] || "hand", agent.state];
const mib = (bytes) => (bytes === undefined || bytes === null ? "–" : fixed(bytes / 1048576, 1));

/* ---- the list ---- */

/* Messages a second of each agent: the difference of two looks at its count. */
function useRates(stats) {
    const before = useRef(new Map());
    const rates = useRef(new Map());
    const at = useRef(0);
    if (stats && stats.at !== at.current) {
        const seconds = (stats.at - at.current) / 1000;
        for (const one of stats.data.agents) {
            const old = before.current.get(one.name);
            if (old !== undefined && at.current) rates.current.set(one.name, Math.max(0, one.messages - old) / seconds);
            before.current.set(one.name, one.messages);
        }
        at.current = stats.at;
    }
    return rates.current;
}

function columnsOf(now, rates, Buttons) {
    return [
        { key: "name", label: "Agent", cell: (a) => html`<a href="/agents?agent=${encodeURIComponent(a.name)}">${a.name}</a>` },
        { key: "state", label: "State", cell: (a) => html`<${Mark} kind=${stateOf(a)[0]}>${a.state}<//>` },
        { key: "uptime_ms", label: "For", number: true, value: (a) => now - a.since_ms, cell: (a) => span(now - a.since_ms) },
        { key: "restarts", label: "Restarts", number: true, cell: (a) => integer(a.restarts) },
        { key: "rate", label: "Messages", unit: "/s", number: true, value: (a) => rates.get(a.name) ?? null, cell: (a) => fixed(rates.get(a.name), 1), csvLabel: "messages_per_s" },
        { key: "cpu", label: "Processor", unit: "%", number: true, value: (a) => a.stats?.cpu_percent ?? null, cell: (a) => (a.stats ? fixed(a.stats.cpu_percent, 1) : "–"), csvLabel: "cpu_percent" },
        { key: "memory", label: "Memory", unit: "MiB", number: true, value: (a) => a.stats?.memory_bytes ?? null, cell: (a) => mib(a.stats?.memory_bytes), csvLabel: "memory_bytes" },
        { key: "trouble", label: "Last trouble", value: (a) => a.trouble || a.last_exit, cell: (a) => a.trouble || a.last_exit || "–" },
        { key: "", label: "Actions", plain: true, cell: (a) => html`<${Buttons} agent=${a} />` },
    ];
}

function useButtons(reload) {
    const [busy, run] = useAction();
    const act = async (agent, verb, done) => {
        if (verb !== "start" && !(await ask({ title: `${verb === "stop" ? "Stop" : "Restart"} ${agent.name}?`, text: `${agent.identity} leaves the bus${verb === "stop" ? " until it is started again" : " for a moment"}.`, action: verb === "stop" ? "Stop it" : "Restart it", danger: verb === "stop" }))) return;
        if (await run(`agents/${encodeURIComponent(agent.name)}/${verb}`, {}, `${agent.name} ${done}`)) reload();
    };
    return ({ agent }) => {
        const runs = ["starting", "running", "waiting"].includes(agent.state);
        if (!runs && !["stopped", "crashed"].includes(agent.state)) return html`<span class="note">–</span>`;
        return html`<span class="acts">${runs
            ? html`<button type="button" class="small" disabled=${busy} onClick=${() => act(agent, "restart", "was restarted")}>Restart<span class="hidden"> ${agent.name}</span></button><button type="button" class="small danger" disabled=${busy} onClick=${() => act(agent, "stop", "is stopped")}>Stop<span class="hidden"> ${agent.name}</span></button>`
            : html`<button type="button" class="small primary" disabled=${busy} onClick=${() => act(agent, "start", "runs")}>Start<span class="hidden"> ${agent.name}</span></button>`}</span>`;
    };
}

function AgentsPanel({ asked, stats, chosen, Buttons, away }) {
    const link = useLink();
    const rates = useRates(stats.data ? stats : null);
    const columns = columnsOf(link.now_ms, rates, Buttons);
    if (away)
        return html`<${Panel} title="Hosted agents"><${Empty} title="busbar-agentd is not on the bus">It hosts agents: start it with <code>busbar-agentd</code>, then <code>busbar agent install BUNDLE --enable</code>.<//><//>`;
    const rows = asked.data ? asked.data.agents.map((agent) => ({ ...agent, stats: stats.data?.agents.find((one) => one.name === agent.name) })) : [];
    return html`<${Panel} title="Hosted agents" note=${asked.data ? plural(rows.length, "agent") : ""} aside=${asked.data && html`<${CsvButton} name="agents" columns=${columns} rows=${() => rows} />`}>
        <${Await} from=${asked} rows=${5}>${() => (rows.length === 0
            ? html`<${Empty} title="No agent is installed">An agent is a folder with a manifest: <code>busbar agent pack</code>, <code>sign</code>, <code>install</code>.<//>`
            : html`<${Table} name="agents" caption="List of hosted agents" columns=${columns} rows=${rows} rowKey=${(a) => a.name} rowClass=${(a) => (a.name === chosen ? "chosen" : "")} />`)}<//>
    <//>`;
}

/* ---- one agent ---- */

/* The lines of a log in their order, each once, at most LINES: first those that were, then those that come. */
class Log {
    constructor() {
        this.lines = new Map();
        this.follow = true;
    }
    add(line) {
        this.lines.set(line.n, line);
        if (this.lines.size > LINES) this.lines.delete(this.lines.keys().next().value);
    }
    sorted() {
        return [...this.lines.values()].sort((a, b) => a.n - b.n);
    }
}

function LogPanel({ name }) {
    const asked = useApi(`agents/${encodeURIComponent(name)}/logs`, { count: FIRST });
    const log = useRef(new Log());
    const box = useRef(null);
    const [follow, setFollow] = useState(true);
    const [, redraw] = useReducer((n) => n + 1, 0);
    if (asked.data) asked.data.lines.forEach((line) => log.current.lines.has(line.n) || log.current.add(line));
    useEffect(() => subscribe("log:" + name, (key, line) => (log.current.add(line), redraw())), [name]);
    const lines = log.current.sorted();
    /* What was printed between the question and the stream's beginning, or went by too fast, is asked for again. */
    const gap = lines.findIndex((line, i) => i > 0 && line.n !== lines[i - 1].n + 1);
    useEffect(() => {
        if (gap < 0) return undefined;
        const timer = setTimeout(asked.reload, GAP_MS);
        return () => clearTimeout(timer);
    }, [gap >= 0 && lines[gap].n]);
    useEffect(() => {
        if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
    }, [lines.length, follow]);
    const text = () => lines.map((line) => `${iso(line.time_ms)} ${line.stream} ${line.text}`).join("\n") + "\n";
    return html`<${Panel} title="Log" note=${plural(lines.length, "line")} aside=${html`<button type="button" class="small" aria-pressed=${follow} onClick=${() => setFollow(!follow)}>Follow</button><button type="button" class="small" onClick=${() => save(`${name}.log`, text(), "text/plain;charset=utf-8")}>Save</button>`}>
        ${asked.error && lines.length === 0 ? html`<${Failure} error=${asked.error} retry=${asked.reload} />`
            : html`<div class="log" ref=${box} tabindex="0" role="log" aria-label="Log of ${name}" aria-live="off">${lines.length === 0 ? html`<p class="note">It has printed nothing yet.</p>` : lines.map((line) => html`<p key=${line.n} class=${line.stream}><time>${clock(line.time_ms, true)}</time> <span>${line.text}</span></p>`)}</div>`}
    <//>`;
}

const Field = ({ name, children }) => html`<div><dt>${name}</dt><dd>${children}</dd></div>`;

function AgentPanel({ name, Buttons, news }) {
    const [, setQuery] = useQuery();
    const asked = useApi(`agents/${encodeURIComponent(name)}`);
    useEffect(() => {
        asked.reload();
    }, [news]);
    return html`<${Panel} title=${name} aside=${html`${asked.data && html`<${Buttons} agent=${asked.data.agent} />`}<button type="button" class="small" onClick=${() => setQuery({ agent: null })}>Close</button>`}>
        <${Await} from=${asked} rows=${5}>${({ agent, manifest, config }) => html`<dl class="fields">
            <${Field} name="State"><${Mark} kind=${stateOf(agent)[0]}>${agent.state}<//>${agent.trouble && html`: ${agent.trouble}`}<//>
            <${Field} name="Identity">${agent.identity}<//><${Field} name="Release">${agent.release}<//><${Field} name="Process">${agent.pid || "–"}<//>
            <${Field} name="Starts by itself">${agent.enabled ? "yes" : "no"}<//><${Field} name="Priority">${agent.priority}<//><${Field} name="Last end">${agent.last_exit || "–"}<//>
            <${Field} name="Signed by"><code title=${agent.signer}>${agent.signer ? short(agent.signer) : "nobody"}</code><//></dl>
            <details><summary>Manifest and configuration</summary><pre tabindex="0">${JSON.stringify({ manifest, config }, null, 2)}</pre></details>`}<//>
    <//>`;
}

/* ---- boards, as machines ---- */

const NODE_COLUMNS = [
    { key: "name", label: "Board", value: (n) => n.name ?? "not enrolled" },
    { key: "online", label: "State", value: (n) => (n.online ? "online" : "offline"), cell: (n) => html`<${Mark} kind=${n.online ? (n.enrolled ? "good" : "hand") : "bad"}>${n.online ? (n.enrolled ? "online" : "not enrolled") : "offline"}<//>` },
    { key: "firmware", label: "Firmware" },
    { key: "running", label: "Image", value: (n) => n.running ?? null, cell: (n) => (n.running ? `${n.running}, ${n.state}` : "–") },
    { key: "boots", label: "Boots", number: true, value: (n) => n.boots, cell: (n) => (n.boots === null ? "–" : integer(n.boots)) },
    { key: "uptime_s", label: "Up", number: true, value: (n) => n.uptime_s, cell: (n) => (n.uptime_s === null || n.uptime_s === undefined ? "–" : span(n.uptime_s * 1000)) },
    { key: "bad_frames", label: "Bad frames", number: true, cell: (n) => integer(n.bad_frames) },
    { key: "update", label: "Update", value: (n) => n.update?.phase ?? "", cell: (n) => (n.update ? `${n.update.phase}${n.update.total ? `, ${Math.floor((100 * n.update.received) / n.update.total)} %` : ""}` : "–") },
    { key: "agent", label: "Served by" },
    { key: "port", label: "Port", cell: (n) => html`<code>${n.port}</code>` },
];

function NodesPanel() {
    const asked = useApi("nodes", {}, { every: 3000 });
    return html`<${Panel} title="Boards" note="as machines: busbar node" aside=${asked.data && html`<${CsvButton} name="nodes" columns=${NODE_COLUMNS} rows=${() => asked.data.nodes} />`}>
        <${Await} from=${asked} rows=${6}>${({ nodes }) => (nodes.length === 0
            ? html`<${Empty} title="No board">The uart agents know of none.<//>`
            : html`<${Table} name="nodes" caption="List of boards" columns=${NODE_COLUMNS} rows=${nodes} rowKey=${(n) => n.name ?? n.port} />`)}<//>
    <//>`;
}

export default function Agents() {
    const [query] = useQuery();
    /* agentd is asked when it is there: a browser's console remembers every question that found nobody. */
    const peers = useApi("bus/peers", {}, { every: 3000 });
    const here = Boolean(peers.data?.peers.some((peer) => peer.identity === "agentd"));
    const asked = useApi(here ? "agents" : null, {}, { every: 5000 });
    const stats = useApi(here ? "agent-stats" : null, {}, { every: 2000 });
    const [news, hear] = useReducer((n) => n + 1, 0);
    useReloadOn("agents", () => (peers.reload(), asked.reload(), hear()), 100);
    const Buttons = useButtons(asked.reload);
    return html`<${AgentsPanel} away=${peers.data !== null && !here} asked=${peers.error ? peers : asked} stats=${stats} chosen=${query.agent} Buttons=${Buttons} />
        ${query.agent && here && html`<div class="grid"><div class="w5"><${AgentPanel} key=${query.agent} name=${query.agent} Buttons=${Buttons} news=${news} /></div><div class="w7"><${LogPanel} key=${query.agent} name=${query.agent} /></div></div>`}
        <${NodesPanel} />`;
}
