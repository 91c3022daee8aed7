/* Chain: what was decided, in which order, and the proof of it. Nothing is believed: receipts and the whole chain are verified here. */
import { api, useApi, useReloadOn } from "/data.js";
import { centsOfMicro, clock, date, integer, iso, kwhOfWh, plural, save, short } from "/format.js";
import { crypto } from "/ledger/crypto.js";
import { anchor, pin } from "/ledger/trust.js";
import { useQuery } from "/route.js";
import { CsvButton, Table } from "/table.js";
import { Await, Empty, Mark, Panel, Shape, Tile, notify } from "/ui.js";
import { chainVerifier } from "/verify/chain.mjs";
import { hex, unhex } from "/verify/format.mjs";
import { receiptVerifier } from "/verify/receipt.mjs";
import { html, useEffect, useRef, useState } from "/view.js";

const PAGE = 20;
const STRIP = 240; /* cells of the strip of heights */
const pause = () => new Promise((resolve) => setTimeout(resolve, 0));

/* ---- steps of a verification ---- */

const Steps = ({ steps }) => html`<ol class="steps">${steps.map(
    (step, i) => html`<li key=${i} class=${step.good ? "good" : "bad"}><${Shape} kind=${step.good ? "good" : "bad"} /><span>${step.text}</span><code>${step.step}</code></li>`,
)}</ol>`;

/* ---- the anchor ---- */

function Anchor({ state, renew }) {
    if (!state) return html`<p class="note">…</p>`;
    if (state.error) return html`<p class="form-error" role="alert"><${Shape} kind="bad" /> ${state.error}</p>`;
    const trustIt = () => {
        pin(state.hash);
        renew();
    };
    return html`<div class="anchor ${state.changed ? "changed" : ""}">
        <p><${Mark} kind=${state.changed ? "bad" : "good"}>${state.changed ? "another genesis than this browser knows" : "the genesis that this browser knows"}<//> <code title=${state.hash}>${short(state.hash, 16)}</code></p>
        <p class="note">${state.changed
            ? html`Known since ${date(state.since_ms)}: <code title=${state.known}>${short(state.known, 16)}</code>. Either this is another chain, or somebody is deceiving you. <button type="button" class="small danger" onClick=${trustIt}>Trust the new one</button>`
            : html`First seen ${date(state.since_ms)}. Compare it with <code>busbar chain genesis</code> or what the operator has published. Sealer <code title=${hex(state.trust.sealer)}>${short(hex(state.trust.sealer))}</code>, chain ${String(state.trust.chainId)}.`}</p>
    </div>`;
}

function useAnchor() {
    const [state, setState] = useState(null);
    const renew = () => anchor().then(setState, (error) => setState({ error: error.message }));
    useEffect(() => void renew(), []);
    return [state, renew];
}

/* ---- the whole chain ---- */

/* Follows the chain from its genesis; tell({height, head, fault, text, steps, done}) after each page and at the end. */
export async function verifyChain(trust, head, stop, tell) {
    const chain = chainVerifier(await crypto());
    let at = await chain.begin(trust);
    let next = "1";
    while (next && at.height < head && !stop.stopped) {
        const { blocks, next: after } = await api("chain/raw", { from: next, count: 50 });
        if (blocks.length === 0) break;
        for (const bytes of blocks) {
            const steps = [];
            const { fault, text, next: then } = await chain.follow(at, unhex(bytes), (step) => steps.push(step));
            if (fault !== "good") return tell({ height: at.height, head, bad: at.height + 1n, text, steps, done: true });
            at = then;
            if (at.height % 10n === 0n) await pause();
            if (stop.stopped) break;
        }
        tell({ height: at.height, head, done: false });
        next = after;
    }
    return tell({ height: at.height, head, hash: hex(at.hash), done: true, stopped: stop.stopped });
}

function Strip({ progress, head }) {
    const cells = Number(head) <= STRIP ? Number(head) : STRIP;
    const per = Number(head) / Math.max(1, cells);
    const [good, bad] = [Number(progress.height), progress.bad ? Number(progress.bad) : 0];
    const kind = (i) => {
        const [from, to] = [Math.floor(i * per) + 1, Math.floor((i + 1) * per)];
        return bad >= from && bad <= to ? "bad" : to <= good ? "good" : "";
    };
    return html`<svg class="strip" viewBox="0 0 ${cells || 1} 10" preserveAspectRatio="none" role="img" aria-label=${bad ? `Blocks 1 to ${good} are good, block ${bad} is not` : `Blocks 1 to ${good} of ${head} are good`}>
        ${Array.from({ length: cells }, (_, i) => html`<rect key=${i} x=${i + 0.08} width="0.84" y=${kind(i) === "bad" ? 0 : 2} height=${kind(i) === "bad" ? 10 : 6} class=${kind(i)} />`)}</svg>`;
}

