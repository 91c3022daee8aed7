/* What the server knows: api() asks, act() orders, the hooks keep a page up to date.
 *
 * Freshness is judged here: the stream says the time once a second. After STALE_MS without it, or when it says that the
 * bus is down, what is on the screen is stale. */
import { Hub } from "/hub.js";
import { useEffect, useReducer, useRef, useState } from "/view.js";

export const STALE_MS = 2400;
const DOWN_MS = 900; /* a stream that is cut may be back at once */
const PING_MS = 20000;
const DRAW_MS = 120;
const TOKEN_KEY = "busbar-token";

/* ---- tokens: kept for this tab, or in this browser when asked to ---- */

let memoryToken = "";
export function token() {
    try {
        return sessionStorage.getItem(TOKEN_KEY) || localStorage.getItem(TOKEN_KEY) || memoryToken;
    } catch {
        return memoryToken;
    }
}
export function setToken(text, lasting) {
    memoryToken = text;
    try {
        sessionStorage.removeItem(TOKEN_KEY);
        localStorage.removeItem(TOKEN_KEY);
        if (text) (lasting ? localStorage : sessionStorage).setItem(TOKEN_KEY, text);
    } catch {
        /* storage is forbidden: it lasts as long as the page */
    }
    dispatchEvent(new Event("busbar-token"));
}

/* ---- asking ---- */

export class ApiError extends Error {
    constructor(status, code, text) {
        super(text);
        this.status = status;
        this.code = code;
    }
}

async function answerOf(response) {
    const type = response.headers.get("content-type") || "";
    const document = type.includes("json") ? await response.json().catch(() => null) : null;
    if (response.ok && document !== null) return document;
    if (response.ok && response.status === 204) return {};
    const error = (document && document.error) || {};
    throw new ApiError(response.status, error.code || "", error.text || `the server answered ${response.status} ${response.statusText}`);
}

/* api("dispatch/runs", {count: 5}): the document, or an ApiError (status 0: nobody answered). */
export async function api(path, query, options = {}) {
    const words = Object.entries(query || {}).filter(([, value]) => value !== undefined && value !== null && value !== "");
    const search = words.length ? "?" + new URLSearchParams(words) : "";
    const headers = { ...options.headers };
    if (token()) headers.authorization = "Bearer " + token();
    let response;
    try {
        response = await fetch("/api/v1/" + path + search, { cache: "no-store", ...options, headers });
    } catch (error) {
        if (error.name === "AbortError") throw error;
        throw new ApiError(0, "unreachable", "busbar-webd does not answer");
    }
    return answerOf(response);
}

/* post("dispatch/L1/hold", {}): for what needs no token, or with the one that is there. */
export function post(path, body) {
    return api(path, null, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body || {}) });
}

/* act(): post() that asks for the operator's token when there is none, or when it is refused; null when the user gave up.
 * The shell sets the one who asks. */
let askForToken = async () => false;
export const onTokenWanted = (ask) => (askForToken = ask);
export async function act(path, body) {
    let why = "";
    for (;;) {
        if (!token() || why) if (!(await askForToken(why))) return null;
        try {
            return await post(path, body);
        } catch (error) {
            if (error.status !== 401 && error.code !== "role") throw error;
            why = error.message;
        }
    }
}

/* ---- the stream ---- */

const listeners = new Map(); /* channel → Set of {take, history} */
const filters = new Map();
const stateListeners = new Set();
const state = { up: false, clock: null, heard: 0, offset: 0, opened: 0, fresh: 0, downAt: 0 };
let sender = null;

const tellState = () => stateListeners.forEach((listener) => listener());

function take(message) {
    if (message.type === "event") {
        if (message.channel === "overview" && state.clock && message.value.bus !== state.clock.bus) {
            state.clock = { ...state.clock, bus: message.value.bus, ledger: message.value.ledger }; /* sooner than the clock says it */
            tellState();
        }
        for (const listener of listeners.get(message.channel) || []) listener.take(message.key, message.value);
    } else if (message.type === "history") {
        for (const listener of listeners.get(message.channel) || []) listener.history && listener.history(message.items);
    } else if (message.type === "clock") {
        state.clock = message.value;
        state.heard = performance.now();
        if (message.value.bus !== "down") state.fresh = state.heard;
        state.offset = message.value.time_ms - Date.now();
        tellState();
    } else if (message.type === "link") {
        if (message.up && !state.up) state.opened++;
        if (!message.up && state.up) state.downAt = performance.now();
        state.up = message.up;
        tellState();
    } else if (message.type === "ticket") giveTicket();
    else if (message.type === "again") wish();
}

async function giveTicket() {
    try {
        if (!token() && !(await askForToken("Reading needs a token here."))) return;
        sender({ type: "ticket", text: (await post("ticket", {})).ticket });
    } catch (error) {
        if (error.status === 401 && (await askForToken(error.message))) giveTicket();
    }
}

function shared() {
    const worker = new SharedWorker("/worker.js", { type: "module", name: "busbar" });
    worker.port.onmessage = ({ data }) => take(data);
    worker.port.start();
    const send = (message) => worker.port.postMessage(message);
    setInterval(() => send({ type: "ping" }), PING_MS);
    addEventListener("pagehide", () => send({ type: "leave" }));
    addEventListener("pageshow", (event) => event.persisted && wish());
    return send;
}

/* Without SharedWorker: an own stream, closed while nobody looks. */
function alone() {
    const hub = new Hub();
    const client = { post: take };
    let wanted = { channels: [], filter: "" };
    const renew = () => (document.hidden ? hub.leave(client) : hub.want(client, wanted.channels, wanted.filter));
    document.addEventListener("visibilitychange", renew);
    return (message) => {
        if (message.type === "want") {
            wanted = message;
            renew();
        } else if (message.type === "ticket") hub.ticket(message.text);
    };
}

