/* The shell: every page is there, by mouse, keyboard and telephone; it knows when what it shows is old, and comes back by itself. */
import { assert, giveToken, sleep, suite, until } from "./harness.mjs";

const PAGES = { "/": "Overview", "/dispatch": "Dispatch", "/market": "Market", "/chain": "Chain", "/bus": "Bus", "/agents": "Agents", "/alarms": "Alarms" };

await suite("shell", async ({ check, world, open, axe, browser }) => {
    const badge = (page) => page.locator("#freshness").innerText();
    const live = (page, ms) => until("live", async () => /^Live/.test(await badge(page)), ms);

    await check("first paint within 1 s, at most 150 KB for the heaviest of the first pages", async () => {
        const page = await open("/dispatch");
        await page.waitForSelector(".uplot canvas");
        const { paint, bytes, files } = await page.evaluate(() => {
            const loaded = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].filter((one) => !one.name.includes("/api/"));
            return { paint: performance.getEntriesByName("first-contentful-paint")[0].startTime, bytes: loaded.reduce((sum, one) => sum + one.transferSize, 0), files: loaded.length };
        });
        console.log(`# first contentful paint after ${Math.round(paint)} ms; ${files} files, ${bytes} bytes`);
        assert.ok(paint <= 1000, `${paint} ms`);
        assert.ok(bytes <= 150 * 1024, `${bytes} bytes`);
        await page.context().close();
    });

    await check("every page is there, and one that is not says so", async () => {
        const page = await open("/");
        for (const [path, name] of Object.entries(PAGES)) {
            await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: new RegExp("^" + name) }).click();
            await until(name, async () => (await page.innerText("h1")) === name && new URL(page.url()).pathname === path);
            await until("its title", async () => (await page.title()) === name + " · Busbar", 2000);
            assert.equal(await page.locator("nav [aria-current=page]").count(), 1);
        }
        await page.goBack();
        await until("back", async () => (await page.innerText("h1")) === "Agents");
        assert.equal((await fetch(world.url + "/nowhere")).status, 404);
        await page.context().close();
    });

    await check("light, dark and system", async () => {
        const page = await open("/", { theme: "dark" });
        const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
        assert.equal(await theme(), "dark");
        await page.emulateMedia({ colorScheme: "light" });
        await until("it follows the system", async () => (await theme()) === "light");
        await page.getByRole("radio", { name: "Dark theme" }).check({ force: true });
        assert.equal(await theme(), "dark");
        await page.reload();
        await page.waitForSelector("h1");
        assert.equal(await theme(), "dark");
        await page.getByRole("radio", { name: "System theme" }).check({ force: true });
        assert.equal(await theme(), "light");
        await page.context().close();
    });

    await check("by keyboard alone: skip link, pages, a dialog that holds and returns the focus", async () => {
        const page = await open("/");
        await live(page);
        const focus = () => page.evaluate(() => document.activeElement.textContent.trim() || document.activeElement.getAttribute("aria-label") || document.activeElement.name);
        const tabTo = async (word, what = "*") => {
            for (let i = 0; i < 90; i++) {
                await page.keyboard.press("Tab");
                if ((await focus()).startsWith(word) && (await page.evaluate((selector) => document.activeElement.matches(selector), what))) return;
            }
            throw new Error(`Tab does not come to ${word}`);
        };
        await page.keyboard.press("Tab");
        assert.equal(await focus(), "Skip to the page");
        assert.ok(await page.locator(".skip").evaluate((link) => link.getBoundingClientRect().top >= 0));
        await page.keyboard.press("Enter");
        assert.equal(await page.evaluate(() => document.activeElement.id), "main");
        await page.keyboard.press("Shift+Tab");
        await page.evaluate(() => document.activeElement.blur());
        await page.goto(world.url + "/");
        await page.waitForSelector("main h1");
        await tabTo("Dispatch");
        const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
        assert.equal(outline, "solid");
        await page.keyboard.press("Enter");
        await until("the heading has the focus", async () => (await page.evaluate(() => document.activeElement.tagName)) === "H1");
        await page.waitForSelector(".bar-row");
        await tabTo("L2", ".bar-row");
        await page.keyboard.press("Space");
        await page.waitForURL(/board=L2/);
        await tabTo("Hold");
        await page.keyboard.press("Enter");
        await page.waitForSelector("dialog[open]");
        await axe(page, "the token dialog");
        assert.equal(await page.evaluate(() => document.activeElement.name), "token");
        for (let i = 0; i < 8; i++) {
            await page.keyboard.press("Tab");
            const inside = await page.evaluate(() => document.activeElement === document.body || document.activeElement.closest("dialog") !== null);
            assert.ok(inside, "the focus leaves the dialog");
        }
        await page.keyboard.press("Escape");
        await until("it is closed", async () => (await page.locator("dialog").count()) === 0);
        await until("the focus is back", async () => (await focus()) === "Hold", 2000);
        await page.context().close();
    });

    await check("360 pixels: no page is wider, the way to the others is at the thumb", async () => {
        const page = await open("/", { width: 360, height: 740 });
        for (const [path, name] of Object.entries(PAGES)) {
            await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: new RegExp("^" + name) }).click();
            await until(name, async () => (await page.innerText("h1")) === name);
            await sleep(150);
            const width = await page.evaluate(() => document.documentElement.scrollWidth);
            assert.ok(width <= 360, `${path}: ${width}`);
        }
        const box = await page.locator("nav.pages").boundingBox();
        assert.ok(box.y + box.height >= 739, "the pages' names are at the bottom");
        await page.context().close();
    });

    await check("who wants no motion gets none", async () => {
        const page = await open("/", { reducedMotion: "reduce" });
        const moving = await page.evaluate(() => document.getAnimations().length);
        assert.equal(moving, 0);
        await page.context().close();
    });

    await check("ten tabs at once, over one stream", async () => {
        const first = await open("/");
        const tabs = [first];
        for (const path of ["/dispatch", "/alarms", "/", "/dispatch", "/alarms", "/", "/dispatch", "/alarms", "/"]) tabs.push(await open(path, { context: first.context() }));
        for (const tab of tabs) await live(tab);
        const begin = Date.now();
        await tabs[9].evaluate(() => fetch("/api/v1/overview").then((answer) => answer.json()));
        assert.ok(Date.now() - begin < 1000, "the tenth tab waits for a connection");
        await until("one stream", async () => /^busbar_web_streams 1$/m.test(await fetch(world.url + "/metrics").then((answer) => answer.text())), 4000);
        await first.context().close();
    });

    await check("a browser without SharedWorker has a stream of its own", async () => {
        const context = await browser.newContext();
        await context.addInitScript(() => delete window.SharedWorker);
        const page = await open("/", { context });
        await live(page);
        await until("the numbers", async () => /All 16 boards agree/.test(await page.innerText("#verdict")));
        await context.close();
    });

    await check("what cannot be had is said, and is asked for again", async () => {
        const context = await browser.newContext();
        await context.route("**/api/v1/alarms", (route) => route.fulfill({ status: 503, contentType: "application/json", body: '{"error":{"code":"unreachable","text":"the bus is down"}}' }));
        const page = await open("/alarms", { context, expect: [/status of 503/] });
        await live(page); /* when the stream opens, everything is asked for anew */
        await sleep(300);
        await until("why not", async () => /Not there at the moment\s+the bus is down/.test(await page.innerText(".failure")));
        await context.unroute("**/api/v1/alarms");
        await page.getByRole("button", { name: "Try again" }).click();
        await until("there it is", async () => (await page.innerText(".empty-title")) === "No alarms");
        await context.close();
    });

    const failing = [/Failed to load resource/, /net::ERR/, /ERR_CONNECTION/];
    const page = await open("/", { expect: failing });
    const other = await open("/dispatch", { expect: failing });
    for (const one of [page, other]) {
        await live(one);
        await one.evaluate(() => (window.mark = "not loaded anew"));
    }
    const same = (one) => one.evaluate(() => window.mark === "not loaded anew");

    await check("busbard stops: both pages say stale within 3 s; it starts: they come back without a reload", async () => {
        const again = world.kill("busbard");
        const begin = Date.now();
        for (const one of [page, other]) await until("stale", async () => /^Stale: the bus is down/.test(await badge(one)), 3000);
        console.log(`# stale after ${Date.now() - begin} ms`);
        assert.match(await page.innerText("#verdict"), /What is shown is old: the bus is down/);
        again();
        for (const one of [page, other]) await live(one, 15000);
        await until("all boards again", async () => /All 16 boards agree/.test(await page.innerText("#verdict")), 20000);
        assert.ok((await same(page)) && (await same(other)));
    });

    await check("busbar-webd is killed: stale within 3 s, and counts the seconds; it starts anew: back without a reload", async () => {
        const again = world.killWeb();
        const begin = Date.now();
        for (const one of [page, other]) await until("stale", async () => /^Stale: no connection/.test(await badge(one)), 3000);
        console.log(`# stale after ${Date.now() - begin} ms`);
        await until("updated … ago", async () => /updated [34]\s*s ago/.test(await badge(page)), 4000);
        await again();
        for (const one of [page, other]) await live(one, 8000);
        await until("the numbers again", async () => /All 16 boards agree/.test(await page.innerText("#verdict")));
        assert.ok((await same(page)) && (await same(other)));
    });

    await check("a server that lets nobody look without a token is given one, and the stream a ticket", async () => {
        await world.killWeb()("--viewer", "token");
        const asked = await open("/", { expect: [/status of 401/] });
        await giveToken(asked, world.addToken("wall", "viewer"));
        await live(asked, 8000);
        await until("the numbers", async () => /All 16 boards agree/.test(await asked.innerText("#verdict")));
    });
});
