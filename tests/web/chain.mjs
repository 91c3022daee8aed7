/* Chain: what it shows is the API's; receipts and the chain are verified in the browser, and a lie of the server is seen at its height. */
import fs from "node:fs";
import path from "node:path";
import { assert, sleep, suite, until } from "./harness.mjs";

const said = (page, selector) => page.textContent(selector).then((one) => one.replace(/[\s\u202f\u00a0]+/g, " ").trim());

await suite("chain", async ({ check, world, open, shots, saved }) => {
    const page = await open("/chain");
    const status = await world.api("chain/status");

    await check("its numbers are the API's, and the API's are the command line's", async () => {
        for (const [name, ...words] of [["chain/blocks", "chain", "log"], ["chain/blocks/head", "chain", "block", "head"], ["chain/blocks/3", "chain", "block", "3"]])
            assert.deepEqual(await world.api(name), JSON.parse(await world.cli(...words, "--json")), name);
        await until("the height", async () => (await said(page, "#height")) === status.height);
        const { blocks } = await world.api("chain/blocks");
        await until("the rows", async () => {
            const rows = await page.$$eval("tbody tr", (list) => list.map((row) => [row.cells[0].textContent, row.cells[2].textContent, row.cells[3].querySelector("code").title]));
            assert.deepEqual(rows, blocks.map((block) => [block.height, block.count, block.hash]));
            return true;
        });
    });

    await check("the whole chain is verified in the browser", async () => {
        await page.getByRole("button", { name: "Verify", exact: true }).click();
        await until("the verdict", async () => (await said(page, "#chain-verdict")) === `All ${status.height} blocks are good: every hash, signature, seal and Merkle root`, 20000);
        assert.equal(await page.locator(".strip rect.good").count(), Number(status.height));
    });

    await check("a block and a transaction are in the address; each step of a receipt is told", async () => {
        const { trades } = await world.api("market/trades");
        const tx = await world.api("chain/transactions/" + trades[0].id);
        await page.goto(`${world.url}/chain?block=${tx.at.height}&tx=${tx.id}`);
        await page.getByText(`in block ${tx.at.height}`).first().waitFor();
        const shown = await said(page, "main");
        for (const value of [tx.id, tx.message.buyer, trades[0].seller_name]) assert.ok(shown.includes(value), value);
        await page.getByRole("button", { name: "Verify its receipt" }).click();
        await until("the receipt's verdict", async () => /^Proven: BuyOrder by 0x.* is transaction \d+ of \d+ in block/.test(await said(page, "#receipt-verdict")), 20000);
        const steps = await page.$$eval(".steps li", (list) => list.map((one) => [one.querySelector("code").textContent, one.className]));
        for (const step of ["genesis", "id", "signature", "transaction", "receipt", "seal", "sealer"]) assert.ok(steps.some(([name, kind]) => name === step && kind === "good"), step);
    });

    await check("a receipt saved here is good for the command line; one bit more and it is not, here or there", async () => {
        const file = path.join(world.home, "page.receipt");
        const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save", exact: true }).click()]);
        await download.saveAs(file);
        assert.match(await world.cli("chain", "verify-receipt", file), /The receipt holds/);
        const bytes = fs.readFileSync(file);
        bytes[200] ^= 4;
        fs.writeFileSync(file, bytes);
        await page.goto(world.url + "/chain");
        await until("the genesis is known", () => page.getByLabel("Receipt file").isEnabled());
        await page.getByLabel("Receipt file").setInputFiles(file);
        await until("the refusal", async () => (await said(page, "#receipt-verdict")).startsWith("Not proven: "), 20000);
        assert.equal(await page.locator(".steps li.bad").count(), 1);
        await assert.rejects(world.cli("chain", "verify-receipt", file));
    });

    /* The server lies about one block: a bit in each part of it. */
    for (const [what, at, words] of [["its previous hash", 12 + 3, /names? the one before it|block before/], ["its transactions", -10, /receipts|malformed|transactions/], ["its seal", 245 + 4 + 20, /seal/]])
        await check(`a bit of block 5 flipped (${what}): red at height 5`, async () => {
            const victim = await open("/chain");
            await victim.route("**/api/v1/chain/raw**", async (route) => {
                const response = await route.fetch();
                const body = await response.json();
                const first = Number(new URL(route.request().url()).searchParams.get("from"));
                const block = Buffer.from(body.blocks[5 - first].slice(2), "hex");
                block[at < 0 ? block.length + at : at] ^= 1;
                body.blocks[5 - first] = "0x" + block.toString("hex");
                await route.fulfill({ response, json: body });
            });
            await victim.getByRole("button", { name: "Verify", exact: true }).click();
            const verdict = await until("the verdict", async () => {
                const text = await said(victim, "#chain-verdict");
                return text.startsWith("Block 5: ") && text;
            }, 20000);
            assert.match(verdict, words);
            assert.equal(await victim.locator(".strip rect.good").count(), 4);
            assert.equal(await victim.locator(".strip rect.bad").count(), 1);
            assert.equal(await victim.locator(".steps li.bad").count(), 1);
            await victim.context().close();
        });

    await check("another genesis than the one known is said, in red", async () => {
        const deceived = await open("/chain");
        await deceived.getByText("the genesis that this browser knows", { exact: true }).waitFor();
        await deceived.route("**/api/v1/chain/genesis", async (route) => {
            const response = await route.fetch();
            const body = await response.json();
            body.genesis_bytes = body.genesis_bytes.replace(/.$/, (digit) => (digit === "0" ? "1" : "0"));
            await route.fulfill({ response, json: body });
        });
        await deceived.reload();
        await deceived.getByText("another genesis than this browser knows").waitFor();
        await deceived.getByRole("button", { name: "Verify", exact: true }).click();
        await until("block 1 does not follow", async () => (await said(deceived, "#chain-verdict")).startsWith("Block 1: "), 20000);
        await deceived.context().close();
    });

    await check("a block that is sealed now appears within a second", async () => {
        await page.goto(world.url + "/chain");
        await page.locator("tbody tr").first().waitFor();
        await world.cli("sell", "--kwh", "1", "--price", "9.9", "--key", "P1");
        const next = String(Number(status.height) + 1);
        await until("the new height", async () => (await said(page, "#height")) === next, 1000, 20);
        await until("its row", async () => (await page.locator("tbody tr").first().textContent()).startsWith(next), 1000, 20);
    });

    await check("a height and an id are found", async () => {
        await page.getByLabel("Block or transaction").fill("2");
        await page.getByRole("button", { name: "Find" }).click();
        await page.getByRole("heading", { name: "Block 2" }).waitFor();
        assert.match(page.url(), /block=2/);
        await page.getByLabel("Block or transaction").fill("nonsense");
        await page.getByRole("button", { name: "Find" }).click();
        await page.getByText("A height, or a transaction's id").waitFor();
        const file = await saved(page, page.getByRole("button", { name: "CSV", exact: true }));
        assert.match(file.text, /^height,time_utc,count,hash,sealer\r\n/);
    });

    await check("both themes, 360 pixels, axe", async () => shots("chain", `/chain?block=2`, async (one) => {
        await one.getByRole("button", { name: "Verify", exact: true }).click();
        await one.getByText("blocks are good").waitFor({ timeout: 20000 });
        await one.getByText("Previous").first().waitFor();
        await sleep(300);
    }));
});
