/* Which chain this browser trusts: the genesis that it saw first. The server cannot put another in its place without being noticed. */
import { api } from "/data.js";
import { crypto } from "/ledger/crypto.js";
import { hex, unhex } from "/verify/format.mjs";
import { trustOfGenesis } from "/verify/receipt.mjs";

const PIN = "busbar-genesis";

function pinned() {
    try {
        const pin = JSON.parse(localStorage.getItem(PIN));
        return pin && typeof pin.hash === "string" ? pin : null;
    } catch {
        return null;
    }
}
export function pin(hash) {
    const entry = { hash, since_ms: Date.now() };
    try {
        localStorage.setItem(PIN, JSON.stringify(entry));
    } catch {
        /* storage is forbidden: trusted as long as the page lives */
    }
    return entry;
}

/* → {trust, hash, since_ms, changed}; `changed`: the server's chain is another one than this browser has known. */
export async function anchor() {
    const { sha256 } = await crypto();
    const { genesis_bytes: bytes } = await api("chain/genesis");
    const trust = await trustOfGenesis(unhex(bytes), sha256);
    const hash = hex(trust.genesis);
    const known = pinned() || pin(hash);
    return { trust, hash, since_ms: known.since_ms, known: known.hash, changed: known.hash !== hash };
}