let wishing = 0;
function wish() {
    clearTimeout(wishing);
    wishing = setTimeout(() => {
        if (!sender) sender = "SharedWorker" in window ? shared() : alone();
        sender({ type: "want", channels: [...listeners.keys()], filter: [...filters.values()].find((text) => text) || "" });
    }, 0);
}

/* subscribe("dispatch", (key, value) => …, {history(items), filter}) → a function that ends it. */
export function subscribe(channel, fn, options = {}) {
    const listener = { take: fn, history: options.history };
    if (!listeners.has(channel)) listeners.set(channel, new Set());
    listeners.get(channel).add(listener);
    if (options.filter !== undefined) filters.set(listener, options.filter);
    wish();
    return () => {
        filters.delete(listener);
        const set = listeners.get(channel);
        set.delete(listener);
        if (set.size === 0) listeners.delete(channel);
        wish();
    };
}

/* ---- hooks ---- */

const now = () => Date.now() + state.offset;

/* {up, bus, ledger, stale, why, now_ms, opened}: looked at every 250 ms; `opened` counts the stream's openings. */
export function linkState() {
    const age = state.heard ? performance.now() - state.heard : Infinity;
    const clock = state.clock || {};
    let why = "";
    if (!state.heard) why = state.up ? "" : performance.now() > STALE_MS ? "no connection to busbar-webd" : "";
    else if (age > STALE_MS || (!state.up && performance.now() - state.downAt > DOWN_MS)) why = "no connection to busbar-webd";
    else if (clock.bus === "down") why = "the bus is down";
    return { up: state.up, bus: clock.bus, ledger: clock.ledger, stale: why !== "", why, now_ms: now(), opened: state.opened, heard: state.heard > 0, age_ms: state.fresh ? performance.now() - state.fresh : 0 };
}

export function useLink() {
    const [link, set] = useState(linkState);
    useEffect(() => {
        const look = () =>
            set((old) => {
                const next = linkState();
                const same = ["up", "bus", "ledger", "why", "opened", "heard"].every((key) => old[key] === next[key]);
                return same && Math.floor(old.now_ms / 1000) === Math.floor(next.now_ms / 1000) ? old : next;
            });
        stateListeners.add(look);
        const timer = setInterval(look, 250);
        return () => {
            stateListeners.delete(look);
            clearInterval(timer);
        };
    }, []);
    return link;
}

/* useApi("alarms", {state: "active"}, {every: 5000}) → {data, error, loading, at, reload}. Asked anew when the path or the
 * query changes, when the stream has opened again, and every so many ms. Old data stays while new is fetched. path null: nothing. */
export function useApi(path, query, { every = 0 } = {}) {
    const [, redraw] = useReducer((n) => n + 1, 0);
    const held = useRef({ data: null, error: null, loading: true, at: 0 });
    const { opened } = useLink();
    const words = JSON.stringify(query || {});
    const asked = path + words;
    const fetchNow = useRef(() => {});
    useEffect(() => {
        if (path === null) return undefined;
        if (held.current.asked !== asked) held.current = { data: null, error: null, loading: true, at: 0, asked };
        const stop = new AbortController();
        fetchNow.current = async () => {
            try {
                const data = await api(path, JSON.parse(words), { signal: stop.signal });
                held.current = { data, error: null, loading: false, at: Date.now(), asked };
            } catch (error) {
                if (stop.signal.aborted) return;
                held.current = { ...held.current, error, loading: false };
            }
            if (!stop.signal.aborted) redraw();
        };
        fetchNow.current();
        const timer = every ? setInterval(() => document.hidden || fetchNow.current(), every) : 0;
        return () => {
            stop.abort();
            clearInterval(timer);
        };
    }, [asked, every, opened]);
    const mine = held.current.asked === asked ? held.current : { data: null, error: null, loading: path !== null, at: 0 };
    return { ...mine, reload: () => fetchNow.current() };
}

/* useChannel("dispatch") → a Map of key → value, drawn at most eight times a second: more nobody reads. `fn(key, value)` sees
 * each one, drawn or not. */
export function useChannel(channel, fn, options = {}) {
    const [, redraw] = useReducer((n) => n + 1, 0);
    const values = useRef(new Map());
    const seen = useRef(fn);
    seen.current = fn;
    useEffect(() => {
        values.current = new Map();
        let timer = 0;
        const later = () => {
            if (!timer)
                timer = setTimeout(() => {
                    timer = 0;
                    redraw();
                }, DRAW_MS);
        };
        const end = subscribe(
            channel,
            (key, value) => {
                values.current.set(key, value);
                if (seen.current) seen.current(key, value);
                later();
            },
            { filter: options.filter, history: options.history && ((items) => (options.history(items), later())) },
        );
        return () => {
            end();
            clearTimeout(timer);
        };
    }, [channel, options.filter]);
    return values.current;
}

/* Asks anew, at most once in `ms`, when something comes on the channel: useApi's reload as the second argument. */
export function useReloadOn(channel, reload, ms = 300) {
    const wanted = useRef(reload);
    wanted.current = reload;
    useEffect(() => {
        let timer = 0;
        const end = subscribe(channel, () => {
            if (!timer)
                timer = setTimeout(() => {
                    timer = 0;
                    wanted.current();
                }, ms);
        });
        return () => {
            end();
            clearTimeout(timer);
        };
    }, [channel]);
}
