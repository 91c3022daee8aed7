/* Numbers as people read them: every unit has its digits, so that a column's points stand under each other.
 * "–" stands for what is not known. */

const NONE = "–";
const THIN = "\u202f"; /* a thin space that does not break */
const known = (value) => typeof value === "number" && Number.isFinite(value);

/* fixed(1234.5, 1) → "1 234.5", with a real minus, and without one before zero. */
export function fixed(value, digits) {
    if (!known(value)) return NONE;
    const text = Math.abs(value).toFixed(digits);
    const [whole, part] = text.split(".");
    const grouped = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, THIN) : whole;
    return (value < 0 && Number(text) !== 0 ? "−" : "") + grouped + (part ? "." + part : "");
}

export const UNITS = {
    kw: { unit: "kW", digits: 2, long: "kilowatts" },
    mismatch: { unit: "kW", digits: 3, long: "kilowatts" },
    kwh: { unit: "kWh", digits: 3, long: "kilowatt hours" },
    lambda: { unit: "$/kWh", digits: 4, long: "dollars per kilowatt hour" },
    price: { unit: "cent/kWh", digits: 2, long: "cents per kilowatt hour" },
    money: { unit: "cent", digits: 2, long: "cents" },
    rate: { unit: "/s", digits: 1, long: "per second" },
    count: { unit: "", digits: 0, long: "" },
};

/* show(421.0337, "kw") → "421.03"; show(…, "kw", 1) with other digits. */
export const show = (value, kind, digits) => fixed(value, digits ?? UNITS[kind].digits);
/* "421.03 kW", with a space that does not break. */
export const withUnit = (value, kind, digits) => {
    const unit = UNITS[kind].unit;
    return unit ? show(value, kind, digits) + "\u00a0" + unit : show(value, kind, digits);
};

export const integer = (value) => fixed(typeof value === "string" ? Number(value) : value, 0);

/* The ledger's integers are decimal strings: µ$/kWh, Wh and nano-$ in people's units, exactly. */
export function scaled(text, places, least = 2) {
    if (text === null || text === undefined || !/^-?\d+$/.test(String(text))) return NONE;
    const negative = String(text).startsWith("-");
    const digits = String(text).replace("-", "").padStart(places + 1, "0");
    let part = digits.slice(-places).replace(/0+$/, "");
    part = part.padEnd(least, "0");
    const whole = digits.slice(0, -places).replace(/\B(?=(\d{3})+$)/g, digits.length - places > 4 ? THIN : "");
    return (negative && /[1-9]/.test(digits) ? "−" : "") + whole + (part ? "." + part : "");
}
export const kwhOfWh = (wh) => scaled(wh, 3, 3);
export const centsOfMicro = (micro) => scaled(micro, 4, 2); /* µ$/kWh → cent/kWh */
export const centsOfNano = (nano) => scaled(nano, 7, 2); /* nano-$ → cent */

const two = (n) => String(n).padStart(2, "0");
/* Local time, as on the wall: "02:13:45", with milliseconds when asked. */
export function clock(ms, fine = false) {
    if (!known(ms)) return NONE;
    const t = new Date(ms);
    const text = `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`;
    return fine ? `${text}.${String(t.getMilliseconds()).padStart(3, "0")}` : text;
}
export function date(ms) {
    if (!known(ms)) return NONE;
    const t = new Date(ms);
    return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())} ${clock(ms)}`;
}
export const iso = (ms) => (known(ms) ? new Date(ms).toISOString() : "");

/* "4 s", "3 min", "2 h", "5 d": how long. */
export function span(ms) {
    if (!known(ms)) return NONE;
    const s = Math.max(0, Math.floor(ms / 1000));
    if (s < 100) return `${s}\u00a0s`;
    if (s < 6000) return `${Math.floor(s / 60)}\u00a0min`;
    if (s < 172800) return `${Math.floor(s / 3600)}\u00a0h`;
    return `${Math.floor(s / 86400)}\u00a0d`;
}
export const ago = (ms, now) => (known(ms) ? `${span(now - ms)} ago` : NONE);
export const short = (hex, n = 8) => (typeof hex === "string" && hex.length > n + 4 ? hex.slice(0, n + 2) + "…" : hex || NONE);
export const plural = (n, one, many = one + "s") => `${integer(n)}\u00a0${n === 1 ? one : many}`;

/* A CSV as busbar writes it: names in the first line, quotes where they are needed. A cell that a spreadsheet would
 * take for a formula is led by an apostrophe. */
export function csv(columns, rows) {
    const cell = (value) => {
        let text = value === null || value === undefined ? "" : String(value);
        if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = "'" + text;
        return /[",\r\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
    };
    return [columns, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

/* Saves a text as a file of this name. */
export function save(name, text, type = "text/csv;charset=utf-8") {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
