/* Dispatch: the boards find one λ. Live, or a recorded run played again. */
import { Chart, ChartTools } from "/chart.js";
import { useApi, useChannel, useLink } from "/data.js";
import { clock, fixed, save, show, short, withUnit } from "/format.js";
import { Bars, COLUMNS, Chosen, lambdaOf, limitOf } from "/pages/dispatch-boards.js";
import { THESIS_ITERATIONS, readRun, runText, useRun, useRuns } from "/pages/dispatch-run.js";
import { Topology } from "/pages/dispatch-topology.js";
import { useQuery } from "/route.js";
import { CsvButton, Table } from "/table.js";
import { Await, Empty, Failure, Loading, Panel, Shape, notify } from "/ui.js";
import { html, useEffect, useMemo, useRef, useState } from "/view.js";

const SPEEDS = [["0.1", "a tenth"], ["0.25", "a quarter"], ["1", "as it was"], ["4", "four times"]];
const FILE_MAX = 16 << 20;
const COLOURS = ["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"];

/* Loads are drawn through, generators dashed; each has a colour of its own among its kind as far as they reach. */
function seriesOf(boards) {
    const seen = { consumer: 0, generator: 0 };
    return boards.map((board) => {
        const n = seen[board.kind]++;
        const round = Math.floor(n / COLOURS.length);
        const dash = board.kind === "generator" ? (round ? [2, 3, 8, 3] : [8, 4]) : round ? [2, 3] : undefined;
        return { label: board.name, colour: COLOURS[n % COLOURS.length], dash, unit: "", digits: 4, csv: board.name, spanGaps: true, width: 1.6 };
    });
}

function Fact({ name, value, unit, id }) {
    return html`<div><dt>${name}</dt><dd id=${id}><b>${value}</b>${unit && html` <span class="unit">${unit}</span>`}</dd></div>`;
}

/* What all boards together say. Sums are over those that are online, as `busbar dispatch show` has them. */
function Certificate({ boards, run, replaying }) {
    const online = boards.filter((board) => board.online);
    const certified = boards.filter((board) => board.certified).length;
    const ordered = online.filter((board) => board.mode && board.mode !== "automatic").length;
    const sum = (kind) => online.filter((board) => board.kind === kind).reduce((total, board) => total + board.kw, 0);
    const lambdas = online.map(lambdaOf).filter((lambda) => lambda !== null);
    const low = Math.min(...lambdas), high = Math.max(...lambdas);
    const complete = boards.length > 0 && certified === boards.length;
    const agreed = online.length > 0 && high - low < 0.000002;
    const digests = new Set(boards.filter((board) => board.certified && board.digest).map((board) => board.digest));
    const depth = Math.max(0, ...online.map((board) => board.depth || 0));
    const { certified: iterations } = run ? run.milestones() : { certified: null };
    const [kind, sentence] = complete ? ["good", "Certificate complete"] : online.length < boards.length ? ["bad", `${boards.length - online.length} offline`] : ["warn", "Converging"];
    const lambda = lambdas.length === 0 ? "–" : agreed ? fixed(low, 6) : `${fixed((low + high) / 2, 3)} ± ${fixed((high - low) / 2, 3)}`;
    return html`<section class="certificate ${kind}" aria-label="Certificate">
        <p class="certificate-word"><${Shape} kind=${kind} /><span>${sentence}</span><small>${certified} of ${boards.length} boards${ordered ? `; ${ordered} not automatic: it is of the set-points` : ""}</small></p>
        <dl>
            <${Fact} id="dispatch-lambda" name="λ in $/kWh" value=${lambda} />
            <${Fact} id="dispatch-generation" name="Generation" value=${show(sum("generator"), "kw")} unit="kW" />
            <${Fact} id="dispatch-load" name="Load" value=${show(sum("consumer"), "kw")} unit="kW" />
            <${Fact} id="dispatch-mismatch" name="Mismatch" value=${show(sum("consumer") - sum("generator"), "mismatch")} unit="kW" />
            ${replaying ? html`<${Fact} name="Exchanges" value=${Math.max(0, ...boards.map((board) => board.k || 0))} />` : html`<${Fact} id="dispatch-depth" name="Depth" value=${depth} />`}
            <${Fact} name="Certified at" value=${iterations === null ? "–" : iterations} unit=${`thesis ${THESIS_ITERATIONS}`} />
            ${!replaying && html`<${Fact} name="Digest" value=${html`<code>${digests.size === 1 ? short([...digests][0], 8) : digests.size > 1 ? `${digests.size} kinds` : "–"}</code>`} />`}
        </dl>
    </section>`;
}

