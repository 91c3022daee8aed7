/* A run: how the boards went from one agreement to the next, frame by frame. From the server, live or recorded, or from a file. */
import { api, subscribe, useApi, useLink } from "/data.js";
import { useEffect, useReducer, useRef } from "/view.js";

export const THESIS_ITERATIONS = 42; /* thesis §2.6, Table 1: "Iteration Number" */
const BOARDS_MAX = 256;
const FRAMES_MAX = 20000;
const NUMBERS = ["t_ms", "k", "lambda", "setpoint_kw", "kw", "mismatch_kw"];
const AGREED = 0.0005; /* $/kWh: the thesis prints three digits */

/* Consumers first, as the site has them; L2 before L10. */
const inOrder = (a, b) => (a.kind === b.kind ? a.name.localeCompare(b.name, "en", { numeric: true }) : a.kind === "consumer" ? -1 : 1);

export class Run {
    constructor(document) {
        this.id = document.id;
        this.started_ms = document.started_ms;
        this.ended_ms = document.ended_ms;
        this.boards = [...document.boards].sort(inOrder);
        this.frames = document.frames;
        this.version = 0;
    }
    get duration() {
        return this.frames.length ? this.frames[this.frames.length - 1].t_ms : 0;
    }
    add(frames) {
        this.frames.push(...frames);
        this.version++;
    }
    /* board → its newest frame at t. */
    at(t) {
        const state = new Map();
        for (const frame of this.frames) {
            if (frame.t_ms > t) break;
            state.set(frame.board, frame);
        }
        return state;
    }
    /* [ks, λ of the first board, …] of the frames up to t. */
    columns(t = Infinity) {
        const rows = new Map();
        const place = new Map(this.boards.map((board, i) => [board.name, i]));
        for (const frame of this.frames) {
            if (frame.t_ms > t) break;
            const i = place.get(frame.board);
            if (i === undefined || frame.online === false || (frame.k === 0 && frame.lambda === 0)) continue; /* it has no λ yet */
            if (!rows.has(frame.k)) rows.set(frame.k, new Array(this.boards.length).fill(null));
            rows.get(frame.k)[i] = frame.lambda;
        }
        const ks = [...rows.keys()].sort((a, b) => a - b);
        return [ks, ...this.boards.map((board, i) => ks.map((k) => rows.get(k)[i]))];
    }
    /* When all boards first had the same λ, and when all first held the certificate: {agreed, certified}, each a k or null. */
    milestones() {
        if (this.known && this.known.version === this.version) return this.known;
        const found = { agreed: null, certified: null, version: this.version };
        const state = new Map();
        let k = 0;
        let unsettled = false;
        for (const frame of this.frames) {
            state.set(frame.board, frame);
            k = Math.max(k, frame.k);
            if (state.size < this.boards.length) continue;
            const online = [...state.values()].filter((one) => one.online !== false);
            const lambdas = online.map((one) => one.lambda);
            const apart = Math.max(...lambdas) - Math.min(...lambdas) > AGREED;
            const certified = online.length > 0 && online.every((one) => one.certified);
            if (apart || !certified) unsettled = true;
            if (!unsettled) continue; /* the agreement that it came from */
            if (found.agreed === null && !apart) found.agreed = k;
            if (found.certified === null && certified) found.certified = k;
            if (found.agreed !== null && apart) found.agreed = null;
        }
        this.known = found;
        return found;
    }
}

