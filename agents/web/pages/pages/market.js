/* Market: what is for sale and what is wanted, what was traded and at which price, who has what; and orders of one's own. */
import { Chart, ChartTools } from "/chart.js";
import { useApi, useReloadOn } from "/data.js";
import { centsOfMicro, centsOfNano, clock, date, iso, kwhOfWh, plural, short } from "/format.js";
import { OrderDesk, useDesk, useSigner } from "/ledger/desk.js";
import { sameAddress } from "/ledger/crypto.js";
import { useQuery } from "/route.js";
import { CsvButton, Table } from "/table.js";
import { Await, Empty, Mark, Panel, Tile } from "/ui.js";
import { html, useMemo } from "/view.js";

const TRADES = 100;
const DEPTH = 50;

/* The book and what follows from blocks: asked again when the market says that something has changed. */
function useMarket(path, query) {
    const asked = useApi(path, query);
    useReloadOn("market", asked.reload, 150);
    return asked;
}

/* ---- tiles ---- */

const MODES = { none: "no limits", limit: "lines limit trades", penalty: "penalty beyond a line" };

export function policyText(policy) {
    if (!policy) return "";
    const band = policy.band_low !== "0" || policy.band_high !== "0" ? `, prices ${centsOfMicro(policy.band_low)} to ${centsOfMicro(policy.band_high)} cent` : "";
    const penalty = policy.mode === "penalty" ? ` (${centsOfMicro(policy.penalty)} cent/kWh to the ${policy.recipient})` : "";
    return (MODES[policy.mode] || policy.mode) + penalty + band;
}

function Tiles({ book, trades, policy }) {
    const last = trades && trades.trades[0];
    const [ask, bid] = [book && book.posts[0], book && book.bids[0]];
    const energy = trades ? trades.trades.reduce((sum, trade) => sum + BigInt(trade.energy), 0n) : null;
    const open = !policy || policy.market === "open";
    return html`<div class="tiles">
        <${Tile} id="last-price" label="Last price" value=${last ? centsOfMicro(last.price) : "–"} unit="cent/kWh" note=${last ? `${kwhOfWh(last.energy)} kWh at ${clock(Number(last.time_ms))}` : "no trade yet"} />
        <${Tile} id="best-ask" label="Cheapest offer" value=${ask ? centsOfMicro(ask.price) : "–"} unit="cent/kWh" note=${ask ? `${kwhOfWh(ask.energy)} kWh by ${ask.name}` : "nothing is for sale"} />
        <${Tile} id="best-bid" label="Best bid" value=${bid ? centsOfMicro(bid.price) : "–"} unit="cent/kWh" note=${bid ? `${kwhOfWh(bid.energy)} kWh by ${bid.name}` : "no bid rests"} />
        <${Tile} id="traded" label="Traded" value=${energy === null ? "–" : kwhOfWh(energy)} unit="kWh" note=${trades ? (trades.next ? `in the last ${plural(trades.trades.length, "trade")}` : plural(trades.trades.length, "trade")) : ""} />
        <${Tile} id="market-state" label="Market" value=${open ? "open" : "halted"} kind=${open ? "good" : "bad"} note=${policy ? policyText(policy.policy) : ""} />
    </div>`;
}

/* ---- the book ---- */

