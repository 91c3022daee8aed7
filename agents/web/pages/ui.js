/* Small parts that all pages use: dialogs, notices, marks with shape and word, states of a panel. */
import { act, setToken } from "/data.js";
import { html, useEffect, useId, useReducer, useRef, useState } from "/view.js";

/* ---- marks: a shape and a word, the colour only repeats them ---- */

const SHAPES = {
    good: "M6 1a5 5 0 1 0 0 10A5 5 0 0 0 6 1z",
    warn: "M6 .5 11.7 10.8H.3z",
    bad: "M2.6 .9 6 4.3 9.4.9l1.7 1.7L7.7 6l3.4 3.4-1.7 1.7L6 7.7l-3.4 3.4L.9 9.4 4.3 6 .9 2.6z",
    idle: "M6 1a5 5 0 1 0 0 10A5 5 0 0 0 6 1zm0 2a3 3 0 1 1 0 6 3 3 0 0 1 0-6z",
    hand: "M6 .6 11.4 6 6 11.4.6 6z",
    info: "M1 1h10v10H1z",
};

export const Shape = ({ kind }) => html`<svg class="shape ${kind}" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true"><path d=${SHAPES[kind] || SHAPES.idle} /></svg>`;
/* <Mark kind="good">online</Mark> */
export const Mark = ({ kind, children }) => html`<span class="mark ${kind}"><${Shape} kind=${kind} /><span>${children}</span></span>`;

/* How a board stands, for every page that shows one: [kind, word]. */
export function boardState(board) {
    if (!board || !board.online) return ["bad", "offline"];
    if (board.mode !== "automatic") return [board.mode === "stopped" || board.mode === "link-lost" ? "bad" : "hand", board.mode];
    return board.certified ? ["good", "certified"] : ["warn", "converging"];
}

/* ---- states of a panel ---- */

export const Loading = ({ rows = 4, what = "Loading" }) =>
    html`<div class="loading" role="status"><span class="hidden">${what} …</span>${Array.from({ length: rows }, (_, i) => html`<i key=${i}></i>`)}</div>`;
/* <Empty title="No alarms">Nothing has …</Empty> */
export const Empty = ({ title, children }) => html`<div class="empty"><p class="empty-title">${title}</p><p>${children}</p></div>`;
export const Failure = ({ error, retry }) =>
    html`<div class="failure" role="alert">
        <p class="failure-title"><${Shape} kind="bad" /> ${error.status === 0 ? "No answer" : error.status === 503 ? "Not there at the moment" : "That failed"}</p>
        <p>${error.message}</p>
        ${retry && html`<button type="button" onClick=${retry}>Try again</button>`}
    </div>`;
/* What useApi gave: the panel's content, or what stands in its place. */
export function Await({ from, rows, what, children }) {
    if (from.data !== null && from.data !== undefined) return html`${from.error && html`<p class="inline-failure" role="status"><${Shape} kind="warn" /> Not renewed: ${from.error.message}</p>`}${typeof children === "function" ? children(from.data) : children}`;
    if (from.error) return html`<${Failure} error=${from.error} retry=${from.reload} />`;
    return html`<${Loading} rows=${rows} what=${what} />`;
}

/* <Panel title="Boards" aside=${…}>: a section with a heading of the second level. */
export function Panel({ title, aside, note, children, class: name = "" }) {
    const id = useId();
    return html`<section class="panel ${name}" aria-labelledby=${id}>
        <header><h2 id=${id}>${title}</h2>${note && html`<p class="note">${note}</p>`}<div class="aside">${aside}</div></header>
        ${children}
    </section>`;
}

/* <Tile label="Load" value="421.03" unit="kW" note="10 boards">: one number of the wall. */
export const Tile = ({ label, value, unit, note, kind, href, id }) => {
    const inner = html`<span class="tile-label">${kind && html`<${Shape} kind=${kind} />`}${label}</span>
        <span class="tile-value" id=${id}><b>${value}</b>${unit && html` <span class="unit">${unit}</span>`}</span>
        <span class="tile-note">${note || "\u00a0"}</span>`;
    return href ? html`<a class="tile ${kind || ""}" href=${href}>${inner}</a>` : html`<div class="tile ${kind || ""}">${inner}</div>`;
};

/* The focus goes back to what had it; a button that waits for its action is disabled still, so it is tried for a while. */
function giveBack(element, tries) {
    if (!element || !element.isConnected) return;
    element.focus();
    if (document.activeElement !== element && tries > 0) setTimeout(giveBack, 25, element, tries - 1);
}

/* ---- dialogs: the browser's own, which hold the focus and give it back ---- */

const open = { dialog: null, before: null, redraw: () => {} };

