/* Keys that stay in this browser: Ethereum keystores (version 3) in its storage, opened with their passphrase for this tab only, and
 * forgotten after LOCK_MS without a signature. No secret leaves this module; signing happens here. */
import { checksummed, crypto as loadCrypto, sameAddress } from "/ledger/crypto.js";
import { concat, equal, hex, unhex } from "/verify/format.mjs";

const STORE = "busbar-keys";
const LOCK_MS = 15 * 60 * 1000;
const KEYS_MAX = 32;
const NEW_COST = { n: 32768, r: 8, p: 1 };
/* What a keystore may ask of this machine: 128 · n · r bytes. */
const COST_MAX = { n: 2 ** 20, r: 16, p: 16, bytes: 512 * 1024 * 1024, rounds: 10_000_000 };

export class KeyError extends Error {}

const opened = new Map(); /* address in lower case → {secret, timer} */
const listeners = new Set();
const tell = () => listeners.forEach((listener) => listener());
export function onKeys(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
}

function stored() {
    try {
        const list = JSON.parse(localStorage.getItem(STORE) || "[]");
        return Array.isArray(list) ? list.filter((one) => one && typeof one.address === "string" && one.keystore) : [];
    } catch {
        return [];
    }
}
function keep(list) {
    try {
        localStorage.setItem(STORE, JSON.stringify(list));
    } catch {
        throw new KeyError("this browser's storage is full or forbidden: the key could not be kept");
    }
    tell();
}

/* [{address, label, open}] */
export const keys = () => stored().map(({ address, label }) => ({ address, label, open: opened.has(address.toLowerCase()) }));

export function forget(address) {
    lock(address);
    keep(stored().filter((one) => !sameAddress(one.address, address)));
}

export function lock(address) {
    const key = opened.get(address.toLowerCase());
    if (!key) return;
    clearTimeout(key.timer);
    key.secret.fill(0);
    opened.delete(address.toLowerCase());
    tell();
}

function hold(address, secret) {
    const id = address.toLowerCase();
    const before = opened.get(id);
    if (before) clearTimeout(before.timer);
    opened.set(id, { secret, timer: setTimeout(() => lock(address), LOCK_MS) });
    tell();
}

/* ---- keystores ---- */

function subtle() {
    if (!globalThis.crypto.subtle) throw new KeyError("this browser opens keys only over https, or when the dashboard is on this machine");
    return globalThis.crypto.subtle;
}

const wrong = (what) => new KeyError(`this keystore cannot be opened here: ${what}`);
const whole = (value, most) => Number.isInteger(value) && value > 0 && value <= most;
function bytesOf(text, size, what) {
    const bytes = typeof text === "string" && /^(0x)?([0-9a-f]{2})*$/i.test(text) ? unhex("0x" + text.replace(/^0x/i, "")) : null;
    if (!bytes || (size && bytes.length !== size)) throw wrong(what);
    return bytes;
}

/* A keystore's text, checked for its shape; throws KeyError. */
export function readKeystore(text) {
    let document;
    try {
        document = JSON.parse(text);
    } catch {
        throw wrong("it is not JSON");
    }
    const c = document && (document.crypto || document.Crypto);
    if (!c || document.version !== 3) throw wrong("it is no keystore of version 3");
    if (c.cipher !== "aes-128-ctr") throw wrong(`its cipher is ${String(c.cipher).slice(0, 20)}`);
    const k = c.kdfparams || {};
    if (c.kdf === "scrypt") {
        const fits = whole(k.n, COST_MAX.n) && (k.n & (k.n - 1)) === 0 && whole(k.r, COST_MAX.r) && whole(k.p, COST_MAX.p) && 128 * k.n * k.r <= COST_MAX.bytes;
        if (!fits) throw wrong("opening it takes more memory than a page should");
    } else if (c.kdf !== "pbkdf2" || k.prf !== "hmac-sha256" || !whole(k.c, COST_MAX.rounds)) throw wrong(`its key derivation is ${String(c.kdf).slice(0, 20)}`);
    if (k.dklen !== 32) throw wrong("its derived key is not 32 bytes long");
    return {
        kdf: c.kdf, params: k,
        salt: bytesOf(k.salt, 0, "its salt"), iv: bytesOf(c.cipherparams && c.cipherparams.iv, 16, "its iv"),
        sealed: bytesOf(c.ciphertext, 32, "its ciphertext"), mac: bytesOf(c.mac, 32, "its mac"),
        address: document.address ? hex(bytesOf(document.address, 20, "its address")) : null,
    };
}

