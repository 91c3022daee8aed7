/* Bus: topics, messages and peers are the broker's; a round of the consensus has sixteen lifelines and every board's broadcast. */
import { assert, sleep, suite, until } from "./harness.mjs";

await suite("bus", async ({ check, world, open, shots, saved }) => {
    const page = await open("/bus");

    await check("its topics are the API's, and the API's are the command line's", async () => {
        const fixed = (doc) => doc.topics.map(({ topic, sender, retained }) => ({ topic, sender, retained }));
        await until("all topics", async () => {
            const [api, cli] = await Promise.all([world.api("bus/topics"), world.cli("topic", "stats", "--json").then(JSON.parse)]);
            assert.deepEqual(fixed(api), fixed(cli));
            const seen = await page.$$eval("table.topics button.leaf", (list) => list.length);
            assert.equal(seen, api.topics.length);
            return true;
        });
        const folders = await page.$$eval("table.topics button.fold", (list) => list.map((one) => one.textContent.replace(/\s+/g, "")));
        assert.ok(folders.includes("▾Data/16") && folders.includes("▾consumer/10"), folders.join(" "));
    });

    await check("a folder folds, and the address holds it", async () => {
        const row = page.locator("button.leaf", { hasText: /^consumer10$/ });
        await page.locator("button.fold", { hasText: /^▾consumer/ }).click();
        await until("it is gone", async () => (await row.count()) === 0);
        assert.match(page.url(), /shut=Data\/consumer\//);
        await page.reload();
        await page.locator("button.fold", { hasText: /^▸consumer/ }).click();
        await row.waitFor();
    });

    await check("a topic shows its last message", async () => {
        await page.locator("button.leaf", { hasText: /^dg1$/ }).click();
        assert.match(page.url(), /topic=Data\/dg\/dg1/);
        const value = JSON.parse(await page.locator(".value pre").textContent());
        assert.equal(value.name, "DG1");
        assert.equal(value.board, 11);
    });

    await check("the sniffer shows what is published now, below its prefix only", async () => {
        await page.goto(world.url + "/bus?view=sniffer&filter=script/");
        await page.getByText("Listening").waitFor();
        await sleep(300);
        await world.cli("pub", "script/hello", '{"told":"by the command line"}');
        await world.cli("pub", "other/hello", '{"told":"elsewhere"}');
        await page.getByRole("button", { name: "script/hello" }).click();
        assert.deepEqual(JSON.parse(await page.locator(".value pre").textContent()), { told: "by the command line" });
        assert.equal(await page.locator(".sniffed tbody tr").count(), 1);
    });

    await check("it pauses, takes words, exports and clears", async () => {
        await page.goto(world.url + "/bus?view=sniffer&filter=Data/");
        await until("many", async () => (await page.locator(".sniffed tbody tr").count()) > 30);
        await page.getByRole("button", { name: "Pause" }).click();
        await sleep(400);
        const count = () => page.locator(".panel > header .note").first().textContent();
        const before = await count();
        await sleep(700);
        assert.equal(await count(), before);
        await page.getByLabel("with the words").fill('"name":"DG2"');
        await until("DG2's only", async () => (await page.$$eval(".sniffed tbody tr th", (list) => list.length > 0 && list.every((one) => one.textContent === "Data/dg/dg2"))));
        const file = await saved(page, page.getByRole("button", { name: "Export" }));
        assert.equal(file.name, "messages.jsonl");
        const lines = file.text.trim().split("\n").map(JSON.parse);
        assert.ok(lines.length > 0 && lines.every((line) => line.topic === "Data/dg/dg2" && JSON.parse(line.message).name === "DG2" && line.time_ms > 0));
        await page.getByRole("button", { name: "Clear" }).click();
        await page.getByText("Paused").waitFor();
    });

    await check("one round: sixteen lifelines, a broadcast of each, arrows to its neighbours", async () => {
        await page.goto(world.url + "/bus?view=sequence");
        await page.getByText(/\d+\sbroadcasts? in \d+ ms/).waitFor();
        assert.equal(await page.locator(".lane").count(), 16);
        const site = await world.api("dispatch/site");
        const said = await page.locator(".said").count();
        const heads = await page.$$eval(".said", (list) => list.map((one) => one.querySelectorAll(".arrow").length));
        assert.ok(said >= 16);
        assert.deepEqual([...new Set(heads)], [4], "every board of Table 1 has four neighbours");
        assert.equal(site.links.length, 32);
        await page.getByRole("button", { name: "Table" }).click();
        const names = await page.$$eval("tbody tr", (list) => list.map((row) => row.cells[1].textContent));
        assert.deepEqual([...new Set(names)].sort(), site.boards.map((board) => board.name).sort());
        const file = await saved(page, page.getByRole("button", { name: "CSV" }));
        assert.match(file.text, /^time_utc,board,k,lambda_usd_per_kwh,kw,to\r\n/);
    });

    await check("its peers are the command line's", async () => {
        await page.goto(world.url + "/bus?view=peers");
        const peers = JSON.parse(await world.cli("peers", "--json")).peers.map((one) => one.identity).filter((name) => !name.startsWith("cli."));
        await until("the same peers", async () => {
            const seen = await page.$$eval("tbody th", (list) => list.map((one) => one.textContent));
            for (const peer of peers) assert.ok(seen.includes(peer), peer);
            return true;
        });
    });

    await check("the tabs go by the arrow keys", async () => {
        await page.getByRole("tab", { name: "Peers" }).focus();
        await page.keyboard.press("ArrowRight");
        assert.equal(await page.getByRole("tab", { name: "Topics" }).getAttribute("aria-selected"), "true");
        assert.equal(await page.evaluate(() => document.activeElement.textContent), "Topics");
        await page.keyboard.press("ArrowLeft");
        assert.match(page.url(), /view=peers/);
    });

    await check("both themes, 360 pixels, axe: topics", async () => shots("bus", "/bus?topic=Data/dg/dg1", (one) => one.locator(".value pre").waitFor()));
    await check("both themes, 360 pixels, axe: sequence", async () => shots("bus-sequence", "/bus?view=sequence", (one) => one.getByText(/\d+\sbroadcasts? in \d+ ms/).waitFor()));
    await check("both themes, 360 pixels, axe: sniffer", async () => shots("bus-sniffer", "/bus?view=sniffer&filter=Data/", async (one) => {
        await one.locator(".sniffed tbody tr").first().waitFor();
        await one.getByRole("button", { name: "Pause" }).click();
        await one.locator(".sniffed button.leaf").first().click();
    }));
});