function VerifyChain({ head, state }) {
    const [progress, setProgress] = useState(null);
    const [, setQuery] = useQuery();
    const stop = useRef({ stopped: true });
    useEffect(() => () => (stop.current.stopped = true), []);
    const running = progress && !progress.done;
    const start = async () => {
        const mine = { stopped: false };
        stop.current = mine;
        setProgress({ height: 0n, head, done: false });
        try {
            await verifyChain(state.trust, head, mine, setProgress);
        } catch (error) {
            setProgress((old) => ({ ...old, done: true, error: error.message }));
        }
    };
    const verdict = () => {
        if (progress.error) return ["warn", `Interrupted at block ${progress.height}: ${progress.error}`];
        if (progress.bad) return ["bad", `Block ${progress.bad}: ${progress.text}`];
        if (!progress.done) return ["info", `${progress.height} of ${progress.head} blocks`];
        if (progress.stopped) return ["warn", `Stopped after block ${progress.height}`];
        return ["good", `All ${progress.height} blocks are good: every hash, signature, seal and Merkle root`];
    };
    return html`<${Panel} title="Verify the chain" note="in this browser, from the genesis on" class="verify"
        aside=${html`<button type="button" class="primary small" disabled=${!state || !state.trust || !head} onClick=${running ? () => (stop.current.stopped = true) : start}>${running ? "Stop" : progress ? "Verify again" : "Verify"}</button>`}>
        <${Strip} progress=${progress || { height: 0n }} head=${progress ? progress.head : head || 0n} />
        <p class="told" role="status" id="chain-verdict">${progress ? html`<${Mark} kind=${verdict()[0]}>${verdict()[1]}<//>` : html`<span class="note">Checks what the server says against itself and against the genesis that this browser knows. That the contract decided rightly, <code>busbar chain verify</code> replays.</span>`}</p>
        ${progress && progress.bad && html`<${Steps} steps=${progress.steps} /><p><button type="button" class="small" onClick=${() => setQuery({ block: String(progress.bad), tx: null }, { push: true })}>Look at block ${String(progress.bad)}</button></p>`}
    <//>`;
}

/* ---- receipts ---- */

const UNITS = { energyWh: kwhOfWh, priceMicroPerKWh: centsOfMicro, maxPriceMicroPerKWh: centsOfMicro };
const NAMES = { energyWh: "energy, kWh", priceMicroPerKWh: "price, cent/kWh", maxPriceMicroPerKWh: "at most, cent/kWh" };

async function checkReceipt(bytes, trust) {
    const steps = [];
    const verify = receiptVerifier(await crypto());
    const result = await verify(bytes, trust, (step) => steps.push(step));
    return { ...result, steps };
}

function ReceiptResult({ result }) {
    const { fault, text, statement, steps } = result;
    return html`<${Steps} steps=${steps} />
        <p class="told" role="status" id="receipt-verdict"><${Mark} kind=${fault === "good" ? "good" : "bad"}>${fault === "good"
            ? `Proven: ${statement.type} by ${short(hex(statement.actor))} is transaction ${statement.index + 1} of ${statement.count} in block ${statement.block.height}${statement.head ? `, which is in the history of block ${statement.head.height}` : ""}`
            : `Not proven: ${text}`}<//></p>`;
}

function ReceiptFile({ state }) {
    const [result, setResult] = useState(null);
    const take = async (event) => {
        const file = event.target.files[0];
        if (!file) return;
        try {
            if (file.size > 300000) throw new Error("a receipt file is smaller than 256 KiB");
            setResult(await checkReceipt(new Uint8Array(await file.arrayBuffer()), state.trust));
        } catch (error) {
            notify(error.message, "bad");
        }
    };
    return html`<${Panel} title="Check a receipt" note="a file of busbar chain receipt; it stays here">
        <label class="field">Receipt file<input type="file" name="receipt" disabled=${!state || !state.trust} onChange=${take} /></label>
        ${result && html`<${ReceiptResult} result=${result} />`}
    <//>`;
}

