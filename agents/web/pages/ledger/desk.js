/* The order desk: which key signs, what is ordered, what became of it. */
import { centsOfMicro, centsOfNano, kwhOfWh, save, short } from "/format.js";
import { sameAddress } from "/ledger/crypto.js";
import { forget, importKey, keys, lock, newKey, onKeys, unlock } from "/ledger/keys.js";
import { FILLS, buy, cancel, change, hasWallet, microOfCents, sell, walletAccount, whOfKwh } from "/ledger/orders.js";
import { Dialog, Mark, Panel, Shape, notify } from "/ui.js";
import { html, useEffect, useReducer, useRef, useState } from "/view.js";

const CHOICE = "busbar-signer";

/* ---- who signs ---- */

function remembered() {
    try {
        return localStorage.getItem(CHOICE) || "";
    } catch {
        return "";
    }
}
function remember(address) {
    try {
        localStorage.setItem(CHOICE, address);
    } catch {
        /* storage is forbidden: chosen as long as the page lives */
    }
}

/* → [{address, label, wallet, open} or null, set(signer)] */
export function useSigner() {
    const [wallet, setWallet] = useState(null);
    const [choice, setChoice] = useState(remembered);
    const [, redraw] = useReducer((n) => n + 1, 0);
    useEffect(() => onKeys(redraw), []);
    const choose = (signer) => {
        setWallet(signer && signer.wallet ? signer : null);
        setChoice(signer ? signer.address : "");
        if (signer && !signer.wallet) remember(signer.address);
    };
    const key = wallet || keys().find((one) => sameAddress(one.address, choice)) || null;
    return [key && { ...key, wallet: Boolean(wallet) }, choose];
}

/* Whether the key can sign now; asks for its passphrase when it is locked. */
function useUnlock() {
    const [asking, setAsking] = useState(null);
    const ready = (signer) => new Promise((resolve) => {
        if (signer.wallet || signer.open) resolve(true);
        else setAsking({ signer, finish: (done) => (setAsking(null), resolve(done)) });
    });
    return [ready, asking && html`<${UnlockDialog} ...${asking} />`];
}

/* A form that takes a passphrase and works a while: run(values, progress) → closes; an error is shown. */
function KeyForm({ title, text, action, fields, file, repeat, run, finish }) {
    const [busy, setBusy] = useState(null);
    const [fault, setFault] = useState("");
    const submit = async (event) => {
        event.preventDefault();
        const form = event.target;
        setFault("");
        setBusy(0);
        try {
            if (repeat && form.passphrase.value !== form.again.value) throw new Error("the two passphrases differ");
            const text = file ? await form.keystore.files[0].text() : null;
            await run({ passphrase: form.passphrase.value, label: form.label ? form.label.value.trim() : "", text }, (part) => setBusy(part));
            finish(true);
        } catch (error) {
            setFault(error.message);
            setBusy(null);
        }
    };
    return html`<${Dialog} title=${title} onClose=${() => finish(false)}>
        <form onSubmit=${submit}>
            <p>${text}</p>
            ${file && html`<label class="field">Keystore file<input name="keystore" type="file" accept=".json,application/json" required /></label>`}
            ${fields && html`<label class="field">Name in this browser<input name="label" maxlength="40" required autocomplete="off" /></label>`}
            <label class="field">Passphrase<input name="passphrase" type="password" autocomplete="off" required autofocus=${!file} minlength=${repeat ? 8 : undefined} /></label>
            ${repeat && html`<label class="field">The same again<input name="again" type="password" autocomplete="off" required /></label>`}
            <div aria-live="polite">${fault && html`<p class="form-error" role="alert"><${Shape} kind="bad" /> ${fault}</p>`}
                ${busy !== null && html`<progress value=${busy || undefined} max="1" aria-label="deriving the key"></progress>`}</div>
            <div class="buttons"><button type="button" onClick=${() => finish(false)}>Cancel</button><button class="primary" disabled=${busy !== null}>${action}</button></div>
        </form>
    <//>`;
}

const UnlockDialog = ({ signer, finish }) => html`<${KeyForm} title="Open the key" action="Open" text=${`${signer.label} stays open in this tab, until it has not signed for 15 minutes.`}
    run=${({ passphrase }, progress) => unlock(signer.address, passphrase, progress)} finish=${finish} />`;

