// Presses the console's buttons in Chromium, on a page of our own that makes the console's requests:
//
//     node .ci/web/console.mjs BASE_URL SCREENSHOT_DIR
//
// The page is served on an origin that the API allows by default.

import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { assert, launch } from "./browser.mjs";

const PORTS = [5173, 3000];
const POLL_MS = 500;
// Only a failure takes as long.
const LIMIT_MS = 60_000;
// The same after the end of the present minute: processor time is told of full minutes.
const CPU_LIMIT_MS = 60_000 + LIMIT_MS;

const CHANGED = `from spin_sdk.http import IncomingHandler as BaseHandler, Request, Response


class IncomingHandler(BaseHandler):
    def handle_request(self, request: Request) -> Response:
        print("asked by", request.method)
        print("Σ =", sum(range(2_000_000)))
        return Response(200, {"content-type": "text/plain"}, bytes("Changed, déjà vu", "utf-8"))
`;
const BROKEN = CHANGED.replace("request: Request) ->", "request: Request ->");
const SYNTAX_ERROR = /: 422 .*line 5, column \d+/;

const LOADING = ["GET /api/workspaces", "GET /api/workspaces/{ws}/functions", "GET /api/workspaces/{ws}/logs?limit=50"];
const CREATION = ["POST /api/workspaces/{ws}/functions", "GET /api/workspaces/{ws}/functions"];
const TEST = "POST /api/workspaces/{ws}/functions/{fn}/invoke";
const DEPLOYMENT = [
    "POST /api/v1/build-and-push",
    "GET /api/v1/tasks/{task}",
    "POST /api/v1/deploy",
    "PATCH /api/workspaces/{ws}/functions/{fn}",
];
const EXECUTIONS = "GET /api/workspaces/{ws}/functions/{fn}/logs?limit=100";
const METRICS = "GET /api/functions/{fn}/metrics";

/** Serves the page on the first port that is free. */
async function serve() {
    const files = { "/": ["index.html", "text/html"], "/console.js": ["console.js", "text/javascript"] };
    const server = createServer((request, response) => {
        const [name, type] = files[new URL(request.url, "http://localhost").pathname] ?? [];
        if (!name) {
            response.writeHead(404).end();
            return;
        }
        const content = readFileSync(new URL(`console/${name}`, import.meta.url));
        response.writeHead(200, { "content-type": `${type}; charset=utf-8` }).end(content);
    });
    for (const port of PORTS) {
        const listens = await new Promise((resolve) => {
            server.once("error", () => resolve(false));
            server.listen(port, "127.0.0.1", () => resolve(true));
        });
        if (listens) return { server, origin: `http://localhost:${port}` };
    }
    throw new Error(`the page needs one of the ports ${PORTS.join(" and ")}, and both are taken`);
}

/** A page of the console, as a person uses it. */
class ConsolePage {
    began = performance.now();
    /** What was asked for since a button was pressed. */
    asked = [];
    /** Each URL that was asked for with a type of its body, and each that had a preflight. */
    typed = new Set();
    preflighted = new Set();
    /** What the browser reports as an error. */
    troubles = [];

    constructor(page, api, screenshots) {
        this.page = page;
        this.api = api;
        this.screenshots = screenshots;
    }

    async open(address) {
        const own = new URL(address).origin;
        this.page.on("request", (request) => {
            if (request.url().startsWith(own)) return;
            this.asked.push(this.named(request.method(), request.url()));
            if (request.headers()["content-type"] === "application/json") this.typed.add(request.url());
        });
        this.page.on("pageerror", (error) => this.troubles.push(error.message));
        this.page.on("console", (message) => {
            if (message.type() === "error") this.troubles.push(message.text());
        });
        const session = await this.page.context().newCDPSession(this.page);
        session.on("Network.requestWillBeSent", ({ request }) => {
            if (request.method === "OPTIONS") this.preflighted.add(request.url);
        });
        await session.send("Network.enable");
        await this.page.goto(address);
    }

    /** A request without its identifiers. */
    named(method, url) {
        const path = url.startsWith(this.api) ? url.slice(this.api.length) : url;
        return `${method} ${path.replace(/tk-[a-z0-9-]+/, "{task}").replaceAll(/\b(ws|fn)-[a-z0-9]+/g, "{$1}")}`;
    }

