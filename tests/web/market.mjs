/* Market: what it shows is the API's and the command line's; orders are signed in the browser, by a key that stays there or by a wallet. */
import fs from "node:fs";
import path from "node:path";
import { assert, sleep, suite, until } from "./harness.mjs";

const text = (page, selector) => page.textContent(selector).then((said) => said.replace(/[\s\u202f\u00a0]+/g, " ").trim());
const cents = (micro) => (Number(micro) / 10000).toFixed(2);
const kwh = (wh) => (Number(wh) / 1000).toFixed(3);

async function takeKey(page, world, name) {
    await page.getByRole("button", { name: "Add a key …" }).click();
    await page.getByRole("button", { name: "Take in a keystore …" }).click();
    const dialog = page.getByRole("dialog", { name: "Take in a key" });
    await dialog.getByLabel("Keystore file").setInputFiles(path.join(world.home, "wallet", `${name}.json`));
    await dialog.getByLabel("Name in this browser").fill(name);
    await dialog.getByLabel("Passphrase").fill(fs.readFileSync(path.join(world.home, "wallet/passphrase"), "utf8").split("\n")[0]);
    await dialog.getByRole("button", { name: "Take in" }).click();
    await until(`${name}'s account is shown`, async () => (await text(page, "#signer-account")).startsWith(name + ":"), 20000);
}

async function order(page, side, energy, price) {
    await page.getByRole("button", { name: side, exact: true }).click();
    await page.getByLabel("Energy kWh").fill(energy);
    await page.locator("[name=price]").fill(price);
    await page.getByRole("button", { name: `Sign and ${side.toLowerCase()}` }).click();
    return until("the order's result", async () => {
        const said = await text(page, "#order-result");
        return !said.startsWith("What becomes") && said;
    });
}

