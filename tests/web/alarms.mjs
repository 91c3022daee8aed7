/* Alarms: raised while one looks, acknowledged, shelved; the filter is in the address. */
import path from "node:path";
import { assert, giveToken, suite, until } from "./harness.mjs";

await suite("alarms", async ({ check, world, open, shots, saved }) => {
    const page = await open("/alarms");
    const row = (name) => page.locator("tr.alarm", { hasText: name });

    await check("without alarms it says so", async () => {
        await until("no alarms", async () => /No alarms|None of these/.test(await page.locator(".empty-title").innerText()));
    });

    await check("a killed board's alarm comes while one looks, and is counted in the way there", async () => {
        for (const name of ["L3", "DG2"]) world.kill("busbar-node", path.join(world.home, `boards/${name}.board`));
        const begin = Date.now();
        await until("both", async () => (await row("L3").count()) === 1 && (await row("DG2").count()) === 1, 8000);
        console.log(`# after ${Date.now() - begin} ms`);
        assert.match(await row("L3").innerText(), /active[^]*link-lost/);
        await until("the count", async () => Number(await page.locator(".pages .count").innerText().then((text) => text.match(/\d+/)[0])) >= 2, 4000);
    });

    await check("it is what the API says", async () => {
        const list = await world.api("alarms");
        const seen = await page.$$eval("tr.alarm", (rows) => rows.map((one) => [...one.children].slice(0, 3).map((cell) => cell.textContent.trim())));
        const wanted = list.filter((alarm) => ["active", "acknowledged"].includes(alarm.state)).map((alarm) => [alarm.state, alarm.name, alarm.alert]);
        assert.deepEqual(seen.sort(), wanted.sort());
    });

    await check("acknowledge asks for a token, then says who", async () => {
        await row("L3").getByRole("button", { name: "Acknowledge L3, link-lost" }).click();
        await giveToken(page, world.token);
        await until("acknowledged by tester", async () => /acknowledged[^]*by tester/.test(await row("L3").innerText()), 4000);
    });

    await check("shelve takes it out of sight, until then", async () => {
        await row("DG2").getByRole("button", { name: /^Shelve/ }).click();
        await page.getByRole("dialog").getByLabel(/Time/).fill("45");
        await page.getByRole("dialog").getByRole("button", { name: "Shelve" }).click();
        await until("gone", async () => (await row("DG2").count()) === 0, 4000);
        await page.getByRole("group", { name: "States" }).getByRole("button", { name: /Shelved/ }).click();
        await until("shown as shelved", async () => /shelved[^]*by tester, until/.test(await row("DG2").innerText()), 4000);
        const alarm = (await world.api("alarms")).find((one) => one.name === "DG2");
        assert.ok(Math.abs(alarm.until_ms - Date.now() - 45 * 60000) < 60000);
    });

    await check("the filter is in the address, and an address brings it back", async () => {
        assert.match(page.url(), /state=active,acknowledged,shelved/);
        await page.getByRole("searchbox").fill("dg2");
        await until("only DG2", async () => (await page.locator("tr.alarm").count()) === 1);
        const again = await open("/alarms" + new URL(page.url()).search);
        await until("the same", async () => (await again.locator("tr.alarm").count()) === 1);
        assert.equal(await again.getByRole("searchbox").inputValue(), "dg2");
        await again.context().close();
        await page.getByRole("searchbox").fill("");
    });

    await check("the CSV has them", async () => {
        const { name, text } = await saved(page, page.getByRole("button", { name: "CSV" }));
        assert.equal(name, "alarms.csv");
        assert.match(text, /^id,state,name,alert,text,since_utc,last_utc,count,by,until_utc,topic\r\n/);
        assert.match(text, /,shelved,DG2,link-lost,/);
    });

    await check("clean for axe, 360 pixels, in both themes; screenshots", () => shots("alarms", "/alarms?state=active,acknowledged,shelved,cleared", (one) => one.waitForSelector("tr.alarm")));
});