function Side({ side, orders, mine, most, act }) {
    const sell = side === "sell";
    let sum = 0n;
    const rows = orders.map((order) => ({ order, sum: (sum += BigInt(order.energy)) }));
    return html`<div class="book-side ${side}">
        <h3><i class="side-mark" aria-hidden="true"></i>${sell ? "For sale" : "Wanted"} <span class="note">${sell ? "the cheapest first" : "the highest first"}</span></h3>
        <table><caption class="hidden">${sell ? "Energy for sale" : "Energy wanted"}, best first</caption>
            <thead><tr><th scope="col" class="number">Price <span class="unit">cent/kWh</span></th><th scope="col" class="number">Energy <span class="unit">kWh</span></th><th scope="col" class="number">Sum <span class="unit">kWh</span></th><th scope="col">${sell ? "Seller" : "Buyer"}</th></tr></thead>
            <tbody>${rows.map(
                ({ order, sum }) => html`<tr key=${order.order} class=${mine(order) ? "own" : ""}>
                    <th scope="row" class="number price">${centsOfMicro(order.price)}</th>
                    <td class="number depth"><svg class="depth-bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect x=${100 - share(sum, most)} width=${share(sum, most)} height="10" /></svg><span>${kwhOfWh(order.energy)}</span></td>
                    <td class="number">${kwhOfWh(sum)}</td>
                    <td>${order.name || short(order.account)}${mine(order) && html` <button type="button" class="small quiet" onClick=${() => act(order, sell)}>yours …</button>`}</td>
                </tr>`,
            )}</tbody>
        </table>
        ${rows.length === 0 && html`<p class="note none">${sell ? "Nothing is for sale." : "Nothing is wanted."}</p>`}
    </div>`;
}

const share = (part, whole) => (whole > 0n ? Number((part * 1000n) / whole) / 10 : 0);
const sumOf = (orders) => orders.reduce((sum, order) => sum + BigInt(order.energy), 0n);

/* Cumulated energy by price, both sides over one axis of prices: [prices, sale, wanted]. */
export function depthOf(book) {
    const prices = [...new Set([...book.posts, ...book.bids].map((order) => BigInt(order.price)))].sort((a, b) => (a < b ? -1 : 1));
    const at = (orders, holds) => prices.map((price) => Number(sumOf(orders.filter((order) => holds(BigInt(order.price), price)))) / 1000);
    const sale = at(book.posts, (own, price) => own <= price), wanted = at(book.bids, (own, price) => own >= price);
    return [prices.map((price) => Number(price) / 10000), sale, wanted];
}

const DEPTH_SERIES = [
    { label: "For sale", colour: "c2", unit: "kWh", digits: 3, width: 2, points: true, csv: "for_sale_kwh" },
    { label: "Wanted", colour: "c1", unit: "kWh", digits: 3, width: 2, dash: [7, 4], align: -1, points: true, csv: "wanted_kwh" },
];
const PRICE_SERIES = [{ label: "Price", colour: "c2", unit: "cent/kWh", digits: 2, width: 1.6, points: true, csv: "price_cent_per_kwh" }];

function DepthPanel({ book }) {
    const data = useMemo(() => depthOf(book), [book]);
    const margin = Math.max(0.05, (data[0].at(-1) - data[0][0]) * 0.05);
    const chart = { name: "depth", title: "Depth", series: DEPTH_SERIES, data, x: { label: "price, cent/kWh", digits: 2, range: [data[0][0] - margin, data[0].at(-1) + margin], csv: "price_cent_per_kwh" }, y: { label: "kWh", range: (min, max) => [0, max > 0 ? max * 1.08 : 1] }, stepped: true, height: 210, summary: `Energy for sale and wanted up to each price; ${plural(book.posts.length, "offer")}, ${plural(book.bids.length, "bid")}` };
    return html`<${Panel} title="Depth" note="energy up to each price" aside=${html`<${ChartTools} ...${chart} />`}>
        ${data[0].length === 0 ? html`<${Empty} title="The book is empty">Whoever posts energy for sale opens it.<//>` : html`<${Chart} ...${chart} />`}
    <//>`;
}

function PricePanel({ trades }) {
    const data = useMemo(() => {
        const list = [...trades.trades].reverse();
        return [list.map((trade) => Number(trade.time_ms) / 1000), list.map((trade) => Number(trade.price) / 10000)];
    }, [trades]);
    const chart = { name: "prices", title: "Prices", series: PRICE_SERIES, data, x: { label: "time", time: true, range: [data[0][0] - 30, data[0].at(-1) + 30], csv: "time_utc" }, y: { label: "cent/kWh" }, height: 210, legend: false, summary: `Prices of the last ${plural(data[0].length, "trade")}` };
    return html`<${Panel} title="Prices" note="of the last trades" aside=${html`<${ChartTools} ...${chart} />`}>
        ${data[0].length === 0 ? html`<${Empty} title="No trade yet">Prices appear with the first trade.<//>` : html`<${Chart} ...${chart} />`}
    <//>`;
}

