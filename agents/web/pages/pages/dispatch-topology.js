/* Who hears whom: the boards on a ring, in the site's order, their links as chords. A square generates, a circle consumes. */
import { lambdaOf } from "/pages/dispatch-boards.js";
import { boardState, Shape } from "/ui.js";
import { html } from "/view.js";

const SIZE = 400, MIDDLE = SIZE / 2, RING = 162;

const place = (i, n) => {
    const angle = (2 * Math.PI * i) / n - Math.PI / 2;
    return [MIDDLE + RING * Math.cos(angle), MIDDLE + RING * Math.sin(angle)];
};

/* A link is up when both ends are online and hear as many neighbours as they have; "quiet" when one of them misses some. */
function linkOf(a, b, degrees) {
    if (!a || !b || !a.online || !b.online) return "down";
    const misses = (board) => typeof board.neighbours_live === "number" && board.neighbours_live < degrees.get(board.name);
    return misses(a) && misses(b) ? "quiet" : "up";
}

/* How far a board's λ is from the others' middle, 0 to 1: the wash of its mark. */
function distance(board, middle, spread) {
    const lambda = lambdaOf(board);
    return lambda !== null && spread > 0 ? Math.min(1, Math.abs(lambda - middle) / spread) : 0;
}

function Node({ board, at, chosen, onChoose, wash }) {
    const [kind] = boardState(board);
    const [x, y] = at;
    const shape = board.kind === "consumer" ? html`<circle cx=${x} cy=${y} r="21" />` : html`<rect x=${x - 20} y=${y - 20} width="40" height="40" rx="5" />`;
    return html`<g class="node ${kind} ${chosen ? "chosen" : ""}" onClick=${() => onChoose(board.name)}>
        ${shape}<g class="wash" opacity=${wash.toFixed(2)}>${shape}</g>
        <text x=${x} y=${y + 4}>${board.name}</text>
        <g transform=${`translate(${x + 12} ${y - 24})`}><${Shape} kind=${kind} /></g>
    </g>`;
}

export function topologySummary(links, states) {
    const count = (state) => states.filter((one) => one === state).length;
    return `${links.length} links: ${count("up")} up${count("quiet") ? `, ${count("quiet")} quiet` : ""}${count("down") ? `, ${count("down")} down` : ""}`;
}

export function Topology({ boards, links, chosen, onChoose }) {
    const by = new Map(boards.map((board, i) => [board.name, { board, at: place(i, boards.length) }]));
    const known = links.filter(([a, b]) => by.has(a) && by.has(b));
    const degrees = new Map();
    for (const pair of known) for (const name of pair) degrees.set(name, (degrees.get(name) || 0) + 1);
    const states = known.map(([a, b]) => linkOf(by.get(a).board, by.get(b).board, degrees));
    const lambdas = boards.map(lambdaOf).filter((lambda) => lambda !== null).sort((a, b) => a - b);
    const middle = lambdas[Math.floor(lambdas.length / 2)] ?? 0;
    const spread = lambdas.length ? Math.max(lambdas[lambdas.length - 1] - middle, middle - lambdas[0]) : 0;
    const summary = topologySummary(known, states);
    return html`<figure class="topology">
        <svg viewBox="0 0 ${SIZE} ${SIZE}" role="img" aria-label=${`Topology: ${boards.length} boards, ${summary}`}>
            ${known.map(([a, b], i) => {
                const [x1, y1] = by.get(a).at, [x2, y2] = by.get(b).at;
                const mine = chosen === a || chosen === b;
                const bend = 0.3; /* towards the middle, so that chords do not lie on each other */
                const cx = ((x1 + x2) / 2) * (1 - bend) + MIDDLE * bend, cy = ((y1 + y2) / 2) * (1 - bend) + MIDDLE * bend;
                return html`<path key=${a + " " + b} class="edge ${states[i]} ${mine ? "mine" : ""}" d=${`M${x1} ${y1}Q${cx} ${cy} ${x2} ${y2}`} />`;
            })}
            ${boards.map((board) => html`<${Node} key=${board.name} board=${board} at=${by.get(board.name).at} chosen=${chosen === board.name} onChoose=${onChoose} wash=${distance(board, middle, Math.max(spread, 0.02))} />`)}
            <text class="centre" x=${MIDDLE} y=${MIDDLE - 4}>${boards.filter((board) => board.certified).length} of ${boards.length}</text>
            <text class="centre small" x=${MIDDLE} y=${MIDDLE + 15}>certified</text>
        </svg>
        <figcaption class="note">${summary}. ○ consumer, □ generator; the fuller, the farther its λ is from the others'.</figcaption>
    </figure>`;
}
