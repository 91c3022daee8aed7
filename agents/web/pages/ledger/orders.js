/* Orders made, signed and sent: with a key of this browser, or by an installed wallet. The server relays what was signed, unchanged. */
import { ApiError, api, linkState, post } from "/data.js";
import { crypto } from "/ledger/crypto.js";
import { signWith } from "/ledger/keys.js";
import { anchor } from "/ledger/trust.js";
import { hashing, hex, typedDataOf, wordsOf } from "/verify/format.mjs";

const DEADLINE_S = 300;
export const FILLS = [["all-or-nothing", 0], ["partial", 1], ["rest", 2]];

/* exact("9.82", 4, "price") → 98200n: decimals as they are written; an Error that says what does not fit. */
export function exact(text, places, what) {
    const match = /^\s*(\d{1,12})(?:\.(\d*))?\s*$/.exec(text);
    if (!match) throw new Error(`${what}: ${text.trim() || "nothing"} is not a number such as 1.5`);
    const part = (match[2] || "").replace(/0+$/, "");
    if (part.length > places) throw new Error(`${what}: ${text.trim()} has more than ${places} decimals`);
    return BigInt(match[1] + part.padEnd(places, "0"));
}
export const whOfKwh = (text) => exact(text, 3, "energy");
export const microOfCents = (text) => exact(text, 4, "price");

/* "2026-11-29T10:15" of a field, as seconds; empty: 0. */
export const secondsOf = (text) => (text ? BigInt(Math.floor(new Date(text).getTime() / 1000)) : 0n);

/* ---- an installed wallet ---- */

export const hasWallet = () => typeof globalThis.ethereum === "object" && typeof globalThis.ethereum.request === "function";
const ask = (method, params) => globalThis.ethereum.request({ method, params });

export async function walletAccount() {
    const [account] = await ask("eth_requestAccounts");
    return account || null;
}

/* A wallet signs only for the chain that it is on: Bit-Energy's is added to it, with this server's read-only /rpc. */
async function walletOnChain(trust) {
    const chainId = "0x" + trust.chainId.toString(16);
    if ((await ask("eth_chainId")) === chainId) return;
    try {
        await ask("wallet_switchEthereumChain", [{ chainId }]);
    } catch (error) {
        if (error.code !== 4902) throw error;
        const nativeCurrency = { name: "cent", symbol: "CENT", decimals: 18 };
        await ask("wallet_addEthereumChain", [{ chainId, chainName: "Bit-Energy", nativeCurrency, rpcUrls: [location.origin + "/rpc"] }]);
    }
}

/* ---- signing and sending ---- */

async function signatureOf(signer, type, message, trust) {
    if (signer.wallet) {
        await walletOnChain(trust);
        return ask("eth_signTypedData_v4", [signer.address, JSON.stringify(typedDataOf(type, message, trust))]);
    }
    const functions = await crypto();
    const digest = await hashing(functions).transactionId(await wordsOf(type, message, functions.keccak256), trust);
    return hex(await signWith(signer.address, digest));
}

async function attempt(signer, type, actor, members, nonce) {
    const { trust, changed } = await anchor();
    if (changed) throw new Error("the server shows another chain than the one this browser trusts: see the page Chain");
    const deadline = Math.floor(linkState().now_ms / 1000) + DEADLINE_S;
    const message = { [actor]: signer.address, nonce: String(nonce), deadline: String(deadline) };
    for (const [name, value] of Object.entries(members)) message[name] = String(value);
    const signature = await signatureOf(signer, type, message, trust);
    const answer = await post("ledger/submit", { transactions: [{ type, message, signature }] });
    return answer.results[0];
}

/* send({address, wallet}, "SellOrder", "seller", {energyWh: 1500n, …}) → the ledger's result; an Error with its sentence when it was
 * not taken at all. What the contract refused is a result: {verdict, text}. */
export async function send(signer, type, actor, members) {
    const { account } = await api("accounts/" + encodeURIComponent(signer.address));
    let result = await attempt(signer, type, actor, members, account.nonce);
    /* Somebody else has signed with the same key meanwhile. A wallet would have to ask its owner again. */
    if (result.refused && result.expected_nonce !== undefined && !signer.wallet && result.expected_nonce !== account.nonce)
        result = await attempt(signer, type, actor, members, result.expected_nonce);
    if (result.refused) throw new ApiError(422, result.refused, result.text);
    return result;
}

export const sell = (signer, { kwh, price, interval, expires }) =>
    send(signer, "SellOrder", "seller", { intervalStart: interval, energyWh: whOfKwh(kwh), priceMicroPerKWh: microOfCents(price), expires: secondsOf(expires) });
export const buy = (signer, { kwh, price, interval, expires, fill }) =>
    send(signer, "BuyOrder", "buyer", { intervalStart: interval, energyWh: whOfKwh(kwh), maxPriceMicroPerKWh: microOfCents(price), fill, expires: secondsOf(expires) });
export const change = (signer, order, { kwh, price }) =>
    send(signer, "UpdateOrder", "owner", { order, energyWh: whOfKwh(kwh), priceMicroPerKWh: microOfCents(price) });
export const cancel = (signer, order) => send(signer, "CancelOrder", "owner", { order });