const intervalText = (start) => (start === "0" ? "any time" : date(Number(start) * 1000));

function BookPanel({ asked, signer, act }) {
    const [query, setQuery] = useQuery();
    const csv = [{ key: "side" }, { key: "order" }, { key: "name" }, { key: "energy", csvLabel: "energy_wh" }, { key: "price", csvLabel: "price_micro_usd_per_kwh" }, { key: "expires" }];
    const rows = () => [...asked.data.posts.map((o) => ({ side: "sell", ...o })), ...asked.data.bids.map((o) => ({ side: "buy", ...o }))];
    const choose = asked.data && html`<label class="row note">Delivery <select class="small" name="interval" value=${query.interval || "0"} onChange=${(event) => setQuery({ interval: event.target.value === "0" ? null : event.target.value })}>
        ${[...new Set(["0", ...asked.data.intervals.map(String), query.interval].filter(Boolean))].map((start) => html`<option key=${start} value=${start}>${intervalText(start)}</option>`)}</select></label>`;
    const most = asked.data ? [sumOf(asked.data.posts), sumOf(asked.data.bids)].reduce((a, b) => (a > b ? a : b)) : 0n;
    const mine = (order) => signer !== null && sameAddress(order.account, signer.address);
    return html`<${Panel} title="Order book" aside=${html`${choose}${asked.data && html`<${CsvButton} name="book" columns=${csv} rows=${rows} />`}`}>
        <${Await} from=${asked} rows=${8}>${(book) => html`<div class="book">
            <${Side} side="sell" orders=${book.posts} most=${most} mine=${mine} act=${act} />
            <${Side} side="buy" orders=${book.bids} most=${most} mine=${mine} act=${act} />
        </div>`}<//>
    <//>`;
}

/* ---- trades, lines, accounts ---- */

const TRADE_COLUMNS = [
    { key: "time_ms", label: "Time", value: (t) => Number(t.time_ms), cell: (t) => clock(Number(t.time_ms)), csv: (t) => iso(Number(t.time_ms)), csvLabel: "time_utc" },
    { key: "buyer_name", label: "Buyer", csvLabel: "buyer" },
    { key: "seller_name", label: "Seller", csvLabel: "seller" },
    { key: "energy", label: "Energy", unit: "kWh", number: true, value: (t) => Number(t.energy), cell: (t) => kwhOfWh(t.energy), csv: (t) => t.energy, csvLabel: "energy_wh" },
    { key: "price", label: "Price", unit: "cent/kWh", number: true, value: (t) => Number(t.price), cell: (t) => centsOfMicro(t.price), csv: (t) => t.price, csvLabel: "price_micro_usd_per_kwh" },
    { key: "fee", label: "Fee", unit: "cent/kWh", number: true, value: (t) => Number(t.fee), cell: (t) => (t.fee === "0" ? "–" : centsOfMicro(t.fee)), csv: (t) => t.fee, csvLabel: "fee_micro_usd_per_kwh" },
    { key: "height", label: "Block", number: true, value: (t) => Number(t.height), cell: (t) => html`<a href="/chain?tx=${t.id}">${t.height}</a>` },
];

function TradesPanel({ asked }) {
    const [query, setQuery] = useQuery();
    const aside = html`${query.account && html`<button type="button" class="small" onClick=${() => setQuery({ account: null })}>all accounts</button>`}${asked.data && html`<${CsvButton} name="trades" columns=${TRADE_COLUMNS} rows=${() => asked.data.trades} />`}`;
    return html`<${Panel} title="Trades" note=${query.account ? `of ${query.account}` : "the newest first"} aside=${aside}>
        <${Await} from=${asked} rows=${6}>${({ trades }) => (trades.length === 0
            ? html`<${Empty} title="No trade yet">A trade comes when a bid meets an offer.<//>`
            : html`<${Table} name="trades" caption="List of trades" columns=${TRADE_COLUMNS} rows=${trades} rowKey=${(t, i) => t.id + t.post + t.fee + t.energy} max=${25} />`)}<//>
    <//>`;
}

