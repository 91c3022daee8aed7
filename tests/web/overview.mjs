/* Overview: its numbers are the API's and the command line's; what it says changes with them. */
import { assert, suite, until } from "./harness.mjs";

const fixed = (value, digits) => value.toFixed(digits).replace("-", Number(value.toFixed(digits)) === 0 ? "" : "−");

await suite("overview", async ({ check, world, open, shots, saved }) => {
    const page = await open("/");

    await check("its numbers are the API's, and the API's are the command line's", async () => {
        await until("the same numbers on both", async () => {
            const o = await world.api("overview");
            const wanted = { generation: `${fixed(o.generation_kw, 2)} kW`, load: `${fixed(o.load_kw, 2)} kW`, mismatch: `${fixed(o.mismatch_kw, 3)} kW`, lambda: `${fixed(o.lambda, 4)} $/kWh`, price: `${fixed(o.price_cents_per_kwh, 2)} cent/kWh`, boards: `${o.boards_online} of ${o.boards}`, alarms: String(o.alarms) };
            const seen = await page.evaluate((names) => Object.fromEntries(names.map((name) => [name, document.getElementById(name).textContent.trim()])), Object.keys(wanted));
            assert.deepEqual(seen, wanted);
            return true;
        });
        const [o, shown] = await Promise.all([world.api("overview"), world.cli("dispatch", "show", "--json").then(JSON.parse)]);
        assert.equal(o.lambda, shown.lambda_min);
        assert.equal(o.generation_kw, shown.generation_kw);
        assert.equal(o.load_kw, shown.load_kw);
        const trades = JSON.parse(await world.cli("market", "trades", "--json"));
        assert.ok(trades.trades.length > 0);
    });

    await check("one sentence says that all boards agree", async () => {
        await until("the sentence", async () => /All 16 boards agree: generation meets load at λ\s=\s7\.371/.test(await page.textContent("#verdict")));
    });

    await check("every board has its power", async () => {
        const { boards } = await world.api("dispatch");
        await page.waitForSelector(".board");
        const seen = await page.$$eval(".board", (list) => list.map((one) => one.innerText.replace(/\s+/g, " ").trim()));
        assert.deepEqual(seen, boards.map((board) => `${board.name} ${board.kw.toFixed(1)} kW certified`));
    });

    await check("a demo is marked SIMULATED", async () => {
        assert.equal(await page.textContent(".simulated-chip"), "SIMULATED");
        assert.equal(await page.locator(".watermark").count(), 1);
    });

    await check("the chart has a table twin, which the address holds, and a CSV", async () => {
        await page.getByRole("button", { name: "Table of Generation and load" }).click();
        assert.match(page.url(), /[?&]power=table/);
        const cells = await until("rows", async () => {
            const row = await page.$$eval(".twin tbody tr:first-child > *", (list) => list.map((one) => one.textContent));
            return row.length === 3 && row;
        });
        assert.equal(cells[1], (await world.api("overview")).generation_kw.toFixed(2));
        const file = await saved(page, page.getByRole("button", { name: "CSV of Generation and load" }));
        assert.equal(file.name, "power.csv");
        const [head, first] = file.text.split("\r\n");
        assert.equal(head, "time_utc,generation_kw,load_kw");
        assert.match(first, /^\d{4}-\d\d-\d\dT[\d:.]+Z,420\.\d+,420\.\d+$/);
        await page.getByRole("button", { name: "Table of Generation and load" }).click();
        assert.ok(!page.url().includes("power="));
    });

    await check("a tab that opens later has the minutes before it", async () => {
        const later = await open("/?power=table", { context: page.context() });
        await until("rows from before", async () => (await later.locator(".twin tbody tr").count()) >= 2, 3000);
        await later.close();
    });

    await check("clean for axe, 360 pixels, in both themes; screenshots", () => shots("overview", "/", async (one) => {
        await one.waitForSelector(".board");
        await one.waitForSelector(".uplot canvas");
    }));

    await check("an override by the command line is seen, in word and number", async () => {
        await world.cli("dispatch", "override", "L1", "--kw", "10");
        await until("L1 in somebody's hand", async () => {
            const text = await page.locator(".board", { has: page.locator("b", { hasText: /^L1$/ }) }).innerText();
            return /10\.0\s*kW\s*override/.test(text);
        }, 4000);
        await world.cli("dispatch", "release", "all");
        await until("L1 follows again", async () => /certified/.test(await page.locator(".board", { has: page.locator("b", { hasText: /^L1$/ }) }).innerText()), 8000);
    });
});