/* ---- blocks and transactions ---- */

const BLOCK_COLUMNS = [
    { key: "height", label: "Block", number: true, value: (b) => Number(b.height), cell: (b) => html`<a href="/chain?block=${b.height}">${b.height}</a>` },
    { key: "time_ms", label: "Sealed", value: (b) => Number(b.time_ms), cell: (b) => clock(Number(b.time_ms)), csv: (b) => iso(Number(b.time_ms)), csvLabel: "time_utc" },
    { key: "count", label: "Transactions", number: true, value: (b) => Number(b.count), cell: (b) => integer(b.count) },
    { key: "hash", label: "Hash", cell: (b) => html`<code title=${b.hash}>${short(b.hash, 12)}</code>` },
    { key: "sealer", label: "Sealer", cell: (b) => html`<code title=${b.sealer}>${short(b.sealer)}</code>` },
];

function BlocksPanel({ asked, query, setQuery }) {
    const data = asked.data;
    const last = data && data.blocks.at(-1);
    const aside = html`${query.before && html`<button type="button" class="small" onClick=${() => setQuery({ before: null })}>newest</button>`}
        <button type="button" class="small" disabled=${!last || last.height === "1"} onClick=${() => setQuery({ before: last.height })}>older</button>
        ${data && html`<${CsvButton} name="blocks" columns=${BLOCK_COLUMNS} rows=${() => data.blocks} />`}`;
    return html`<${Panel} title="Blocks" note="the newest first" aside=${aside}>
        <${Await} from=${asked} rows=${8}>${({ blocks }) => (blocks.length === 0
            ? html`<${Empty} title="No block yet">The first signed transaction makes it.<//>`
            : html`<${Table} name="blocks" caption="List of blocks" columns=${BLOCK_COLUMNS} rows=${blocks} rowKey=${(b) => b.height} rowClass=${(b) => (b.height === query.block ? "chosen" : "")} />`)}<//>
    <//>`;
}

const Field = ({ name, children }) => html`<div><dt>${name}</dt><dd>${children}</dd></div>`;
const Hash = ({ value }) => html`<code class="whole">${value}</code>`;

function BlockPanel({ height, setQuery }) {
    const asked = useApi(`chain/blocks/${encodeURIComponent(height)}`);
    return html`<${Panel} title="Block ${height}" aside=${html`<button type="button" class="small" onClick=${() => setQuery({ block: null })}>Close</button>`}>
        <${Await} from=${asked} rows=${6}>${({ header, hash, seals, transactions }) => html`<dl class="fields">
            <${Field} name="Sealed">${date(Number(header.time_ms))}<//><${Field} name="Sealer"><${Hash} value=${header.sealer} /><//>
            <${Field} name="Hash"><${Hash} value=${hash} /><//><${Field} name="Previous"><${Hash} value=${header.previous} /><//>
            <${Field} name="History root"><${Hash} value=${header.history} /><//><${Field} name="Transactions root"><${Hash} value=${header.transactions} /><//>
            <${Field} name="Receipts root"><${Hash} value=${header.receipts} /><//><${Field} name="Seal"><${Hash} value=${seals[0]} /><//>
        </dl>
        <h3>${plural(transactions.length, "transaction")}</h3>
        <ol class="ids">${transactions.map((id) => html`<li key=${id}><a href="/chain?block=${height}&tx=${id}"><code>${short(id, 20)}</code></a></li>`)}</ol>`}<//>
    <//>`;
}

function Message({ message }) {
    return html`<dl class="fields">${Object.entries(message).map(([name, value]) => html`<${Field} key=${name} name=${NAMES[name] || name}>${UNITS[name] ? UNITS[name](value) : /^0x/.test(String(value)) ? html`<${Hash} value=${value} />` : String(value)}<//>`)}</dl>`;
}