const runName = (run) => `Run ${run.id} · ${clock(run.started_ms)} · ${run.ended_ms ? fixed((run.ended_ms - run.started_ms) / 1000, 1) + " s" : "goes on"} · ${run.frames} frames`;

/* The time of a replay: it runs with the screen, at the chosen speed, and writes itself into the query when it rests. Without
 * one it is the run's end. */
function usePlayer(run, active) {
    const [query, setQuery] = useQuery();
    const [playing, setPlaying] = useState(false);
    const [at, setAt] = useState(/^\d{1,9}$/.test(query.t || "") ? Number(query.t) : null);
    const speed = Number(query.speed) || 0.25;
    const duration = run ? run.duration : 0;
    const now = useRef(0);
    now.current = at === null ? duration : Math.min(at, duration);
    const seek = (next) => {
        now.current = Math.max(0, Math.min(duration, next));
        setAt(now.current);
    };
    const rest = () => setQuery({ t: Math.round(now.current) });
    useEffect(() => {
        if (!playing || !active) return undefined;
        let frame = 0, before = performance.now();
        const step = (time) => {
            seek(now.current + (time - before) * speed);
            before = time;
            if (now.current >= duration) {
                setPlaying(false);
                rest();
            } else frame = requestAnimationFrame(step);
        };
        frame = requestAnimationFrame(step);
        return () => cancelAnimationFrame(frame);
    }, [playing, speed, duration, active]);
    return {
        t: now.current, playing, speed, duration, seek, rest,
        toggle() {
            if (!playing && now.current >= duration) seek(0);
            if (playing) rest();
            setPlaying(!playing);
        },
        start() {
            seek(0);
            setPlaying(true);
        },
        stop: () => setPlaying(false),
        reset() {
            setPlaying(false);
            setAt(null);
        },
    };
}