    at(id) {
        return this.page.locator(`#${id}`);
    }

    errors() {
        return this.at("errors").locator("li").allInnerTexts();
    }

    /** Waits until the page has done what was pressed. It must have asked for just this, where a task
     *  may be asked for several times, and lines at any time. */
    async finished(...wanted) {
        await this.page.locator("body[data-running='0']").waitFor();
        const asked = this.asked.splice(0).filter((request) => !request.includes("/loki-logs"));
        const once = asked.filter((request, index) => request !== asked[index - 1]);
        const told = once.join("\n  ");
        return { errors: await this.errors(), isWanted: told === wanted.join("\n  "), told };
    }

    async succeeded(...wanted) {
        const { errors, isWanted, told } = await this.finished(...wanted);
        assert(errors.length === 0, `the page shows ${errors.join("; ")}`);
        assert(isWanted, `the page must make the requests\n  ${wanted.join("\n  ")}\nand made\n  ${told}`);
    }

    async press(id, ...wanted) {
        await this.at(id).click();
        await this.succeeded(...wanted);
    }

    /** Presses a button that is refused at its first request. The sentence that the page shows. */
    async pressRefused(id, request, sentence) {
        await this.at(id).click();
        const { errors, isWanted, told } = await this.finished(request);
        assert(errors.length === 1 && sentence.test(errors[0]), `the page must show ${sentence}, and shows ${errors.join("; ")}`);
        assert(isWanted, `after the refusal of ${request} nothing must follow, but the page made\n  ${told}`);
        return errors[0];
    }

    async shows(id, wanted) {
        const text = await this.at(id).innerText();
        assert(wanted.test(text), `#${id} must show ${wanted}, and shows ${text}`);
    }

    /** Repeats an action until something holds that follows later. */
    async until(limit, what, action, holds) {
        const end = performance.now() + limit;
        for (;;) {
            await action();
            if (await holds()) return;
            assert(performance.now() < end, `after ${limit / 1000} s the page still doesn't show ${what}`);
            await this.page.waitForTimeout(POLL_MS);
        }
    }

    async shoot(name) {
        await this.page.screenshot({ path: join(this.screenshots, `console-${name}.png`), fullPage: true });
    }

    tell(sentence) {
        const seconds = ((performance.now() - this.began) / 1000).toFixed(1);
        console.log(`console: ${seconds.padStart(5)} s  ${sentence}`);
    }
}

async function createAndInvoke(page) {
    await page.succeeded(LOADING[0]);
    await page.press("create-workspace", "POST /api/workspaces", ...LOADING.slice(1));
    // The second button is pressed as soon as it can be.
    await page.at("create-function").click();
    await page.at("invoke").click();
    await page.shoot("1-created");
    await page.succeeded(...CREATION, TEST, EXECUTIONS);
    await page.shows("functions", /^hello, fn-\w+, active$/);
    await page.shows("invocation", /^Invoked: success, 200: "Hello from Spin!", after [\d.]+ ms$/);
    await page.shoot("2-invoked");
    page.tell("a function is created from the template, and invoked at once");
}

async function deployAndCall(page) {
    await page.press("deploy", ...DEPLOYMENT);
    await page.shows("deployment", /^hello is Running: \S/);
    await page.shows("endpoint", /^http/);
    const endpoint = await page.at("endpoint").innerText();
    await page.press("call", page.named("POST", endpoint), EXECUTIONS);
    await page.shows("answer", /^200 Hello from Spin!$/);
    await page.shoot("3-deployed");
    page.tell(`it is deployed, and answers at ${endpoint}`);
    return endpoint;
}

async function writeSyntaxError(page) {
    await page.at("function-name").fill("second");
    await page.at("source").fill(BROKEN);
    const sentence = await page.pressRefused("create-function", CREATION[0], SYNTAX_ERROR);
    await page.shoot("4-syntax-error");
    await page.press("dismiss");
    await page.pressRefused("deploy", DEPLOYMENT[0], SYNTAX_ERROR);
    await page.press("dismiss");
    await page.shows("functions", /^hello, fn-\w+, active$/);
    page.tell(`a source with a syntax error is refused: ${sentence}`);
}

