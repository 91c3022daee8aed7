/* Where the app is: the path names the page, the query holds its state, so that an address can be sent to somebody. */
import { useEffect, useReducer } from "/view.js";

const listeners = new Set();
const tell = () => listeners.forEach((listener) => listener());
addEventListener("popstate", tell);

export const here = () => ({ path: location.pathname.replace(/\/+$/, "") || "/", query: Object.fromEntries(new URLSearchParams(location.search)) });

/* go("/dispatch?run=3"): to another page, or back to the same with another state. */
export function go(href, { replace = false } = {}) {
    if (href === location.pathname + location.search) return;
    history[replace ? "replaceState" : "pushState"](null, "", href);
    tell();
}

export function useRoute() {
    const [, redraw] = useReducer((n) => n + 1, 0);
    useEffect(() => {
        listeners.add(redraw);
        return () => listeners.delete(redraw);
    }, []);
    return here();
}

/* setQuery({sort: "-kw", run: null}): changes these words of the query and keeps the others; null takes one out. */
export function setQuery(changes, { push = false } = {}) {
    const words = new URLSearchParams(location.search);
    for (const [name, value] of Object.entries(changes))
        if (value === null || value === undefined || value === "") words.delete(name);
        else words.set(name, value);
    const text = words.toString().replaceAll("%2C", ",").replaceAll("%2F", "/").replaceAll("%3A", ":");
    go(location.pathname + (text ? "?" + text : ""), { replace: !push });
}

export function useQuery() {
    return [useRoute().query, setQuery];
}

/* A click on a link of ours changes the page without loading anew; with a modifier or a target it is the browser's. */
export function captureLinks() {
    document.addEventListener("click", (event) => {
        const link = event.target.closest && event.target.closest("a[href]");
        if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        if (link.target || link.hasAttribute("download") || link.origin !== location.origin || link.hash) return;
        if (link.pathname.startsWith("/api/") || link.pathname.startsWith("/vendor/")) return;
        event.preventDefault();
        go(link.pathname + link.search);
    });
}
