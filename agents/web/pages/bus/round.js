/* One consensus round as a sequence diagram: what each board has broadcast, and to whom the wires carry it. Pure but for the drawing. */
import { clock, fixed } from "/format.js";
import { html } from "/view.js";

const LANE = 57; /* pixels between two lifelines */
const HEAD = 34;
const LABEL = 190; /* what stands right of the lines */
const ROW = 17;

/* What a sniffed message says of a broadcast; null when it is none: {board, k, lambda, kw, certified, time_ms}. */
export function broadcastOf(message) {
    if (!message.topic.startsWith("Data/") || message.cut) return null;
    try {
        const board = JSON.parse(message.message);
        if (typeof board.frame !== "string") return null;
        return { board: board.name, k: board.exchange, lambda: board.lambda, kw: board.kw, certified: board.certified, time_ms: message.time_ms };
    } catch {
        return null;
    }
}

/* Takes broadcasts until every board has spoken: {said: […], missing: Set}; add() is false when the round is whole already. */
export class Round {
    constructor(boards) {
        this.said = [];
        this.missing = new Set(boards);
    }
    add(broadcast) {
        if (this.missing.size === 0) return false;
        this.said.push(broadcast);
        this.missing.delete(broadcast.board);
        return true;
    }
}

/* lanes: board → x; arrows of a broadcast go to its neighbours. */
export function neighboursOf(site) {
    const near = new Map(site.boards.map((board) => [board.name, []]));
    for (const [a, b] of site.links) {
        near.get(a)?.push(b);
        near.get(b)?.push(a);
    }
    return near;
}

const Arrow = ({ from, to, y, chosen }) => {
    const right = to > from, tip = to + (right ? -2 : 2);
    return html`<path class="arrow ${chosen ? "chosen" : ""}" d=${`M${from} ${y}H${tip}m${right ? -6 : 6} -3.5l${right ? 6 : -6} 3.5l${right ? -6 : 6} 3.5`} />`;
};

export function Sequence({ site, round, chosen, choose }) {
    const names = site.boards.map((board) => board.name);
    const x = new Map(names.map((name, i) => [name, 40 + i * LANE]));
    const near = neighboursOf(site);
    const width = 40 + names.length * LANE, height = HEAD + (round.said.length + 1) * ROW + 8;
    const begin = round.said.length > 0 ? round.said[0].time_ms : 0;
    return html`<div class="sequence" tabindex="0" role="region" aria-label="Sequence of the round">
        <svg viewBox="0 0 ${width + LABEL} ${height}" width=${width + LABEL} height=${height} role="img" aria-label=${`${round.said.length} broadcasts of ${names.length} boards, from the first on downwards`}>
            ${names.map((name) => html`<g key=${name}><rect class="lane-head" x=${x.get(name) - 26} y="4" width="52" height="20" rx="4" /><text class="lane-name" x=${x.get(name)} y="18">${name}</text><line class="lane" x1=${x.get(name)} x2=${x.get(name)} y1="24" y2=${height} /></g>`)}
            ${round.said.map((one, i) => {
                const y = HEAD + (i + 1) * ROW, from = x.get(one.board);
                if (from === undefined) return null;
                return html`<g key=${i} class="said ${chosen === i ? "chosen" : ""}" onClick=${() => choose(i)}>
                    <rect class="hit" x="0" y=${y - ROW / 2} width=${width + LABEL} height=${ROW} />
                    ${near.get(one.board).filter((to) => x.has(to)).map((to) => html`<${Arrow} key=${to} from=${from} to=${x.get(to)} y=${y} chosen=${chosen === i} />`)}
                    <circle cx=${from} cy=${y} r="3.4" /><text class="when" x=${width + 4} y=${y + 4}>+${one.time_ms - begin} ms · k ${one.k} · λ ${fixed(one.lambda, 4)}</text>
                </g>`;
            })}
        </svg>
    </div>`;
}

export const ROUND_COLUMNS = [
    { key: "time", label: "Time", value: (r) => r.time_ms, cell: (r) => clock(r.time_ms, true), csv: (r) => new Date(r.time_ms).toISOString(), csvLabel: "time_utc" },
    { key: "board", label: "Board" },
    { key: "k", label: "Exchange k", number: true },
    { key: "lambda", label: "λ", unit: "$/kWh", number: true, cell: (r) => fixed(r.lambda, 6), csvLabel: "lambda_usd_per_kwh" },
    { key: "kw", label: "Power", unit: "kW", number: true, cell: (r) => fixed(r.kw, 3), csvLabel: "kw" },
    { key: "to", label: "Goes to", value: (r) => r.to },
];