await suite("market", async ({ check, world, open, shots, saved }) => {
    const page = await open("/market");

    await check("one offer alone is seen in the depth", async () => {
        await world.cli("sell", "--kwh", "2", "--price", "9.5", "--key", "P1");
        const drawn = () => page.locator("section", { hasText: "energy up to each price" }).locator("canvas").evaluate((canvas) => {
            const pen = document.createElement("canvas").getContext("2d");
            pen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--c2").trim();
            pen.fillRect(0, 0, 1, 1);
            const [r, g, b] = pen.getImageData(0, 0, 1, 1).data;
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            let count = 0;
            for (let i = 0; i < data.length; i += 4) count += data[i] === r && data[i + 1] === g && data[i + 2] === b && data[i + 3] === 255;
            return count;
        });
        await until("the offer's dot", async () => (await drawn()) > 8);
    });

    await check("its numbers are the API's, and the API's are the command line's", async () => {
        await world.cli("sell", "--kwh", "3", "--price", "9.82", "--key", "P2");
        await world.cli("buy", "--kwh", "4", "--max-price", "9.2", "--fill", "rest", "--key", "C1");
        const ask = async (name, ...words) => {
            const [api, cli] = await Promise.all([world.api(name), world.cli(...words, "--json").then(JSON.parse)]);
            assert.deepEqual(api, cli, name);
            return api;
        };
        const book = await ask("market/book?depth=20", "market", "book");
        const trades = await ask("market/trades?count=50", "market", "trades");
        const accounts = await ask("accounts", "account", "list");
        await ask("market/policy", "market", "policy");
        await ask("accounts/P1", "account", "show", "P1");
        await until("the page has the book", async () => (await text(page, "#best-bid")) === `${cents(book.bids[0].price)} cent/kWh`);
        assert.equal(await text(page, "#best-ask"), `${cents(book.posts[0].price)} cent/kWh`);
        await until("the last price", async () => (await text(page, "#last-price")) === `${cents(trades.trades[0].price)} cent/kWh`);
        const rows = (side) => page.$$eval(`.book-side.${side} tbody tr`, (list) => list.map((row) => [...row.children].map((cell) => cell.textContent.trim())));
        let sum = 0;
        assert.deepEqual(await rows("sell"), book.posts.map((post) => [cents(post.price), kwh(post.energy), kwh((sum += Number(post.energy))), post.name]));
        const told = await page.$$eval("table", (tables) => [...tables.find((one) => one.caption?.textContent === "List of accounts").tBodies[0].rows].map((row) => [row.cells[0].textContent, row.cells[2].textContent, row.cells[4].textContent]));
        assert.deepEqual(told, accounts.accounts.map((a) => [a.name, (Number(a.money) / 1e7).toFixed(2), kwh(a.energy)]));
    });

    await check("a trade of the command line is visible within a second", async () => {
        const before = (await world.api("market/trades")).trades.length;
        await world.cli("buy", "--kwh", "0.123", "--max-price", "10", "--key", "C1");
        await until("the trade", async () => (await page.locator("td", { hasText: /^0\.123$/ }).count()) > 0, 1000, 20);
        assert.equal((await world.api("market/trades")).trades.length, before + 1);
    });

    await check("a key is taken in, stays sealed in this browser, and signs a sale", async () => {
        await takeKey(page, world, "P3");
        const said = await order(page, "Sell", "1.5", "9.4");
        assert.match(said, /^Posted in block \d+\.$/);
        const { posts } = await world.api("market/book");
        assert.deepEqual([posts[0].name, posts[0].energy, posts[0].price], ["P3", "1500", "94000"]);
        const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
        const key = JSON.parse(fs.readFileSync(path.join(world.home, "wallet/P3.json"), "utf8"));
        assert.ok(kept.includes((key.crypto || key.Crypto).ciphertext));
        const secret = (await world.cli("key", "export", "P3", "--secret")).trim().replace(/^0x/, "");
        assert.match(secret, /^[0-9a-f]{64}$/);
        assert.ok(!kept.includes(secret), "the bare key is in the browser's storage");
    });

    await check("one's own order is changed and withdrawn", async () => {
        await page.getByRole("button", { name: "yours …" }).first().click();
        await page.locator("[name=price]").fill("9.45");
        await page.getByRole("button", { name: "Sign the change" }).click();
        await until("the change", async () => (await world.api("market/book")).posts[0].price === "94500");
        await page.getByRole("button", { name: "yours …" }).first().click();
        await page.getByRole("button", { name: "Withdraw" }).click();
        await until("the withdrawal", async () => (await world.api("market/book")).posts.every((post) => post.name !== "P3"));
    });

    await check("what cannot be is refused, in words, and nothing is signed", async () => {
        const height = (await world.api("chain/status")).height;
        assert.match(await order(page, "Sell", "1.2345", "9"), /energy: 1\.2345 has more than 3 decimals/);
        assert.match(await order(page, "Sell", "one", "9"), /energy: one is not a number/);
        assert.equal((await world.api("chain/status")).height, height);
        assert.match(await order(page, "Sell", "100000", "9"), /^Refused: .+ \([a-z-]+\)\.$/);
    });

    await check("a locked key asks for its passphrase, and takes no other", async () => {
        await page.getByRole("button", { name: "Lock", exact: true }).click();
        await page.getByRole("button", { name: "Buy", exact: true }).click();
        await page.getByLabel("Energy kWh").fill("0.5");
        await page.locator("[name=price]").fill("10");
        await page.getByRole("button", { name: "Sign and buy" }).click();
        const dialog = page.getByRole("dialog", { name: "Open the key" });
        await dialog.getByLabel("Passphrase").fill("wrong");
        await dialog.getByRole("button", { name: "Open" }).click();
        await dialog.getByText("that is not its passphrase").waitFor();
        await dialog.getByLabel("Passphrase").fill(fs.readFileSync(path.join(world.home, "wallet/passphrase"), "utf8").split("\n")[0]);
        await dialog.getByRole("button", { name: "Open" }).click();
        await until("the purchase", async () => /^Traded 0\.500 kWh in block \d+\.$/.test(await text(page, "#order-result")), 20000);
    });

    await check("an installed wallet signs: its chain is added, its signature is the ledger's", async () => {
        const { secp256k1, keccak256, hashing, hex, wordsOf, trustOfGenesis, unhex, sha256 } = await noble(world);
        const secret = unhex("0x" + (await world.cli("key", "export", "P2", "--secret")).trim().replace(/^0x/, ""));
        const { account } = await world.api("accounts/P2");
        const trust = await trustOfGenesis(unhex((await world.api("chain/genesis")).genesis_bytes), sha256);
        const other = await open("/market");
        await other.exposeFunction("signInWallet", async (json) => {
            const { primaryType, message, domain } = JSON.parse(json);
            assert.equal(domain.salt, hex(trust.genesis));
            const digest = await hashing({ sha256, keccak256 }).transactionId(await wordsOf(primaryType, message, keccak256), trust);
            const signature = secp256k1.sign(digest, secret, { lowS: true });
            return hex(Uint8Array.of(...signature.toCompactRawBytes(), 27 + signature.recovery));
        });
        await other.addInitScript((address) => {
            let chain = "0x1";
            globalThis.asked = [];
            globalThis.ethereum = {
                async request({ method, params }) {
                    globalThis.asked.push(method);
                    if (method === "eth_requestAccounts") return [address];
                    if (method === "eth_chainId") return chain;
                    if (method === "wallet_switchEthereumChain") throw Object.assign(new Error("unknown chain"), { code: 4902 });
                    if (method === "wallet_addEthereumChain") return void (chain = params[0].chainId);
                    return globalThis.signInWallet(params[1]);
                },
            };
        }, account.address);
        await other.goto(world.url + "/market");
        await other.getByRole("button", { name: "Add a key …" }).click();
        await other.getByRole("button", { name: "Use the installed wallet" }).click();
        await until("the wallet's account", async () => (await text(other, "#signer-account")).startsWith("P2:"));
        assert.match(await order(other, "Sell", "0.25", "9.99"), /^Posted in block \d+\.$/);
        assert.deepEqual(await other.evaluate(() => globalThis.asked), ["eth_requestAccounts", "eth_chainId", "wallet_switchEthereumChain", "wallet_addEthereumChain", "eth_signTypedData_v4"]);
        assert.ok((await world.api("market/book")).posts.some((post) => post.name === "P2" && post.price === "99900"));
        await other.context().close();
    });

    await check("a new key is made here, saved sealed, and has no account yet", async () => {
        await page.getByRole("button", { name: "Add a key …" }).click();
        await page.getByRole("button", { name: "Make a new key …" }).click();
        const dialog = page.getByRole("dialog", { name: "Make a key" });
        await dialog.getByLabel("Name in this browser").fill("roof");
        await dialog.getByLabel("Passphrase").fill("a long passphrase");
        await dialog.getByLabel("The same again").fill("a long passphrase");
        const file = await saved(page, dialog.getByRole("button", { name: "Make and save" }));
        assert.equal(file.name, "roof.json");
        const keystore = path.join(world.home, "roof.json");
        fs.writeFileSync(keystore, file.text);
        fs.writeFileSync(path.join(world.home, "roof.passphrase"), "a long passphrase\n");
        const taken = JSON.parse(await world.cli("key", "import", "roof", keystore, "--passphrase-file", path.join(world.home, "roof.passphrase"), "--json"));
        assert.equal(taken.address.toLowerCase(), "0x" + JSON.parse(file.text).address);
        await page.getByText(`busbar account admit NAME ${taken.address}`).waitFor();
        await page.getByRole("button", { name: "Forget" }).click();
        await until("it is forgotten", async () => !(await page.evaluate(() => localStorage.getItem("busbar-keys"))).includes(taken.address));
    });

    await check("trades and depth have a table twin and a CSV", async () => {
        const file = await saved(page, page.getByRole("button", { name: "CSV of Prices" }));
        assert.match(file.text, /^time_utc,price_cent_per_kwh\r\n\d{4}-.*Z,\d/);
        await page.getByRole("button", { name: "Table of Depth" }).click();
        assert.match(page.url(), /depth=table/);
        await page.locator(".twin tbody tr").first().waitFor();
        await page.getByRole("button", { name: "Table of Depth" }).click();
    });

    await check("the account is in the address, with its statement", async () => {
        await page.getByRole("link", { name: "C1", exact: true }).click();
        assert.match(page.url(), /account=C1/);
        const { entries } = await world.api("accounts/C1/statement?count=50");
        await until("the statement", async () => (await page.locator("section", { hasText: "Statement of C1" }).locator("tbody tr").count()) === Math.min(25, entries.length));
    });

    await check("both themes, 360 pixels, axe", async () => shots("market", "/market?account=P1", (one) => one.getByText("Statement of P1").waitFor().then(() => sleep(300))));
});

/* What signs for the fake wallet: the libraries that the pages use, and the verifiers beside them. */
async function noble() {
    const { ROOT } = await import("./harness.mjs");
    const { createRequire } = await import("node:module");
    const { pathToFileURL } = await import("node:url");
    const bin = path.resolve(process.env.BUSBAR_BIN || path.join(ROOT, "build/release/bin"));
    const require = createRequire(path.join(path.dirname(bin), "agents/web/npm/package.json"));
    const load = (name) => import(pathToFileURL(require.resolve(name)));
    const [{ secp256k1 }, { keccak_256: keccak256 }, { sha256 }] = await Promise.all([load("@noble/curves/secp256k1"), load("@noble/hashes/sha3"), load("@noble/hashes/sha2")]);
    return { secp256k1, keccak256, sha256, ...(await import("../../ledger/verify/format.mjs")), ...(await import("../../ledger/verify/receipt.mjs")) };
}