export function Dialog({ title, onClose, children, wide }) {
    const element = useRef(null);
    const id = useId();
    useEffect(() => {
        const before = open.before || document.activeElement;
        element.current.showModal();
        return () => giveBack(before, 20);
    }, []);
    return html`<dialog ref=${element} class=${wide ? "wide" : ""} aria-labelledby=${id} onClose=${onClose} onCancel=${onClose}
        onClick=${(event) => event.target === element.current && onClose()}>
        <div class="dialog-body">
            <header><h2 id=${id}>${title}</h2><button type="button" class="quiet" aria-label="Close" onClick=${onClose}>✕</button></header>
            ${children}
        </div>
    </dialog>`;
}

function present(make) {
    return new Promise((resolve) => {
        let done = false;
        if (!open.dialog) open.before = document.activeElement; /* now: its button will be disabled in a moment */
        const finish = (value) => {
            if (done) return;
            done = true;
            open.dialog = null;
            open.redraw();
            resolve(value);
        };
        open.dialog = make(finish);
        open.redraw();
    });
}

/* askToken(why) → true when one was given. */
export const askToken = (why) => present((finish) => html`<${TokenDialog} why=${why} finish=${finish} />`);
/* ask({title, text, action, danger, fields: [{name, label, unit, value, min, max, step}]}) → {name: number, …}, {} or null. */
export const ask = (what) => present((finish) => html`<${AskDialog} ...${what} finish=${finish} />`);

function TokenDialog({ why, finish }) {
    const [text, setText] = useState("");
    const [lasting, setLasting] = useState(false);
    const submit = (event) => {
        event.preventDefault();
        if (!text.trim()) return;
        setToken(text.trim(), lasting);
        finish(true);
    };
    return html`<${Dialog} title="Operator token" onClose=${() => finish(false)}>
        <form onSubmit=${submit}>
            <p>What acts needs a token of the role operator: <code>busbar web token add NAME --role operator</code> prints one.</p>
            ${why && html`<p class="form-error" role="alert"><${Shape} kind="bad" /> ${why}</p>`}
            <label class="field">Token<input name="token" type="password" autocomplete="off" spellcheck=${false} autofocus required value=${text} onInput=${(event) => setText(event.target.value)} /></label>
            <label class="check"><input type="checkbox" checked=${lasting} onChange=${(event) => setLasting(event.target.checked)} /> Keep it in this browser; otherwise this tab forgets it when it closes</label>
            <div class="buttons"><button type="button" onClick=${() => finish(false)}>Cancel</button><button class="primary">Use this token</button></div>
        </form>
    <//>`;
}

function AskDialog({ title, text, action, danger, fields = [], finish }) {
    const submit = (event) => {
        event.preventDefault();
        const values = {};
        for (const field of fields) values[field.name] = field.text ? event.target[field.name].value.trim() : event.target[field.name].valueAsNumber;
        finish(values);
    };
    return html`<${Dialog} title=${title} onClose=${() => finish(null)}>
        <form onSubmit=${submit}>
            <p>${text}</p>
            ${fields.map(
                (field, i) => html`<label class="field"><span>${field.label}${field.unit && html` <span class="unit">${field.unit}</span>`}</span>
                    <input name=${field.name} type=${field.text ? "text" : "number"} required=${!field.optional} autofocus=${i === 0} min=${field.min} max=${field.max} step=${field.step || "any"} value=${field.value} /></label>`,
            )}
            <div class="buttons"><button type="button" autofocus=${danger && fields.length === 0} onClick=${() => finish(null)}>Cancel</button><button class=${danger ? "danger" : "primary"}>${action}</button></div>
        </form>
    <//>`;
}

export function Dialogs() {
    const [, redraw] = useReducer((n) => n + 1, 0);
    open.redraw = redraw;
    return open.dialog;
}

/* ---- notices: said once, read aloud, gone after a while ---- */

const notices = { list: [], next: 1, redraw: () => {} };
export function notify(text, kind = "good") {
    const notice = { id: notices.next++, text, kind };
    notices.list = [...notices.list.slice(-3), notice];
    notices.redraw();
    if (kind === "good") setTimeout(() => dismiss(notice.id), 6000);
}
function dismiss(id) {
    notices.list = notices.list.filter((notice) => notice.id !== id);
    notices.redraw();
}
export function Notices() {
    const [, redraw] = useReducer((n) => n + 1, 0);
    notices.redraw = redraw;
    return html`<div class="notices" role="status" aria-live="polite">
        ${notices.list.map((notice) => html`<p key=${notice.id} class="notice ${notice.kind}"><${Shape} kind=${notice.kind} /><span>${notice.text}</span><button type="button" class="quiet" aria-label="Dismiss" onClick=${() => dismiss(notice.id)}>✕</button></p>`)}
    </div>`;
}

/* useAction(): [busy, run]; run("dispatch/L1/hold", {}, "L1 holds") acts and says how it went; true when it did. */
export function useAction() {
    const [busy, setBusy] = useState(false);
    const run = async (path, body, done) => {
        setBusy(true);
        try {
            const answer = await act(path, body);
            if (answer === null) return false;
            notify(typeof done === "function" ? done(answer) : done);
            return true;
        } catch (error) {
            notify(error.message, "bad");
            return false;
        } finally {
            setBusy(false);
        }
    };
    return [busy, run];
}
