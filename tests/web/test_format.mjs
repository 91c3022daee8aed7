/* The numbers of the pages, without a browser. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const source = readFileSync(new URL("../../agents/web/pages/format.js", import.meta.url));
const { ago, centsOfMicro, centsOfNano, csv, fixed, integer, iso, kwhOfWh, plural, scaled, short, show, span, withUnit } = await import("data:text/javascript;base64," + source.toString("base64"));

const cases = {
    "digits stay, a minus is one, and zero has none": () => {
        assert.equal(fixed(420.9344, 2), "420.93");
        assert.equal(fixed(-54.9994, 3), "−54.999");
        assert.equal(fixed(-0.0004, 3), "0.000");
        assert.equal(fixed(1234, 0), "1234");
        assert.equal(fixed(12345.5, 1), "12\u202f345.5");
        assert.equal(integer("1234567"), "1\u202f234\u202f567");
    },
    "what is not known is a dash": () => {
        for (const value of [null, undefined, NaN, Infinity, "7"]) assert.equal(fixed(value, 2), "–");
        assert.equal(kwhOfWh(null), "–");
        assert.equal(scaled("1e3", 3), "–");
        assert.equal(ago(undefined, 0), "–");
        assert.equal(iso(null), "");
    },
    "units": () => {
        assert.equal(withUnit(7.371025, "lambda"), "7.3710\u00a0$/kWh");
        assert.equal(show(52.400941, "kw", 1), "52.4");
        assert.equal(plural(1, "board"), "1\u00a0board");
        assert.equal(plural(2, "board"), "2\u00a0boards");
    },
    "the ledger's integers are exact, beyond what a double holds": () => {
        assert.equal(kwhOfWh("1500"), "1.500");
        assert.equal(centsOfMicro("98200"), "9.82");
        assert.equal(centsOfMicro("98205"), "9.8205");
        assert.equal(centsOfNano("9007199254740993000"), "900\u202f719\u202f925\u202f474.0993");
        assert.equal(centsOfNano("-70000000"), "−7.00");
        assert.equal(scaled("0", 7), "0.00");
    },
    "how long": () => {
        assert.equal(span(4200), "4\u00a0s");
        assert.equal(span(600000), "10\u00a0min");
        assert.equal(span(3 * 86400000), "3\u00a0d");
        assert.equal(ago(1000, 3500), "2\u00a0s ago");
        assert.equal(short("0x0123456789abcdef0123"), "0x01234567…");
    },
    "CSV quotes what must be, and starts no formula": () => {
        assert.equal(csv(["a", "b"], [[1, 'say "so", twice'], [-2, "=1+1"], [null, "line\nline"]]), 'a,b\r\n1,"say ""so"", twice"\r\n-2,\'=1+1\r\n,"line\nline"\r\n');
    },
};

let failed = 0;
for (const [name, body] of Object.entries(cases)) {
    try {
        body();
        console.log(`ok - format: ${name}`);
    } catch (error) {
        failed++;
        console.log(`not ok - format: ${name}\n${error.stack}`);
    }
}
console.log(`${Object.keys(cases).length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
