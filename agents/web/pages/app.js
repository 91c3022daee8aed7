/* The shell: which page, the way to the others, how fresh it all is, the theme, the token. */
import { onTokenWanted, setToken, token, useApi, useChannel, useLink } from "/data.js";
import { span } from "/format.js";
import { captureLinks, useRoute } from "/route.js";
import { Dialogs, Failure, Loading, Mark, Notices, askToken } from "/ui.js";
import { html, render, useEffect, useReducer, useRef, useState } from "/view.js";

/* A page: its path, its name, the module whose default export draws it, a style of its own when it has one. */
const PAGES = [
    { path: "/", name: "Overview", module: "/pages/overview.js", icon: "M3 13h7V3H3zm0 8h7v-6H3zm11 0h7V11h-7zm0-18v6h7V3z" },
    { path: "/dispatch", name: "Dispatch", module: "/pages/dispatch.js", icon: "M3 20h18v-2H3zM4 5c3 0 4 9 7 9s4-3 9-3V9c-4 0-6 3-8 3S9 3 4 3z" },
    { path: "/market", name: "Market", module: "/pages/market.js", style: "/pages/market.css", icon: "M4 20V9h3v11zm5 0V4h3v16zm5 0v-8h3v8zm5 0V7h2v13z" },
    { path: "/chain", name: "Chain", module: "/pages/chain.js", style: "/pages/chain.css", icon: "M9 7H7a5 5 0 0 0 0 10h2v-2H7a3 3 0 0 1 0-6h2zm6 0v2h2a3 3 0 0 1 0 6h-2v2h2a5 5 0 0 0 0-10zm-7 4v2h8v-2z" },
    { path: "/bus", name: "Bus", module: "/pages/bus.js", style: "/pages/bus.css", icon: "M2 11h20v2H2zM5 4h2v6H5zm6 0h2v6h-2zm6 0h2v6h-2zM8 14h2v6H8zm6 0h2v6h-2z" },
    { path: "/agents", name: "Agents", module: "/pages/agents.js", style: "/pages/agents.css", icon: "M4 4h7v7H4zm9 0h7v7h-7zM4 13h7v7H4zm12.5 0 3.5 3.5-3.5 3.5-3.5-3.5z" },
    { path: "/alarms", name: "Alarms", module: "/pages/alarms.js", icon: "M12 3a6 6 0 0 0-6 6v5l-2 3h16l-2-3V9a6 6 0 0 0-6-6zm-2.5 15a2.5 2.5 0 0 0 5 0z" },
];