function AddKey({ finish, choose }) {
    const [how, setHow] = useState("choose");
    const [connecting, setConnecting] = useState("");
    const take = (address, label) => choose({ address, label, wallet: false });
    if (how === "import")
        return html`<${KeyForm} title="Take in a key" action="Take in" file fields finish=${finish}
            text="A keystore of busbar key export or of any Ethereum wallet. It stays in this browser, sealed by its passphrase."
            run=${async ({ text, passphrase, label }, progress) => take(await importKey(text, passphrase, label, progress), label)} />`;
    if (how === "new")
        return html`<${KeyForm} title="Make a key" action="Make and save" fields repeat finish=${finish}
            text="It is made here and stays in this browser; its sealed copy is saved as a file: without one of the two and the passphrase it is lost."
            run=${async ({ passphrase, label }, progress) => {
                const { address, keystore } = await newKey(passphrase, label, progress);
                save(`${label || "key"}.json`, keystore, "application/json");
                take(address, label);
            }} />`;
    const connect = async () => {
        try {
            const address = await walletAccount();
            if (address) choose({ address, label: "installed wallet", wallet: true });
            finish(Boolean(address));
        } catch (error) {
            setConnecting(error.message || "the wallet refused");
        }
    };
    return html`<${Dialog} title="A key to trade with" onClose=${() => finish(false)}>
        <p>Orders are signed here; the server sees the signature, never the key.</p>
        <div class="buttons"><button type="button" onClick=${() => setHow("import")}>Take in a keystore …</button><button type="button" onClick=${() => setHow("new")}>Make a new key …</button>
            ${hasWallet() && html`<button type="button" class="primary" onClick=${connect}>Use the installed wallet</button>`}</div>
        ${connecting && html`<p class="form-error" role="alert"><${Shape} kind="bad" /> ${connecting}</p>`}
    <//>`;
}

