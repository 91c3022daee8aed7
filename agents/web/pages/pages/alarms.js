/* Alarms: what wants attention, who has seen it, what is out of sight for a while. */
import { useApi, useChannel, useLink } from "/data.js";
import { ago, date, fixed, iso } from "/format.js";
import { useQuery } from "/route.js";
import { CsvButton, Table } from "/table.js";
import { Await, Empty, Mark, Panel, ask, useAction } from "/ui.js";
import { html } from "/view.js";

const STATES = [["active", "bad", "Active"], ["acknowledged", "hand", "Acknowledged"], ["shelved", "idle", "Shelved"], ["cleared", "good", "Cleared"]];
const KIND = Object.fromEntries(STATES.map(([state, kind]) => [state, kind]));
const RANK = Object.fromEntries(STATES.map(([state], i) => [state, i]));

const COLUMNS = [
    { key: "id", csv: (a) => a.id }, { key: "state" }, { key: "name" }, { key: "alert" }, { key: "text" }, { key: "since", csv: (a) => iso(a.since_ms), csvLabel: "since_utc" },
    { key: "last", csv: (a) => iso(a.last_ms), csvLabel: "last_utc" }, { key: "count" }, { key: "by" }, { key: "until", csv: (a) => (a.until_ms ? iso(a.until_ms) : ""), csvLabel: "until_utc" }, { key: "topic" },
];

function Acts({ alarm }) {
    const [busy, run] = useAction();
    const what = `${alarm.name}, ${alarm.alert}`;
    const shelve = async () => {
        const answer = await ask({ title: `Shelve ${what}`, text: "Out of sight for so long; then it is raised anew if it stands or has come again.", action: "Shelve", fields: [{ name: "minutes", label: "Time", unit: "minutes", min: 1, max: 10080, step: 1, value: 30 }] });
        if (answer) await run(`alarms/${alarm.id}/shelve`, { minutes: answer.minutes }, `Shelved for ${answer.minutes} min: ${what}`);
    };
    return html`<div class="row acts">
        ${alarm.state === "active" && html`<button type="button" class="small" disabled=${busy} onClick=${() => run(`alarms/${alarm.id}/acknowledge`, {}, `Acknowledged: ${what}`)}>Acknowledge<span class="hidden"> ${what}</span></button>`}
        ${(alarm.state === "active" || alarm.state === "acknowledged") && html`<button type="button" class="small" disabled=${busy} onClick=${shelve}>Shelve …<span class="hidden"> ${what}</span></button>`}
    </div>`;
}

function Details({ alarm, now }) {
    if (alarm.state === "shelved") return html`<span class="note">by ${alarm.by || "–"}, ${alarm.until_ms > now ? `until ${date(alarm.until_ms)}` : "ends now"}</span>`;
    return alarm.by ? html`<span class="note">by ${alarm.by}</span>` : "";
}

export default function Alarms() {
    const [query, setQuery] = useQuery();
    const { now_ms: now } = useLink();
    const asked = useApi("alarms", null, { every: 30000 });
    const news = useChannel("alarms");
    const known = new Map(((asked.data && (asked.data.alarms || asked.data)) || []).map((alarm) => [alarm.id, alarm]));
    for (const alarm of news.values()) if (alarm && alarm.id !== undefined && (!known.has(alarm.id) || newer(alarm, known.get(alarm.id)))) known.set(alarm.id, alarm);
    const all = [...known.values()];
    const chosen = (query.state || "active,acknowledged").split(",");
    const text = (query.text || "").toLowerCase();
    const matches = (alarm) => chosen.includes(alarm.state) && (!text || [alarm.name, alarm.alert, alarm.text, alarm.topic, alarm.by].some((word) => String(word || "").toLowerCase().includes(text)));
    const rows = all.filter(matches).sort((a, b) => RANK[a.state] - RANK[b.state] || b.last_ms - a.last_ms);
    const turn = (state) => {
        const next = chosen.includes(state) ? chosen.filter((one) => one !== state) : [...chosen, state];
        setQuery({ state: next.length ? STATES.map(([one]) => one).filter((one) => next.includes(one)).join(",") : "none" });
    };
    const columns = [
        { key: "state", label: "State", value: (a) => RANK[a.state], cell: (a) => html`<${Mark} kind=${KIND[a.state]}>${a.state}<//>` },
        { key: "name", label: "Who" },
        { key: "alert", label: "Alarm", cell: (a) => html`<b>${a.alert}</b>` },
        { key: "text", label: "What it says", plain: true, cell: (a) => html`<div class="alarm-text">${a.text} <${Details} alarm=${a} now=${now} /></div>` },
        { key: "last", label: "Last", value: (a) => a.last_ms, cell: (a) => html`<time datetime=${iso(a.last_ms)} title=${date(a.last_ms)}>${ago(a.last_ms, now)}</time>` },
        { key: "since", label: "Since", value: (a) => a.since_ms, cell: (a) => html`<time datetime=${iso(a.since_ms)} title=${date(a.since_ms)}>${ago(a.since_ms, now)}</time>` },
        { key: "count", label: "Times", number: true, cell: (a) => fixed(a.count, 0) },
        { key: "", label: html`<span class="hidden">What to do</span>`, value: () => "", cell: (a) => html`<${Acts} alarm=${a} />` },
    ];
    return html`<${Panel} title="What calls for attention" aside=${html`<${CsvButton} name="alarms" columns=${COLUMNS} rows=${() => rows} />`}>
        <div class="row filters">
            <div class="row" role="group" aria-label="States">${STATES.map(([state, kind, word]) => html`<button type="button" key=${state} class="small" aria-pressed=${chosen.includes(state)} onClick=${() => turn(state)}><${Mark} kind=${kind}>${word}<//> <span class="filter-count">${all.filter((alarm) => alarm.state === state).length}</span></button>`)}</div>
            <label class="search"><span class="hidden">Search</span><input type="search" placeholder="Search" value=${query.text || ""} onInput=${(event) => setQuery({ text: event.target.value })} /></label>
        </div>
        <${Await} from=${asked} what="Loading the alarms">${() =>
            rows.length ? html`<${Table} name="alarms" caption="The alarms, one a row" columns=${columns} rows=${rows} rowKey=${(a) => a.id} rowClass=${(a) => "alarm " + a.state} stack />`
                : html`<${Empty} title=${all.length ? "None of these" : "No alarms"}>${all.length ? "The filter hides the others." : "Nothing has called for attention since busbar-webd started."}<//>`}<//>
    <//>`;
}

/* Which of two tellings of one alarm is the newer: what is told live is, unless the list was asked after it. */
function newer(live, listed) {
    return live.last_ms > listed.last_ms || live.count > listed.count || (live.last_ms === listed.last_ms && live.state !== listed.state);
}