const Icon = ({ path }) => html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${path} /></svg>`;

const loaded = new Map();
function load(page) {
    if (page.style && !document.querySelector(`link[href="${page.style}"]`)) {
        const link = document.createElement("link");
        link.rel = "stylesheet";
        link.href = page.style;
        document.head.append(link);
    }
    return import(page.module).then((module) => loaded.set(page.path, module.default));
}

function Body({ page }) {
    const [, redraw] = useReducer((n) => n + 1, 0);
    const [error, setError] = useState(null);
    const Page = loaded.get(page.path);
    const fetchPage = () => {
        setError(null);
        load(page).then(redraw, () => setError({ status: 0, message: "this page could not be loaded" }));
    };
    useEffect(() => {
        if (!Page) fetchPage();
    }, [page.path]);
    if (Page) return html`<${Page} />`;
    return error ? html`<${Failure} error=${error} retry=${fetchPage} />` : html`<${Loading} rows=${6} />`;
}

function Freshness({ link }) {
    const [kind, word] = link.stale ? ["bad", "Stale"] : link.heard ? ["good", "Live"] : ["idle", "Connecting"];
    const seconds = link.heard ? Math.floor(link.age_ms / 1000) : null;
    return html`<div class="freshness ${link.stale ? "is-stale" : ""}" id="freshness">
        <span role="status"><${Mark} kind=${kind}>${word}${link.why && html`<span class="why">: ${link.why}</span>`}<//></span>
        <span class="updated">${seconds === null ? "" : html`updated <b>${span(seconds * 1000)}</b> ago`}</span>
    </div>`;
}

const THEMES = [
    ["system", "System", "M4 4h16v11H4zm5 13h6l1 3H8z"],
    ["light", "Light", "M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10zM11 1h2v4h-2zm0 18h2v4h-2zM1 11h4v2H1zm18 0h4v2h-4zM4 5.4 5.4 4l2.8 2.8-1.4 1.4zm11.8 11.8 1.4-1.4L20 18.6 18.6 20zM18.6 4 20 5.4l-2.8 2.8-1.4-1.4zM6.8 15.8l1.4 1.4L5.4 20 4 18.6z"],
    ["dark", "Dark", "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z"],
];

function ThemeChoice() {
    const [choice, setChoice] = useState(window.busbarTheme.choice);
    useEffect(() => {
        const follow = (event) => setChoice(event.detail);
        addEventListener("busbar-theme", follow);
        return () => removeEventListener("busbar-theme", follow);
    }, []);
    return html`<fieldset class="themes"><legend class="hidden">Theme</legend>
        ${THEMES.map(([name, label, icon]) => html`<label title="${label} theme" key=${name}>
            <input type="radio" name="theme" value=${name} checked=${choice === name} onChange=${() => window.busbarTheme.choose(name)} />
            <${Icon} path=${icon} /><span class="hidden">${label} theme</span></label>`)}
    </fieldset>`;
}

function TokenButton() {
    const [has, setHas] = useState(token() !== "");
    useEffect(() => {
        const look = () => setHas(token() !== "");
        addEventListener("busbar-token", look);
        return () => removeEventListener("busbar-token", look);
    }, []);
    return html`<button type="button" class="token small" onClick=${() => (has ? setToken("") : askToken(""))}>${has ? "Forget token" : "Token …"}</button>`;
}

function Nav({ current, alarms }) {
    return html`<nav class="pages" aria-label="Pages"><ul>
        ${PAGES.map((page) => html`<li key=${page.path}><a href=${page.path} aria-current=${page === current ? "page" : undefined}>
            <${Icon} path=${page.icon} /><span class="nav-name">${page.name}</span>
            ${page.path === "/alarms" && alarms > 0 && html`<span class="count"><span class="hidden">: </span>${alarms}<span class="hidden"> active</span></span>`}
        </a></li>`)}
    </ul></nav>`;
}

function App() {
    const { path } = useRoute();
    const link = useLink();
    const live = useChannel("overview");
    const asked = useApi("overview");
    const overview = [...live.values()].pop() || asked.data || {};
    const page = PAGES.find((one) => one.path === path);
    const heading = useRef(null);
    const shown = useRef(path);
    useEffect(() => {
        document.title = (page ? page.name : "Not found") + " · Busbar";
        if (shown.current !== path && heading.current) {
            heading.current.focus({ preventScroll: true });
            scrollTo(0, 0);
        }
        shown.current = path;
    }, [path]);
    return html`<a class="skip" href="#main">Skip to the page</a>
        <div class="shell ${link.stale ? "stale" : ""} ${overview.simulated ? "simulated" : ""}">
            <header class="side">
                <a class="brand" href="/"><img src="/icon.svg" alt="" width="28" height="28" /><span>Busbar</span></a>
                <${Nav} current=${page} alarms=${overview.alarms} />
                <div class="side-foot"><${ThemeChoice} /><${TokenButton} /></div>
            </header>
            <main id="main" tabindex="-1">
                <div class="top">
                    <h1 tabindex="-1" ref=${heading}>${page ? page.name : "Not found"}</h1>
                    ${overview.simulated && html`<span class="chip simulated-chip" title="A demo: nobody meters this energy">SIMULATED</span>`}
                    <${Freshness} link=${link} />
                </div>
                ${page ? html`<${Body} page=${page} key=${page.path} />` : html`<div class="empty"><p class="empty-title">There is no page ${path}</p><p><a href="/">To the overview</a></p></div>`}
            </main>
            ${overview.simulated && html`<div class="watermark" aria-hidden="true"></div>`}
        </div>
        <${Notices} /><${Dialogs} />`;
}

onTokenWanted(askToken);
captureLinks();
const place = document.getElementById("app");
place.replaceChildren();
render(html`<${App} />`, place);