const LINE_COLUMNS = [
    { key: "buyer_name", label: "Buyer", csvLabel: "buyer" },
    { key: "seller_name", label: "Seller", csvLabel: "seller" },
    { key: "capacity", label: "Capacity", unit: "kWh", number: true, value: (l) => Number(l.capacity), cell: (l) => kwhOfWh(l.capacity), csv: (l) => l.capacity, csvLabel: "capacity_wh" },
    { key: "used", label: "Used", unit: "kWh", number: true, value: (l) => Number(l.used), cell: (l) => kwhOfWh(l.used), csv: (l) => l.used, csvLabel: "used_wh" },
    {
        key: "load", label: "Loading", value: (l) => loading(l), csv: (l) => loading(l).toFixed(1), csvLabel: "loading_percent",
        cell: (l) => html`<span class="loading-cell"><svg class="load-bar ${loading(l) > 100 ? "over" : ""}" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect width=${Math.min(100, loading(l))} height="8" /></svg><b>${loading(l).toFixed(0)} %</b>${loading(l) > 100 && html` <${Mark} kind="warn">beyond<//>`}</span>`,
    },
];
const loading = (line) => (line.capacity === "0" ? (line.used === "0" ? 0 : 999) : (Number(line.used) / Number(line.capacity)) * 100);

function LinesPanel({ asked }) {
    return html`<${Panel} title="Lines" note="what a pair has used of what its line carries in the interval" aside=${asked.data && html`<${CsvButton} name="lines" columns=${LINE_COLUMNS} rows=${() => asked.data.lines} />`}>
        <${Await} from=${asked} rows=${4}>${({ lines }) => (lines.length === 0
            ? html`<${Empty} title="No line has a limit">The distribution company sets one: busbar market line.<//>`
            : html`<${Table} name="lines" caption="List of lines" columns=${LINE_COLUMNS} rows=${lines} rowKey=${(l) => l.buyer + l.seller} sort="-load" max=${25} />`)}<//>
    <//>`;
}

const ACCOUNT_COLUMNS = [
    { key: "name", label: "Name", cell: (a) => html`<a href="/market?account=${encodeURIComponent(a.name)}">${a.name}</a>` },
    { key: "role", label: "Role", cell: (a) => (a.revoked ? html`<${Mark} kind="bad">revoked<//>` : a.role) },
    { key: "money", label: "Money", unit: "cent", number: true, value: (a) => Number(a.money), cell: (a) => centsOfNano(a.money), csv: (a) => a.money, csvLabel: "money_nano_usd" },
    { key: "escrow", label: "In escrow", unit: "cent", number: true, value: (a) => Number(a.escrow), cell: (a) => centsOfNano(a.escrow), csv: (a) => a.escrow, csvLabel: "escrow_nano_usd" },
    { key: "energy", label: "Energy", unit: "kWh", number: true, value: (a) => Number(a.energy), cell: (a) => kwhOfWh(a.energy), csv: (a) => a.energy, csvLabel: "energy_wh" },
    { key: "on_sale", label: "On sale", unit: "kWh", number: true, value: (a) => Number(a.on_sale), cell: (a) => kwhOfWh(a.on_sale), csv: (a) => a.on_sale, csvLabel: "on_sale_wh" },
    { key: "address", label: "Address", cell: (a) => html`<code title=${a.address}>${short(a.address)}</code>` },
];