function Controls({ runs, run, chosenRun, player, onFile }) {
    const [, setQuery] = useQuery();
    const file = useRef(null);
    const live = chosenRun === "";
    const choose = (id) => {
        player.reset();
        setQuery({ run: id, t: null }, { push: true });
    };
    const again = () => {
        if (live && run) setQuery({ run: run.id, t: null }, { push: true });
        if (live) player.start();
        else player.toggle();
    };
    const take = async (event) => {
        const [picked] = event.target.files;
        event.target.value = "";
        if (!picked) return;
        try {
            if (picked.size > FILE_MAX) throw new Error("larger than 16 MiB");
            onFile(readRun(await picked.text()));
            choose("file");
        } catch (error) {
            notify(`${picked.name}: ${error.message}`, "bad");
        }
    };
    const text = `${fixed(player.t / 1000, 2)} of ${fixed(player.duration / 1000, 2)} s`;
    return html`<div class="replay" role="group" aria-label="Replay">
        <label class="replay-run"><span class="hidden">What to show</span><select class="small" id="run" value=${chosenRun} onChange=${(event) => choose(event.target.value)}>
            <option value="">Live</option>
            ${(runs || []).map((one) => html`<option key=${one.id} value=${String(one.id)}>${runName(one)}</option>`)}
            ${chosenRun === "file" && html`<option value="file">From a file</option>`}
            ${chosenRun !== "" && chosenRun !== "file" && !(runs || []).some((one) => String(one.id) === chosenRun) && html`<option value=${chosenRun}>Run ${chosenRun}</option>`}
        </select></label>
        <button type="button" class="small play" disabled=${!run} aria-pressed=${player.playing} onClick=${again}>${live ? "▶ Replay" : player.playing ? "❚❚ Pause" : "▶ Play"}</button>
        <input type="range" id="scrubber" aria-label="Time in the run" min="0" max=${Math.max(1, player.duration)} step="10" value=${live ? player.duration : player.t} disabled=${live || !run}
            aria-valuetext=${live ? "live" : text} onInput=${(event) => (player.stop(), player.seek(event.target.valueAsNumber))} onChange=${player.rest} />
        <label><span class="hidden">Speed</span><select class="small" value=${String(player.speed)} onChange=${(event) => setQuery({ speed: event.target.value })}>${SPEEDS.map(([value, word]) => html`<option key=${value} value=${value}>${word}</option>`)}</select></label>
        <span class="replay-time">${live ? "live" : text}</span>
        <input type="file" class="hidden" id="run-file" tabindex="-1" aria-hidden="true" ref=${file} accept=".json,application/json" onChange=${take} />
        <button type="button" class="small" onClick=${() => file.current.click()}>Open …</button>
        <button type="button" class="small" disabled=${!run} onClick=${() => save(`run-${run.id}.json`, runText(run), "application/json")}>Save</button>
    </div>`;
}

function Convergence({ run, until, controls, live }) {
    const [query, setQuery] = useQuery();
    const near = query.zoom === "1";
    const columns = useMemo(() => (run ? run.columns(until) : null), [run, run && run.version, until]);
    const series = useMemo(() => (run ? seriesOf(run.boards) : []), [run && run.boards]);
    const { certified } = run ? run.milestones() : { certified: null };
    const last = run && run.frames.length ? run.frames.reduce((most, frame) => Math.max(most, frame.k), 0) : 0;
    const reached = columns && columns[0].length ? columns[0][columns[0].length - 1] : 0;
    const marks = useMemo(() => {
        const list = [{ x: THESIS_ITERATIONS, text: `thesis: ${THESIS_ITERATIONS} iterations` }];
        if (certified !== null && certified <= reached) list.push({ x: certified, text: `all certified: ${certified}`, colour: "good" });
        return list;
    }, [certified, reached]);
    const x = { label: "exchange k", digits: 0, range: [0, near ? Math.max(10, last + 1) : Math.max(THESIS_ITERATIONS + 6, last + 1)], csv: "exchange" };
    const tools = columns && html`<button type="button" class="small" aria-pressed=${near} onClick=${() => setQuery({ zoom: near ? null : 1 })}>Zoom</button><${ChartTools} name="lambda" title="incremental cost of each board" series=${series} data=${columns} x=${x} />`;
    return html`<${Panel} title=${html`λ<sub>i</sub>(k), every board's incremental cost`} note=${run && `${run.id === "file" ? "from a file" : `run ${run.id}`}, began ${clock(run.started_ms)}`} class="w8" aside=${tools}>
        ${controls}
        ${columns && columns[0].length
            ? html`<${Chart} name="lambda" title="Incremental cost of each board" series=${series} data=${columns} x=${x} y=${{ label: "$/kWh" }} marks=${marks} height=${316}
                summary=${certified === null ? `${run.boards.length} boards, not yet certified in this run; the thesis needed ${THESIS_ITERATIONS} iterations.` : `${run.boards.length} boards converge within ${certified} exchanges; the thesis needed ${THESIS_ITERATIONS}.`} />`
            : html`<div class="chart-empty"><${Empty} title=${live ? "No run has been recorded yet" : "Nothing at this time"}>A run begins when the boards start, when one comes or goes, and when its parameters change.<//></div>`}
    <//>`;
}