/* A run from a file, checked: what is wrong is said with its place. */
export function readRun(text) {
    let document;
    try {
        document = JSON.parse(text);
    } catch (error) {
        throw new Error("not JSON: " + error.message);
    }
    const wrong = (place, what) => {
        throw new Error(`${place}: ${what}`);
    };
    if (!document || typeof document !== "object" || !Array.isArray(document.boards) || !Array.isArray(document.frames)) wrong("the file", "a run has \"boards\" and \"frames\"");
    if (document.boards.length < 1 || document.boards.length > BOARDS_MAX) wrong("boards", `1 to ${BOARDS_MAX} of them`);
    if (document.frames.length > FRAMES_MAX) wrong("frames", `at most ${FRAMES_MAX}`);
    const names = new Set();
    const boards = document.boards.map((board, i) => {
        if (!board || typeof board.name !== "string" || !board.name || board.name.length > 64 || names.has(board.name)) wrong(`boards[${i}]`, "a name of its own, at most 64 characters");
        if (board.kind !== "consumer" && board.kind !== "generator") wrong(`boards[${i}].kind`, "consumer or generator");
        names.add(board.name);
        return { name: board.name, kind: board.kind };
    });
    let last = 0;
    const frames = document.frames.map((frame, i) => {
        if (!frame || !names.has(frame.board)) wrong(`frames[${i}].board`, "not among the boards");
        for (const name of NUMBERS) if (typeof frame[name] !== "number" || !Number.isFinite(frame[name]) || Math.abs(frame[name]) > 1e12) wrong(`frames[${i}].${name}`, "a number");
        if (frame.t_ms < last || frame.k < 0) wrong(`frames[${i}]`, "time does not go back");
        last = frame.t_ms;
        return { ...Object.fromEntries(NUMBERS.map((name) => [name, frame[name]])), board: frame.board, certified: frame.certified === true, online: frame.online !== false };
    });
    const number = (value) => (typeof value === "number" && Number.isFinite(value) ? value : null);
    return new Run({ id: "file", started_ms: number(document.started_ms), ended_ms: number(document.ended_ms), boards, frames });
}

export const runText = (run) => JSON.stringify({ version: 1, id: run.id, started_ms: run.started_ms, ended_ms: run.ended_ms, boards: run.boards, frames: run.frames });

/* The recorded runs, newest first: useApi's answer with data as a list. */
export function useRuns() {
    const asked = useApi("dispatch/runs");
    const reload = useRef(asked.reload);
    reload.current = asked.reload;
    useEffect(() => subscribe("run", (key) => key === "live" && reload.current()), []);
    const list = asked.data && (Array.isArray(asked.data) ? asked.data : asked.data.runs);
    return { ...asked, data: list ? [...list].sort((a, b) => b.id - a.id) : null };
}

/* The run with this id, growing while it is live: {run, error, loading}. */
export function useRun(id) {
    const [, redraw] = useReducer((n) => n + 1, 0);
    const held = useRef({ run: null, error: null, loading: true });
    const { opened } = useLink();
    useEffect(() => {
        if (id === null) return undefined;
        let ended = false;
        let frame = 0;
        let waiting = []; /* pieces that came before the whole */
        const later = () => (frame ||= requestAnimationFrame(() => ((frame = 0), redraw())));
        if (!held.current.run || held.current.run.id !== id) held.current = { run: null, error: null, loading: true };
        const take = (piece) => {
            const { run } = held.current;
            if (!run) return waiting.push(piece);
            const skip = run.frames.length - piece.from;
            if (skip < 0) return fetchWhole(); /* something was missed */
            if (skip < piece.frames.length) run.add(skip > 0 ? piece.frames.slice(skip) : piece.frames);
            return later();
        };
        let fetching = false;
        const fetchWhole = async () => {
            if (fetching) return;
            fetching = true;
            try {
                const document = await api("dispatch/runs/" + id);
                if (ended) return;
                held.current = { run: new Run(document), error: null, loading: false };
                waiting.splice(0).forEach(take);
            } catch (error) {
                if (!ended) held.current = { ...held.current, error, loading: false };
            } finally {
                fetching = false;
            }
            later();
        };
        const end = subscribe("run", (key, piece) => {
            if (piece && piece.id === id && Array.isArray(piece.frames)) take(piece);
            else if (key === "live" && piece && piece.id === id && held.current.run) {
                held.current.run.ended_ms = piece.ended_ms;
                later();
            }
        });
        fetchWhole();
        return () => {
            ended = true;
            end();
            cancelAnimationFrame(frame);
        };
    }, [id, opened]);
    const mine = held.current.run && held.current.run.id !== id ? { run: null, error: null, loading: true } : held.current;
    return mine;
}