function TransactionPanel({ id, state, setQuery }) {
    const asked = useApi(`chain/transactions/${encodeURIComponent(id)}`);
    const [result, setResult] = useState(null);
    const [busy, setBusy] = useState(false);
    const receipt = async () => unhex((await api(`chain/transactions/${encodeURIComponent(id)}/receipt`)).receipt);
    const verify = async () => {
        setBusy(true);
        setResult(null);
        try {
            setResult(await checkReceipt(await receipt(), state.trust));
        } catch (error) {
            notify(error.message, "bad");
        } finally {
            setBusy(false);
        }
    };
    const download = async () => save(`${id.slice(0, 12)}.receipt`, await receipt(), "application/octet-stream");
    const aside = html`<button type="button" class="primary small" disabled=${busy || !state || !state.trust} onClick=${verify}>Verify its receipt</button>
        <button type="button" class="small" onClick=${() => download().catch((error) => notify(error.message, "bad"))}>Save</button><button type="button" class="small" onClick=${() => setQuery({ tx: null })}>Close</button>`;
    return html`<${Panel} title="Transaction" aside=${aside}>
        <${Await} from=${asked} rows=${6}>${(tx) => html`<p><b>${tx.type}</b> in block <a href="/chain?block=${tx.at.height}&tx=${id}">${tx.at.height}</a>, number ${Number(tx.at.index) + 1}, ${date(Number(tx.at.time_ms))}: <${Mark} kind=${tx.verdict === "ok" ? "good" : "bad"}>${tx.text}<//></p>
            <dl class="fields"><${Field} name="Id"><${Hash} value=${tx.id} /><//></dl><${Message} message=${tx.message} />
            ${tx.trades.length > 0 && html`<h3>${plural(tx.trades.length, "trade")}</h3><ul class="trades">${tx.trades.map((t, i) => html`<li key=${i}>${t.buyer_name} buys <b>${kwhOfWh(t.energy)} kWh</b> of ${t.seller_name} at <b>${centsOfMicro(t.price)} cent/kWh</b>${t.fee !== "0" && `, and ${centsOfMicro(t.fee)} cent/kWh for the line`}</li>`)}</ul>`}`}<//>
        ${result && html`<${ReceiptResult} result=${result} />`}
    <//>`;
}

function Find({ setQuery }) {
    const [text, setText] = useState("");
    const submit = (event) => {
        event.preventDefault();
        const word = text.trim();
        if (/^\d+$/.test(word)) setQuery({ block: word, tx: null }, { push: true });
        else if (/^0x[0-9a-f]{64}$/i.test(word)) setQuery({ tx: word.toLowerCase(), block: null }, { push: true });
        else notify("A height, or a transaction's id: 0x and 64 digits", "bad");
    };
    return html`<form class="row find" role="search" onSubmit=${submit}><label class="row note">Block or transaction <input name="find" value=${text} onInput=${(event) => setText(event.target.value)} placeholder="7, or 0x…" autocomplete="off" spellcheck=${false} /></label><button>Find</button></form>`;
}

export default function Chain() {
    const [query, setQuery] = useQuery();
    const status = useApi("chain/status");
    const blocks = useApi("chain/blocks", { count: PAGE, before: query.before });
    useReloadOn("chain", () => (status.reload(), query.before || blocks.reload()), 200);
    const [state, renew] = useAnchor();
    const s = status.data;
    const head = s ? BigInt(s.height) : 0n;
    return html`<div class="tiles">
            <${Tile} id="height" label="Height" value=${s ? integer(s.height) : "–"} note=${s ? `${integer(s.transactions)} transactions` : ""} />
            <${Tile} id="accounts" label="Accounts" value=${s ? integer(s.accounts) : "–"} note=${s ? `${plural(Number(s.orders), "open order")}` : ""} />
            <${Tile} id="ledger-role" label="Ledger" value=${s ? (s.trouble ? "in trouble" : "well") : "–"} kind=${s ? (s.trouble ? "bad" : "good") : "idle"} note=${s ? s.trouble || `${integer(s.refused)} refused since its start` : ""} />
            <${Tile} id="head" label="Head" value=${s ? short(s.block, 6) : "–"} note=${s ? `state ${short(s.state, 10)}` : ""} />
        </div>
        <div class="grid">
            <div class="w7"><${VerifyChain} head=${head} state=${state} /></div>
            <div class="w5"><${Panel} title="What is trusted"><${Anchor} state=${state} renew=${renew} /><//></div>
            ${query.tx && html`<div class="w12"><${TransactionPanel} id=${query.tx} key=${query.tx} state=${state} setQuery=${setQuery} /></div>`}
            ${query.block && html`<div class="w12"><${BlockPanel} height=${query.block} key=${query.block} setQuery=${setQuery} /></div>`}
            <div class="w8"><${Find} setQuery=${setQuery} /><${BlocksPanel} asked=${blocks} query=${query} setQuery=${setQuery} /></div>
            <div class="w4"><${ReceiptFile} state=${state} /></div>
        </div>`;
}