/* The boards at a time of a run, in the shape of board objects; limits are no part of a run, so they are the present ones. */
function boardsOf(run, t, present) {
    const state = run.at(t);
    const limits = new Map(present.map((board) => [board.name, limitOf(board)]));
    return run.boards.map(({ name, kind }) => {
        const frame = state.get(name);
        const limit_kw = limits.get(name) ?? null;
        return frame ? { ...frame, name, kind, online: frame.online !== false, mode: "automatic", limit_kw } : { name, kind, online: false, mode: "automatic", kw: 0, setpoint_kw: 0, certified: false, limit_kw };
    });
}

export default function Dispatch() {
    const [query, setQuery] = useQuery();
    const asked = useApi("dispatch");
    const site = useApi("dispatch/site");
    const news = useChannel("dispatch");
    const runs = useRuns();
    const [fromFile, setFromFile] = useState(null);
    const chosenRun = query.run || "";
    const live = chosenRun === "";
    const newest = runs.data && runs.data.length ? runs.data[0].id : null;
    const wanted = live ? newest : chosenRun === "file" ? null : Number(chosenRun);
    const fetched = useRun(wanted);
    const run = chosenRun === "file" ? fromFile : fetched.run;
    const player = usePlayer(run, !live);
    const choose = (name) => setQuery({ board: name });

    if (!asked.data && live) return asked.error ? html`<${Failure} error=${asked.error} retry=${asked.reload} />` : html`<${Loading} rows=${8} what="Loading the boards" />`;
    const present = ((asked.data && asked.data.boards) || []).map((board) => news.get(board.name) || board);
    const boards = live || !run ? present : boardsOf(run, player.t, present);
    const chosen = boards.find((board) => board.name === query.board) || null;
    const table = query.boards === "table";
    const controls = html`<${Controls} runs=${runs.data} run=${run} chosenRun=${chosenRun} player=${player} onFile=${setFromFile} />`;
    const until = live ? Infinity : player.t;
    return html`<${Certificate} boards=${boards} run=${run} replaying=${!live} />
        ${!live && !run && (fetched.error || chosenRun === "file") ? html`<${Empty} title=${chosenRun === "file" ? "Choose the file again" : `Run ${chosenRun} is not kept any more`}>A page cannot open a file by itself, and the server keeps the newest sixteen runs.<//>` : ""}
        <div class="grid">
            <${Convergence} run=${run} until=${until} controls=${controls} live=${live} />
            <${Panel} title="Topology" class="w4" aside=${!live && html`<span class="note">at ${fixed(player.t / 1000, 2)} s</span>`}>
                <${Await} from=${site} what="Loading the topology">${(document) => html`<${Topology} boards=${boards} links=${document.links || []} chosen=${query.board} onChoose=${choose} />`}<//>
            <//>
            <${Panel} title="Power within limits" class="w8" aside=${html`<button type="button" class="small" aria-pressed=${table} onClick=${() => setQuery({ boards: table ? null : "table" })}>Table<span class="hidden"> of the boards</span></button><${CsvButton} name="boards" columns=${COLUMNS} rows=${() => boards} />`}>
                ${boards.length === 0 ? html`<${Empty} title="No board yet">Boards appear here when an agent has heard of them: <code>busbar doctor</code> says what is missing.<//>`
                    : table ? html`<${Table} name="boards" caption="The boards" columns=${COLUMNS} rows=${boards} rowKey=${(b) => b.name} rowClass=${(b) => (b.name === query.board ? "chosen" : "")} />`
                    : html`<${Bars} boards=${boards} chosen=${query.board} onChoose=${choose} />`}
            <//>
            <${Chosen} board=${chosen} boards=${boards} iterations=${run ? run.milestones().certified : null} onChoose=${choose} replaying=${!live} />
        </div>`;
}