const STATEMENT_COLUMNS = [
    { key: "height", label: "Block", number: true, value: (e) => Number(e.height), cell: (e) => html`<a href="/chain?tx=${e.id}">${e.height}</a>` },
    { key: "time_ms", label: "Time", value: (e) => Number(e.time_ms), cell: (e) => date(Number(e.time_ms)), csv: (e) => iso(Number(e.time_ms)), csvLabel: "time_utc" },
    { key: "type", label: "Transaction" },
    { key: "verdict", label: "Verdict", cell: (e) => html`<${Mark} kind=${e.verdict === "ok" ? "good" : "bad"}>${e.verdict}<//>` },
    { key: "money", label: "Money", unit: "cent", number: true, value: (e) => Number(e.money), cell: (e) => centsOfNano(e.money), csv: (e) => e.money, csvLabel: "money_nano_usd" },
    { key: "energy", label: "Energy", unit: "kWh", number: true, value: (e) => Number(e.energy), cell: (e) => kwhOfWh(e.energy), csv: (e) => e.energy, csvLabel: "energy_wh" },
    { key: "on_sale", label: "On sale", unit: "kWh", number: true, value: (e) => Number(e.on_sale), cell: (e) => kwhOfWh(e.on_sale), csv: (e) => e.on_sale, csvLabel: "on_sale_wh" },
];

function Statement({ name }) {
    const asked = useMarket(`accounts/${encodeURIComponent(name)}/statement`, { count: 50 });
    return html`<${Panel} title="Statement of ${name}" note="balances after each transaction that touched it" aside=${asked.data && html`<${CsvButton} name="statement" columns=${STATEMENT_COLUMNS} rows=${() => asked.data.entries} />`}>
        <${Await} from=${asked} rows=${4}>${({ entries }) => (entries.length === 0
            ? html`<${Empty} title="Nothing has touched it yet">It has what it opened with.<//>`
            : html`<${Table} name="statement" caption="Balances after each transaction" columns=${STATEMENT_COLUMNS} rows=${entries} rowKey=${(e) => e.id} max=${25} />`)}<//>
    <//>`;
}

function AccountsPanel({ asked, chosen }) {
    return html`<${Panel} title="Accounts" aside=${asked.data && html`<${CsvButton} name="accounts" columns=${ACCOUNT_COLUMNS} rows=${() => asked.data.accounts} />`}>
        <${Await} from=${asked} rows=${6}>${({ accounts }) => html`<${Table} name="accounts" caption="List of accounts" columns=${ACCOUNT_COLUMNS} rows=${accounts} rowKey=${(a) => a.address} rowClass=${(a) => (a.name === chosen ? "chosen" : "")} max=${60} />`}<//>
    <//>`;
}

export default function Market() {
    const [query] = useQuery();
    const interval = query.interval || "0";
    const book = useMarket("market/book", { interval, depth: DEPTH });
    const trades = useMarket("market/trades", { count: TRADES, account: query.account });
    const policy = useMarket("market/policy");
    const lines = useMarket("lines");
    const accounts = useMarket("accounts");
    const [signer, setSigner] = useSigner();
    const desk = useDesk();
    return html`<${Tiles} book=${book.data} trades=${trades.data} policy=${policy.data} />
        <div class="grid">
            <div class="w7"><${BookPanel} asked=${book} signer=${signer} act=${desk.open} /></div>
            <div class="w5"><${OrderDesk} desk=${desk} signer=${signer} setSigner=${setSigner} interval=${interval} accounts=${accounts.data} done=${() => [book, trades, accounts].forEach((one) => one.reload())} /></div>
            <div class="w6"><${Await} from=${book} rows=${6}>${(data) => html`<${DepthPanel} book=${data} />`}<//></div>
            <div class="w6"><${Await} from=${trades} rows=${6}>${(data) => html`<${PricePanel} trades=${data} />`}<//></div>
            <div class="w12"><${TradesPanel} asked=${trades} /></div>
            <div class="w12"><${LinesPanel} asked=${lines} /></div>
            <div class="w12"><${AccountsPanel} asked=${accounts} chosen=${query.account} /></div>
            ${query.account && html`<div class="w12"><${Statement} name=${query.account} key=${query.account} /></div>`}
        </div>`;
}
