/* What the dashboard's tests share: a real neighbourhood (`busbar demo --web` on a random port), Debian's Chromium,
 * and a list of checks.
 *
 *   import { suite } from "./harness.mjs";
 *   await suite("overview", async ({ check, world, open, shots }) => {
 *       await check("the numbers are the API's", async () => { … });
 *   });
 *
 * Each check is one case; a suite ends with "N passed, N failed". The libraries are pinned in npm/ and are installed into
 * build/npm-web by the first run. */
import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export { assert, sleep };

const HERE = path.dirname(fileURLToPath(import.meta.url));
export const ROOT = path.resolve(HERE, "../..");
const BIN = path.resolve(process.env.BUSBAR_BIN || path.join(ROOT, "build/release/bin"));
const SHOTS = path.join(ROOT, "build/check/screenshots");
const CHROMIUM = process.env.BUSBAR_CHROMIUM || "/usr/bin/chromium";
const PATIENCE_MS = 15000;
const CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/* ---- libraries ---- */

function installed() {
    const folder = path.join(path.dirname(path.dirname(BIN)), "npm-web");
    const names = ["package.json", "package-lock.json"];
    const hash = createHash("sha256");
    names.forEach((name) => hash.update(fs.readFileSync(path.join(HERE, "npm", name))));
    const wanted = hash.digest("hex"), stamp = path.join(folder, ".installed");
    if (!fs.existsSync(stamp) || fs.readFileSync(stamp, "utf8") !== wanted) {
        fs.mkdirSync(folder, { recursive: true });
        names.forEach((name) => fs.copyFileSync(path.join(HERE, "npm", name), path.join(folder, name)));
        execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--no-update-notifier", "--loglevel=error"], { cwd: folder, stdio: "inherit" });
        fs.writeFileSync(stamp, wanted);
    }
    return createRequire(path.join(folder, "package.json"));
}

/* ---- waiting ---- */