async function derive(kdf, params, salt, passphrase, progress) {
    const words = new TextEncoder().encode(passphrase.normalize("NFKC"));
    if (kdf === "scrypt") {
        const { scryptAsync } = await import("/vendor/noble/hashes/scrypt.js");
        return scryptAsync(words, salt, { N: params.n, r: params.r, p: params.p, dkLen: 32, maxmem: COST_MAX.bytes + 2 ** 20, onProgress: progress });
    }
    const base = await subtle().importKey("raw", words, "PBKDF2", false, ["deriveBits"]);
    return new Uint8Array(await subtle().deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations: params.c }, base, 256));
}

async function stream(derived, iv, bytes) {
    const key = await subtle().importKey("raw", derived.subarray(0, 16), "AES-CTR", false, ["encrypt"]);
    return new Uint8Array(await subtle().encrypt({ name: "AES-CTR", counter: iv, length: 128 }, key, bytes));
}

async function secretOf(store, passphrase, progress) {
    const { keccak256, usable, addressOf } = await loadCrypto();
    const derived = await derive(store.kdf, store.params, store.salt, passphrase, progress);
    if (!equal(keccak256(concat(derived.subarray(16), store.sealed)), store.mac)) throw new KeyError("that is not its passphrase");
    const secret = await stream(derived, store.iv, store.sealed);
    if (!usable(secret)) throw wrong("what is in it is no key");
    if (store.address && store.address !== hex(addressOf(secret))) throw wrong("its address is not its key's");
    return secret;
}

/* Takes a keystore in: opened once, so that what is kept is known to be good. → its address */
export async function importKey(text, passphrase, label, progress) {
    const store = readKeystore(text);
    const { keccak256, addressOf } = await loadCrypto();
    const secret = await secretOf(store, passphrase, progress);
    const address = checksummed(addressOf(secret), keccak256);
    const others = stored().filter((one) => !sameAddress(one.address, address));
    if (others.length >= KEYS_MAX) throw new KeyError(`this browser keeps ${KEYS_MAX} keys already`);
    keep([...others, { address, label: label.slice(0, 40), keystore: JSON.parse(text) }]);
    hold(address, secret);
    return address;
}

/* Makes a key; → {address, keystore}: its text, to be saved elsewhere, too. */
export async function newKey(passphrase, label, progress) {
    const { keccak256, usable, addressOf } = await loadCrypto();
    const random = (size) => globalThis.crypto.getRandomValues(new Uint8Array(size));
    let secret = random(32);
    while (!usable(secret)) secret = random(32);
    const [salt, iv] = [random(32), random(16)];
    const derived = await derive("scrypt", NEW_COST, salt, passphrase, progress);
    const sealed = await stream(derived, iv, secret);
    const bare = (bytes) => hex(bytes).slice(2);
    const id = bare(random(16)).replace(/(.{8})(.{4}).(.{3}).(.{3})(.{12})/, "$1-$2-4$3-a$4-$5");
    const address = checksummed(addressOf(secret), keccak256);
    const keystore = {
        version: 3, id, address: address.slice(2).toLowerCase(),
        crypto: {
            cipher: "aes-128-ctr", cipherparams: { iv: bare(iv) }, ciphertext: bare(sealed),
            kdf: "scrypt", kdfparams: { dklen: 32, ...NEW_COST, salt: bare(salt) }, mac: bare(keccak256(concat(derived.subarray(16), sealed))),
        },
    };
    keep([...stored(), { address, label: label.slice(0, 40), keystore }]);
    hold(address, secret);
    return { address, keystore: JSON.stringify(keystore, null, 2) + "\n" };
}

export async function unlock(address, passphrase, progress) {
    const entry = stored().find((one) => sameAddress(one.address, address));
    if (!entry) throw new KeyError("this browser does not keep that key");
    hold(address, await secretOf(readKeystore(JSON.stringify(entry.keystore)), passphrase, progress));
}

/* Signs 32 bytes with an opened key → 65 bytes; KeyError when it is locked. */
export async function signWith(address, digest) {
    const { sign } = await loadCrypto();
    const key = opened.get(address.toLowerCase());
    if (!key) throw new KeyError("the key is locked: open it with its passphrase");
    hold(address, key.secret);
    return sign(digest, key.secret);
}