function Signer({ signer, setSigner, account }) {
    const [adding, setAdding] = useState(false);
    const list = keys();
    return html`<div class="signer">
        ${(list.length > 0 || signer) && html`<label class="row note">Key <select class="small" name="signer" value=${signer ? signer.address : ""} onChange=${(event) => setSigner(list.find((one) => one.address === event.target.value) || null)}>
            <option value="">none</option>
            ${signer && signer.wallet && html`<option value=${signer.address}>installed wallet ${short(signer.address)}</option>`}
            ${list.map((one) => html`<option key=${one.address} value=${one.address}>${one.label || "key"} ${short(one.address)}</option>`)}
        </select></label>`}
        <button type="button" class="small" onClick=${() => setAdding(true)}>Add a key …</button>
        ${signer && !signer.wallet && html`<button type="button" class="small" disabled=${!signer.open} onClick=${() => lock(signer.address)}>${signer.open ? "Lock" : "Locked"}</button>
            <button type="button" class="small danger" onClick=${() => (forget(signer.address), setSigner(null))}>Forget</button>`}
        ${signer && account && html`<span class="note" id="signer-account"><b>${account.name}</b>: ${centsOfNano(account.money)} cent, ${kwhOfWh(account.energy)} kWh</span>`}
        ${signer && account === null && html`<span class="note"><${Mark} kind="warn">no account<//> The operator admits it: <code>busbar account admit NAME ${signer.address}</code></span>`}
        ${adding && html`<${AddKey} choose=${setSigner} finish=${() => setAdding(false)} />`}
    </div>`;
}

/* ---- what is ordered ---- */

function resultText(result, words) {
    if (result.verdict !== "ok") return ["bad", `Refused: ${result.text} (${result.verdict}).`];
    const traded = result.trades.reduce((sum, trade) => sum + BigInt(trade.energy), 0n);
    if (traded > 0n) return ["good", `Traded ${kwhOfWh(traded)} kWh in block ${result.height}.`];
    return ["good", `${words} in block ${result.height}.`];
}

/* useDesk(): {order, selling, open(order, selling), close}: an order of one's own that is changed, or none. */
export function useDesk() {
    const [held, setHeld] = useState(null);
    return { order: held && held.order, selling: held && held.selling, open: (order, selling) => setHeld({ order, selling }), close: () => setHeld(null) };
}

const sumText = (kwh, price) => {
    try {
        return `${centsOfNano(whOfKwh(kwh) * microOfCents(price))} cent`;
    } catch {
        return "–";
    }
};

function Fields({ form, set, selling, bare }) {
    const field = (name, label, unit, more) => html`<label class="field"><span>${label} <span class="unit">${unit}</span></span><input name=${name} inputmode="decimal" autocomplete="off" required value=${form[name]} onInput=${(event) => set({ [name]: event.target.value })} ...${more} /></label>`;
    return html`<div class="pair">${field("kwh", "Energy", "kWh")}${field("price", selling ? "Price" : "Price at most", "cent/kWh")}</div>
        ${!bare && html`<div class="pair">
            ${!selling && html`<label class="field">If not all is there<select name="fill" value=${form.fill} onChange=${(event) => set({ fill: Number(event.target.value) })}>${FILLS.map(([word, value]) => html`<option key=${value} value=${value}>${word}</option>`)}</select></label>`}
            <label class="field">Expires<input name="expires" type="datetime-local" value=${form.expires} onInput=${(event) => set({ expires: event.target.value })} /></label>
        </div>`}
        <p class="sum"><span>${selling ? "It brings" : "It costs at most"}</span><b>${sumText(form.kwh, form.price)}</b></p>`;
}

export function OrderDesk({ desk, signer, setSigner, interval, accounts, done }) {
    const [form, setForm] = useState({ selling: true, kwh: "", price: "", fill: 0, expires: "" });
    const [busy, setBusy] = useState(false);
    const [result, setResult] = useState(null);
    const [ready, unlockDialog] = useUnlock();
    const set = (part) => setForm((old) => ({ ...old, ...part }));
    const edited = desk.order;
    const held = useRef(null);
    useEffect(() => {
        if (edited) set({ kwh: String(Number(edited.energy) / 1000), price: String(Number(edited.price) / 10000) });
        if (edited) held.current.scrollIntoView({ block: "nearest" });
        setResult(null);
    }, [edited]);
    const account = !signer || !accounts ? undefined : accounts.accounts.find((one) => sameAddress(one.address, signer.address)) || null;
    const selling = edited ? desk.selling : form.selling;
    const run = async (work, words) => {
        setResult(null);
        if (!(await ready(signer))) return;
        setBusy(true);
        try {
            const told = resultText(await work(), words);
            setResult(told);
            if (told[0] === "good") {
                notify(told[1]);
                desk.close();
                set({ kwh: "", price: "" });
            }
            done();
        } catch (error) {
            setResult(["bad", error.message || "the wallet refused"]);
        } finally {
            setBusy(false);
        }
    };
    const submit = (event) => {
        event.preventDefault();
        if (!signer) return setResult(["bad", "Choose a key that signs, first."]);
        const values = { ...form, interval };
        if (edited) return run(() => change(signer, edited.order, values), "Changed");
        return run(() => (selling ? sell(signer, values) : buy(signer, values)), selling ? "Posted" : "Bid");
    };
    return html`<${Panel} title=${edited ? `Change order ${edited.order}` : "Your order"} class="desk" note="signed in this browser">
        <${Signer} signer=${signer} setSigner=${setSigner} account=${account} />
        <form onSubmit=${submit} ref=${held}>
            ${!edited && html`<div class="sides" role="group" aria-label="What to do">
                <button type="button" aria-pressed=${selling} onClick=${() => set({ selling: true })}>Sell</button><button type="button" aria-pressed=${!selling} onClick=${() => set({ selling: false })}>Buy</button></div>`}
            ${(!edited || selling) && html`<${Fields} form=${form} set=${set} selling=${selling} bare=${Boolean(edited)} />`}
            ${edited && !selling && html`<p>A bid of ${kwhOfWh(edited.energy)} kWh at ${centsOfMicro(edited.price)} cent/kWh: it can be withdrawn.</p>`}
            <div class="buttons">
                ${edited && html`<button type="button" onClick=${desk.close}>Leave it</button><button type="button" class="danger" disabled=${busy} onClick=${() => run(() => cancel(signer, edited.order), "Withdrawn")}>Withdraw</button>`}
                ${(!edited || selling) && html`<button class="primary ${selling ? "sell" : "buy"}" disabled=${busy}>${busy ? "Signing …" : edited ? "Sign the change" : selling ? "Sign and sell" : "Sign and buy"}</button>`}
            </div>
        </form>
        <div class="result ${result ? result[0] : ""}" role="status" id="order-result">${result ? html`<${Mark} kind=${result[0]}>${result[1]}<//>` : html`<span class="note">What becomes of the order stands here.</span>`}</div>
        ${unlockDialog}
    <//>`;
}