/* What `look` gives as soon as it is true; an error that says what was waited for, and what was seen last. */
export async function until(what, look, ms = PATIENCE_MS, pause = 40) {
    const end = Date.now() + ms;
    let last;
    for (;;) {
        try {
            const seen = await look();
            if (seen) return seen;
            last = seen;
        } catch (error) {
            last = error.message;
        }
        if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what} (last: ${String(last).slice(0, 400)})`);
        await sleep(pause);
    }
}

/* ---- the neighbourhood ---- */

const argumentsOf = (pid) => fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
function childrenOf(pid) {
    const text = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return text ? text.split(" ").map(Number) : [];
}

/* What was killed holds its port and its locks for a moment longer. */
function alive(pid) {
    try {
        return !/\) [ZX]/.test(fs.readFileSync(`/proc/${pid}/stat`, "utf8"));
    } catch {
        return false;
    }
}

export class World {
    async start() {
        this.home = fs.mkdtempSync(path.join(os.tmpdir(), "busbar-web-"));
        this.own = new Map();
        this.log = fs.openSync(path.join(this.home, "processes.log"), "a");
        this.environment = { ...process.env, BUSBAR_HOME: this.home, BUSBAR_PASSPHRASE_FILE: path.join(this.home, "wallet/passphrase"), NO_COLOR: "1" };
        fs.rmSync(path.join(this.home, "processes.log"));
        this.demo = spawn(path.join(BIN, "busbar"), ["demo", "--home", this.home, "--web", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "pipe"], env: this.environment });
        let said = "";
        this.demo.stdout.on("data", (text) => (said += text));
        this.demo.stderr.on("data", (text) => (said += text));
        await until("the demo is up", () => {
            if (this.demo.exitCode !== null) throw new Error(said);
            return said.includes("It keeps running");
        }, 60000);
        this.said = said;
        this.token = this.addToken("tester", "operator");
        await this.findWeb();
    }

    async findWeb() {
        const address = path.join(this.home, "run/web.address");
        this.url = (await until("busbar-webd's address", () => fs.existsSync(address) && fs.readFileSync(address, "utf8").trim())).replace(/\/$/, "");
        await until("busbar-webd answers", async () => (await this.api("overview")).boards_online === 16);
    }

    /* Kills busbar-webd; the function that is returned starts it anew on the same port, with further settings. */
    killWeb() {
        this.kill("busbar-webd");
        return async (...words) => {
            fs.rmSync(path.join(this.home, "run/web.address"), { force: true });
            this.run([path.join(BIN, "busbar-webd"), "--home", this.home, "--listen", new URL(this.url).host, ...words]);
            await this.findWeb();
        };
    }

    addToken(name, role) {
        return execFileSync(path.join(BIN, "busbar"), ["web", "token", "add", name, "--role", role], { env: this.environment, encoding: "utf8" }).match(/bbw_[\w-]+/)[0];
    }

    /* Starts a process of the test's own; it ends with the world. */
    run(words) {
        const child = spawn(words[0], words.slice(1), { stdio: ["ignore", this.log, this.log], env: this.environment });
        this.own.set(child.pid, child);
        return child;
    }

    /* The process of the demo whose command line has all these words. From now on the demo itself stands still: it would
     * end everything when one of its processes does. */
    pid(...words) {
        if (!this.frozen) {
            this.frozen = childrenOf(this.demo.pid);
            this.demo.kill("SIGSTOP");
        }
        const found = [...this.frozen, ...this.own.keys()].filter((pid) => {
            try {
                const line = argumentsOf(pid);
                return words.every((word) => line.some((one) => one === word || path.basename(one) === word));
            } catch {
                return false;
            }
        });
        assert.equal(found.length, 1, `one process with ${words.join(" ")}`);
        return found[0];
    }

    /* Kills it at once; the function that is returned starts it anew as it was. */
    kill(...words) {
        const pid = this.pid(...words);
        const line = argumentsOf(pid);
        process.kill(pid, "SIGKILL");
        for (let i = 0; i < 300 && alive(pid); i++) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
        this.own.delete(pid);
        return () => this.run(line);
    }

    async api(name, options = {}) {
        const headers = { authorization: "Bearer " + this.token, ...options.headers };
        const response = await fetch(this.url + "/api/v1/" + name, { ...options, headers });
        if (!response.ok) throw new Error(`${name}: ${response.status} ${await response.text()}`);
        return response.json();
    }

    post(name, body = {}) {
        return this.api(name, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    }

    /* What `busbar WORDS` prints. */
    async cli(...words) {
        return (await promisify(execFile)(path.join(BIN, "busbar"), words, { env: this.environment })).stdout;
    }

    async end() {
        for (const child of this.own.values()) child.kill("SIGKILL");
        if (this.demo && this.demo.exitCode === null) {
            const ended = new Promise((resolve) => this.demo.once("exit", resolve));
            this.demo.kill("SIGKILL"); /* and its processes with it */
            await ended;
        }
        await sleep(100);
        fs.rmSync(this.home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    }
}

/* ---- the suite ---- */

class Suite {
    constructor(name) {
        this.name = name;
        this.passed = this.failed = 0;
        this.errors = [];
    }

    async check(what, body) {
        const begin = Date.now();
        const before = new Set(this.browser.contexts());
        try {
            await body();
            this.passed++;
            console.log(`ok ${this.passed + this.failed} - ${this.name}: ${what} (${Date.now() - begin} ms)`);
        } catch (error) {
            this.failed++;
            console.log(`not ok ${this.passed + this.failed} - ${this.name}: ${what} (${Date.now() - begin} ms)\n  ${String(error.stack).replaceAll("\n", "\n  ")}`);
            for (const context of this.browser.contexts()) if (!before.has(context)) await context.close(); /* the next one starts clean */
        }
    }

    /* A page in a profile of its own, or in that of `context`. Errors of its console are collected; those that `expect` matches are
     * meant to be there. */
    async open(where = "/", { theme = "light", width = 1280, height = 860, context, expect = [], reducedMotion = "no-preference", token = false } = {}) {
        const home = context || (await this.browser.newContext({ viewport: { width, height }, colorScheme: theme, reducedMotion, acceptDownloads: true }));
        home.setDefaultTimeout(PATIENCE_MS);
        if (token) await home.addInitScript((text) => sessionStorage.setItem("busbar-token", text), this.world.token);
        const page = await home.newPage();
        page.on("console", (message) => {
            const meant = !["error", "warning"].includes(message.type()) || expect.some((one) => one.test(message.text()));
            if (!meant) this.errors.push(`${where}: ${message.text()} ${message.location().url}`);
        });
        page.on("pageerror", (error) => this.errors.push(`${where}: ${error.stack}`));
        await page.goto(this.world.url + where, { waitUntil: "load" });
        await page.waitForSelector("main h1");
        return page;
    }

    /* axe's violations of WCAG 2.2 AA and its best practices: none. */
    async axe(page, what) {
        await page.evaluate(this.axeSource); /* by the debugger: the pages' policy would not let it in */
        const { violations } = await page.evaluate(() => axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"] }));
        const found = violations.map((one) => `${one.id}: ${one.nodes.map((node) => `${node.html.slice(0, 200)} ${node.failureSummary}`).join("; ")}`);
        assert.deepEqual(found, [], `axe, ${what}`);
    }

    /* In both themes: axe, a screenshot for people, and at 360 pixels nothing wider than the screen.
     * `ready(page)` waits for what is to be seen. */
    async shots(name, where, ready = async () => {}) {
        fs.mkdirSync(SHOTS, { recursive: true });
        const page = await this.open(where, { theme: "light", width: 1440, height: 900 });
        await ready(page);
        for (const [theme, width, height] of [["light", 1440, 900], ["dark", 1440, 900], ["dark", 360, 740], ["light", 360, 740]]) {
            await page.setViewportSize({ width, height });
            await page.emulateMedia({ colorScheme: theme });
            await page.waitForSelector(`:root[data-theme=${theme}]`);
            await sleep(150);
            const wide = await page.evaluate(() => document.documentElement.scrollWidth);
            assert.ok(wide <= width, `${name}: ${wide} pixels wide on a screen of ${width}`);
            await page.screenshot({ path: path.join(SHOTS, `${name}-${theme}${width === 360 ? "-360" : ""}.png`), fullPage: width === 360 });
            if (width !== 360 || theme === "light") await this.axe(page, `${name}, ${theme}, ${width} pixels`);
        }
        await page.context().close();
    }

    /* What a click on a button saves: {name, text}. */
    async saved(page, button) {
        const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
        return { name: download.suggestedFilename(), text: fs.readFileSync(await download.path(), "utf8") };
    }
}

/* Gives the operator's token to the dialog that asks for it. */
export async function giveToken(page, text) {
    await page.getByRole("dialog", { name: "Operator token" }).getByLabel("Token", { exact: true }).fill(text);
    await page.getByRole("button", { name: "Use this token" }).click();
}

export async function suite(name, body) {
    const run = new Suite(name);
    const begin = Date.now();
    try {
        const load = installed();
        run.axeSource = fs.readFileSync(load.resolve("axe-core/axe.min.js"), "utf8");
        run.world = new World();
        const { chromium } = load("playwright-core");
        [run.browser] = await Promise.all([chromium.launch({ executablePath: CHROMIUM, headless: true, args: CHROMIUM_FLAGS }), run.world.start()]);
        console.log(`# up after ${Date.now() - begin} ms: ${run.world.url}`);
        await body({ world: run.world, browser: run.browser, check: run.check.bind(run), open: run.open.bind(run), axe: run.axe.bind(run), shots: run.shots.bind(run), saved: run.saved.bind(run) });
        await run.check("nothing was said on a console", async () => assert.deepEqual(run.errors, []));
    } catch (error) {
        run.failed++;
        console.log(`not ok - ${name}: ${error.stack}`);
    } finally {
        if (run.browser) await run.browser.close();
        if (run.world && run.world.home) await run.world.end();
    }
    console.log(`# ${Date.now() - begin} ms\n${run.passed} passed, ${run.failed} failed`);
    process.exit(run.failed ? 1 : 0);
}