async function changeAndFollow(page, endpoint) {
    await page.press("follow");
    await page.shows("lines", /^$/);
    await page.at("source").fill(CHANGED);
    await page.press("deploy", ...DEPLOYMENT);
    assert((await page.at("endpoint").innerText()) === endpoint, "the second deployment has another endpoint than the first");
    await page.press("call", page.named("POST", endpoint), EXECUTIONS);
    await page.shows("answer", /^200 Changed, déjà vu$/);
    await page.at("lines").locator("li").first().waitFor();
    await page.shows("lines", /^\S+Z Σ = 1999999000000\n\S+Z asked by POST$/);
    await page.press("follow");
    await page.shoot("5-changed");
    page.tell("changed code is deployed and answers, and what it printed is followed");
}

async function seeFigures(page) {
    const values = () => page.at("chart").locator("rect").evaluateAll((bars) => bars.map((bar) => Number(bar.dataset.value)));
    await page.until(CPU_LIMIT_MS, "processor time", () => page.press("measure", METRICS), async () => {
        const series = await values();
        assert(series.length === 60, `the chart must have a bar for each minute of the hour, and has ${series.length}`);
        return series.some((value) => value > 0);
    });
    await page.shoot("6-cpu");
    page.tell("the chart shows the processor time of a minute");

    const reload = async () => {
        await page.page.reload();
        await page.succeeded(...LOADING, EXECUTIONS);
    };
    const figures = /: 3 executions in 24 hours, 0\.00 % of them failed$/;
    await page.until(LIMIT_MS, "3 executions", reload, async () => figures.test(await page.at("workspace").innerText()));
    for (const id of ["executions", "workspace-executions"]) {
        await page.shows(id, /^(\S+Z\tsuccess\t200\t[\d.]+ ms\n?){3}$/);
    }
    assert((await page.at("source").inputValue()) === CHANGED, "the list has another source than was deployed");
    await page.shoot("7-reloaded");
    page.tell("after a reload everything is there");
}

async function check(page) {
    await createAndInvoke(page);
    const endpoint = await deployAndCall(page);
    await writeSyntaxError(page);
    await changeAndFollow(page, endpoint);
    await seeFigures(page);
    for (const url of page.typed) {
        assert(page.preflighted.has(url), `the browser asked for ${url} without a preflight, so the page doesn't ask as the console does`);
    }
    page.tell(`${page.preflighted.size} URLs were asked for by a preflight first; pictures are in ${page.screenshots}`);
}

async function checkInBrowser(api, screenshots) {
    const { server, origin } = await serve();
    const browser = await launch("MAP localhost 127.0.0.1");
    const context = await browser.newContext({ viewport: { width: 1280, height: 1000 } });
    context.setDefaultTimeout(LIMIT_MS);
    const page = new ConsolePage(await context.newPage(), api, screenshots);
    let failure;
    try {
        await page.open(`${origin}/?api=${encodeURIComponent(api)}&poll=${POLL_MS}`);
        await check(page);
    } catch (error) {
        failure = stripVTControlCharacters(error.message);
        await page.shoot("failed").catch(() => {});
    }
    const [workspace] = /ws-\w+/.exec(page.page.url()) ?? [];
    if (workspace) await fetch(`${api}/api/workspaces/${workspace}`, { method: "DELETE" });
    await browser.close();
    server.close();
    // Both are told, because the troubles are often the cause of the failure. The browser also reports
    // the two refusals that are wanted.
    const troubles = page.troubles.filter((trouble) => !trouble.includes("status of 422"));
    if (troubles.length > 0) {
        const list = troubles.map((trouble) => `\n  ${trouble.slice(0, 300)}`).join("");
        failure = `${failure ? `${failure}\n` : ""}the browser must report no error, but did:${list}`;
    }
    assert(!failure, failure);
}

const [url, screenshots] = process.argv.slice(2);
if (!url || !screenshots) {
    console.error("usage: node .ci/web/console.mjs BASE_URL SCREENSHOT_DIR");
    process.exit(2);
}
mkdirSync(screenshots, { recursive: true });
rmSync(join(screenshots, "console-failed.png"), { force: true });
try {
    await checkInBrowser(new URL(url).origin, screenshots);
} catch (error) {
    console.error(`console: ${error.message}`);
    process.exitCode = 1;
}
