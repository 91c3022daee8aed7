/* The SharedWorker: one EventSource for all tabs of this browser, which allows six connections to one server. */
import { Hub } from "/hub.js";

const SILENT_MS = 180000; /* a tab says that it lives every 20 s; in the background a browser lets it wait a minute */
const hub = new Hub();
const ports = new Map();

function serve(port) {
    const client = { post: (message) => port.postMessage(message) };
    ports.set(client, Date.now());
    port.onmessage = ({ data }) => {
        const forgotten = !ports.has(client); /* a tab that the browser had put to sleep */
        ports.set(client, Date.now());
        if (forgotten && data.type === "ping") client.post({ type: "again" });
        if (data.type === "want") hub.want(client, data.channels, data.filter);
        else if (data.type === "ticket") hub.ticket(data.text);
        else if (data.type === "leave") {
            ports.delete(client);
            hub.leave(client);
        }
    };
    port.start();
}

onconnect = (event) => serve(event.ports[0]);

setInterval(() => {
    for (const [client, heard] of ports)
        if (Date.now() - heard > SILENT_MS) {
            ports.delete(client);
            hub.leave(client);
        }
}, 20000);
