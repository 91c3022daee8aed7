/* One EventSource for all that ask: the SharedWorker has one for all tabs, a page without SharedWorker its own.
 *
 * A client is { post(message) }; want(client, channels, filter) says what it shows. It is told
 *   {type:"event", channel, key, value}   as the server says it; what is known already comes first
 *   {type:"history", channel, items}      what went by before it asked (HISTORY below): [[time_ms, value], …]
 *   {type:"clock", value}                 once a second
 *   {type:"link", up}                     the stream is open, or is not
 *   {type:"again"}                        say again what you want (of the worker: the tab was silent for long)
 *   {type:"ticket"}                       the server wants one: answer with ticket(text) */

const HISTORY = { overview: 900 }; /* the newest so many values of these channels are kept for a tab that opens later */
const PASSING = new Set(["run", "bus"]); /* each value counts, so the newest of a key is no state, but for "live" */
const KNOWN_MAX = 4096; /* values kept of one channel */
const RETRY_MS = [250, 500, 1000, 2000];
const SILENT_MS = 5000; /* the clock comes every second: a stream that says nothing so long is dead */

export class Hub {
    constructor() {
        this.clients = new Map();
        this.known = new Map();
        this.history = new Map();
        this.source = null;
        this.asked = "";
        this.failures = 0;
        this.up = false;
        this.timer = 0;
        this.ticketText = "";
        this.heard = 0;
        setInterval(() => this.watch(), 1000);
    }

    want(client, channels, filter) {
        const before = this.clients.get(client);
        this.clients.set(client, { channels: new Set(channels), filter: filter || "" });
        for (const channel of channels) if (!before || !before.channels.has(channel)) this.tellKnown(client, channel);
        client.post({ type: "link", up: this.up });
        this.reopen(50);
    }

    leave(client) {
        if (this.clients.delete(client)) this.reopen(2000); /* a page that reloads comes back at once */
    }

    ticket(text) {
        this.ticketText = text;
        this.asked = "";
        this.reopen(0);
    }

    tellKnown(client, channel) {
        const items = this.history.get(channel);
        if (items) client.post({ type: "history", channel, items });
        const known = this.known.get(channel);
        if (known) for (const [key, value] of known) client.post({ type: "event", channel, key, value });
    }

    /* Every client's channels, in one order, so that the same wishes give the same address. */
    address() {
        const channels = new Set();
        let filter = null;
        for (const wish of this.clients.values()) {
            for (const channel of wish.channels) channels.add(channel);
            if (wish.channels.has("bus")) filter = filter === null ? wish.filter : common(filter, wish.filter);
        }
        if (channels.size === 0) return "";
        let address = "/api/v1/events?channels=" + [...channels].sort().map(encodeURIComponent).join(",");
        if (filter) address += "&filter=" + encodeURIComponent(filter);
        return address;
    }

    reopen(after) {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => {
            const address = this.address();
            if (address !== this.asked || (address && !this.source)) this.open(address);
        }, after);
    }

    open(address) {
        this.close();
        this.asked = address;
        if (!address) return;
        const ticket = this.ticketText ? "&ticket=" + encodeURIComponent(this.ticketText) : "";
        this.ticketText = ""; /* one ticket, one stream */
        const source = new EventSource(address + ticket);
        this.source = source;
        this.heard = Date.now();
        const channels = new URL(address, location.href).searchParams.get("channels").split(",");
        for (const channel of channels)
            source.addEventListener(channel, (event) => this.take(source, channel, event.data));
        source.addEventListener("clock", (event) => this.clock(source, event.data));
        source.onopen = () => {
            if (source !== this.source) return;
            this.heard = Date.now();
            this.failures = 0;
            this.setUp(true);
        };
        source.onerror = () => source === this.source && this.lost();
    }

    close() {
        if (this.source) this.source.close();
        this.source = null;
    }

    lost() {
        this.close();
        this.setUp(false);
        const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)];
        if (this.failures++ % 4 === 1) this.askTicket();
        this.reopen(wait);
    }

    /* EventSource tells no status: when it is refused again and again, see whether the server wants a ticket. */
    async askTicket() {
        try {
            const answer = await fetch("/api/v1/overview", { cache: "no-store" });
            if (answer.status === 401) this.tell({ type: "ticket" });
        } catch {
            /* nobody is there */
        }
    }

    watch() {
        if (this.source && this.up && Date.now() - this.heard > SILENT_MS) this.lost();
    }

    setUp(up) {
        if (this.up !== up) {
            this.up = up;
            this.tell({ type: "link", up });
        }
    }

    tell(message) {
        for (const client of this.clients.keys()) client.post(message);
    }

    clock(source, data) {
        if (source !== this.source) return;
        this.heard = Date.now();
        const event = parsed(data);
        if (event) this.tell({ type: "clock", value: event.value });
    }

    take(source, channel, data) {
        if (source !== this.source) return;
        const event = parsed(data);
        if (!event) return;
        this.heard = Date.now();
        if (!PASSING.has(channel) || event.key === "live") this.keep(channel, event);
        const message = { type: "event", channel, key: event.key, value: event.value };
        for (const [client, wish] of this.clients) if (wish.channels.has(channel)) client.post(message);
    }

    keep(channel, event) {
        let known = this.known.get(channel);
        if (!known) this.known.set(channel, (known = new Map()));
        known.delete(event.key);
        known.set(event.key, event.value);
        if (known.size > KNOWN_MAX) known.delete(known.keys().next().value);
        const limit = HISTORY[channel];
        if (!limit) return;
        let items = this.history.get(channel);
        if (!items) this.history.set(channel, (items = []));
        items.push([Date.now(), event.value]);
        if (items.length > limit) items.splice(0, items.length - limit);
    }
}

function common(a, b) {
    let n = 0;
    while (n < a.length && a[n] === b[n]) n++;
    return a.slice(0, n);
}

function parsed(text) {
    try {
        return JSON.parse(text);
    } catch {
        return null;
    }
}
