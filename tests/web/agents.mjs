/* Agents: the list is the command line's; started, stopped and restarted with a token; the log as it comes; the boards as machines. */
import fs from "node:fs";
import path from "node:path";
import { assert, giveToken, suite, until } from "./harness.mjs";

const TALK = `#!/bin/sh
n=0
while :; do n=$((n + 1)); echo "line $n"; [ $((n % 5)) = 0 ] && echo "complaint $n" >&2; sleep 0.3; done
`;

/* A small agent, packed, signed and installed as a user does it. */
async function install(world, name) {
    const folder = path.join(world.home, "talker"), bundle = path.join(world.home, "talker.agent");
    fs.mkdirSync(folder);
    fs.writeFileSync(path.join(folder, "talk"), TALK, { mode: 0o755 });
    fs.writeFileSync(path.join(folder, "manifest.json"), JSON.stringify({ version: 1, release: "1.0.0", name, command: ["./talk"] }));
    await world.cli("agent", "pack", folder, "--output", bundle);
    await world.cli("agent", "sign", bundle, "--key", "P1");
    await world.cli("agent", "signers", "add", "P1");
    await world.cli("agent", "install", bundle, "--enable", "--yes");
}

await suite("agents", async ({ check, world, open, shots, saved }) => {
    await check("without busbar-agentd it says how to have it", async () => {
        const early = await open("/agents");
        await early.getByText("busbar-agentd is not on the bus").waitFor();
        await early.context().close();
    });

    const page = await open("/agents", { expect: [/status of 401/] }); /* a wrong token is refused below, and the console says so */

    await check("an agent that is installed appears, and is the command line's", async () => {
        world.run([path.join(path.resolve(process.env.BUSBAR_BIN || "build/release/bin"), "busbar-agentd"), "--home", world.home]);
        await until("busbar-agentd answers", () => world.api("agents"));
        await install(world, "talker");
        await page.getByRole("link", { name: "talker" }).waitFor();
        const [api, cli] = await Promise.all([world.api("agents"), world.cli("agent", "list", "--json").then(JSON.parse)]);
        assert.deepEqual(api, cli);
        const row = await page.$eval("tbody tr", (one) => [...one.cells].map((cell) => cell.textContent));
        assert.deepEqual([row[0], row[1], row[3]], ["talker", "running", "0"]);
    });

    await check("its log comes as it is printed", async () => {
        await page.getByRole("link", { name: "talker" }).click();
        assert.match(page.url(), /agent=talker/);
        await until("lines", async () => (await page.locator(".log p").count()) > 3);
        const newest = Number((await page.locator(".log p.out span").last().textContent()).split(" ")[1]);
        await until("the next line", async () => Number((await page.locator(".log p.out span").last().textContent()).split(" ")[1]) > newest, 2000);
        await page.locator(".log p.err").first().waitFor();
        await until("no line is missing, none comes twice", async () => {
            const numbers = await page.$$eval(".log p.out span", (list) => list.map((one) => Number(one.textContent.split(" ")[1])));
            assert.deepEqual(numbers, numbers.map((n, i) => numbers[0] + i));
            return true;
        }, 3000);
        const file = await saved(page, page.getByRole("button", { name: "Save" }));
        assert.equal(file.name, "talker.log");
        assert.match(file.text, /Z out line \d+\n/);
    });

    await check("it is stopped with a token, and only with one", async () => {
        const stop = page.getByRole("button", { name: "Stop talker" }).first();
        await stop.click();
        await page.getByRole("button", { name: "Stop it" }).click();
        await giveToken(page, "bbw_" + "A".repeat(43));
        await page.getByRole("dialog", { name: "Operator token" }).getByRole("alert").waitFor();
        assert.equal((await world.api("agents")).agents[0].state, "running");
        await giveToken(page, world.token);
        await until("it is stopped", async () => (await world.api("agents")).agents[0].state === "stopped");
        await until("the page says so", async () => (await page.$eval("tbody tr", (one) => one.cells[1].textContent)) === "stopped", 1500);
    });

    await check("it is started and restarted", async () => {
        await page.getByRole("button", { name: "Start talker" }).first().click();
        await until("it runs", async () => (await world.api("agents")).agents[0].state === "running");
        const { pid } = (await world.api("agents")).agents[0];
        await page.getByRole("button", { name: "Restart talker" }).first().click();
        await page.getByRole("button", { name: "Restart it" }).click();
        await until("another process", async () => {
            const [now] = (await world.api("agents")).agents;
            return now.state === "running" && now.pid !== pid;
        });
    });

    await check("one that dies is shown with its end", async () => {
        const { pid } = (await world.api("agents")).agents[0];
        process.kill(pid, "SIGKILL");
        await until("the restart", async () => {
            const row = await page.$eval("tbody tr", (one) => [...one.cells].map((cell) => cell.textContent));
            return row[1] === "running" && row[3] === "1" && row[7] === "signal 9";
        });
    });

    await check("the boards are those of busbar node list", async () => {
        const fixed = (doc) => doc.nodes.map(({ uptime_s, ...one }) => one);
        const [api, cli] = await Promise.all([world.api("nodes"), world.cli("node", "list", "--json").then(JSON.parse)]);
        assert.deepEqual(fixed(api), fixed(cli));
        const rows = await page.$$eval("table", (tables) => [...tables.find((one) => one.caption?.textContent === "List of boards").tBodies[0].rows].map((row) => [row.cells[0].textContent, row.cells[1].textContent, row.cells[2].textContent]));
        assert.deepEqual(rows, api.nodes.map((node) => [node.name, "online", node.firmware]));
    });

    await check("both themes, 360 pixels, axe", async () => shots("agents", "/agents?agent=talker", (one) => one.locator(".log p").first().waitFor()));
});
