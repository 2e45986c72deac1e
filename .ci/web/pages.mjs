// Opens the API's pages, /docs and /redoc, in Chromium and uses them as a person would:
//
//     node .ci/web/pages.mjs BASE_URL SCREENSHOT_DIR

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { assert, launch } from "./browser.mjs";

const MONTH_IN_SECONDS = 30 * 24 * 60 * 60;

/** Gathers what no page may do: report an error, break its CSP, or ask another host. */
function watch(context, origin) {
    const troubles = new Set();
    // The browser reports violations of the CSP as errors of the console.
    const onConsole = (message) => {
        if (message.type() === "error") troubles.add(`console: ${message.text()}`);
    };
    context.on("console", onConsole);
    context.on("page", (page) => page.on("worker", (worker) => worker.on("console", onConsole)));
    context.on("weberror", (error) => troubles.add(`page: ${error.error().message}`));
    context.on("request", (request) => {
        const url = new URL(request.url());
        if (url.origin !== origin && !["data:", "blob:"].includes(url.protocol)) {
            troubles.add(`request to another host: ${request.method()} ${url}`);
        }
    });
    return troubles;
}

async function checkSwaggerUi(page, origin, document, operation, screenshots) {
    await page.goto(`${origin}/docs`);
    await page.locator("#swagger-ui .opblock").first().waitFor();
    const shown = await page.locator("#swagger-ui .opblock-tag").evaluateAll((tags) => tags.map((tag) => tag.dataset.tag));
    for (const { name } of document.tags) {
        assert(shown.includes(name), `/docs doesn't show the tag ${name}, but only ${shown.join(", ")}`);
    }

    const block = page.locator(`[id="operations-${operation.tags[0]}-${operation.operationId}"]`);
    await block.locator(".opblock-summary-control").click();
    await block.getByRole("button", { name: "Try it out" }).click();
    await block.locator("textarea.body-param__text").fill('{"name": "made in the browser"}');
    await block.getByRole("button", { name: "Execute" }).click();
    const response = block.locator(".live-responses-table .response");
    await response.waitFor();
    const status = await response.locator(".response-col_status").innerText();
    const body = await response.locator(".response-col_description pre").first().innerText();
    assert(status.trim() === "201", `"Try it out" of ${operation.operationId} shows status ${status} and ${body}`);
    const id = /"id": "(ws-[a-z0-9]+)"/.exec(body)?.[1];
    assert(id, `"Try it out" of ${operation.operationId} shows no id of a workspace, but ${body}`);
    await response.scrollIntoViewIfNeeded();
    await page.screenshot({ path: join(screenshots, "docs.png") });
    return id;
}

async function checkRedoc(page, origin, document, operations, screenshots) {
    const worker = page.waitForEvent("worker").catch(() => null);
    await page.goto(`${origin}/redoc`);
    await page.locator("[data-section-id] h2").first().waitFor();
    const menu = await page.locator(".menu-content label").allInnerTexts();
    for (const { name } of document.tags) {
        assert(menu.includes(name), `the menu of /redoc doesn't show the tag ${name}, but only ${menu.join(", ")}`);
    }
    const headings = (await page.locator("[data-section-id] h2").allInnerTexts()).map((heading) => heading.trim());
    for (const { operationId, summary } of operations) {
        assert(headings.includes(summary), `/redoc doesn't show ${operationId} ("${summary}"), but only ${headings.join(", ")}`);
    }

    // The search runs in a worker that ReDoc makes of a blob, which a CSP may forbid.
    assert(await worker, "/redoc started no worker, so its search can't find anything");
    const wanted = operations.at(-1).summary;
    await page.getByPlaceholder("Search").fill(wanted);
    const found = page.locator("[data-role='search:results']").getByText(wanted, { exact: true });
    await found.first().waitFor();
    await page.screenshot({ path: join(screenshots, "redoc.png") });
}

/** The headers of a page and of what it names, which a browser doesn't complain about. */
async function checkHeaders(origin, path) {
    const page = await fetch(`${origin}${path}`);
    assert(page.status === 200, `${path} is answered with status ${page.status}`);
    const policy = page.headers.get("content-security-policy");
    assert(policy, `${path} has no Content-Security-Policy`);
    assert(!policy.includes("'unsafe-eval'"), `the Content-Security-Policy of ${path} allows 'unsafe-eval': ${policy}`);

    const html = await page.text();
    const assets = [...html.matchAll(/<(?:script|link)\b[^>]*?\s(?:src|href)="([^"]+)"/g)]
        .map(([, reference]) => new URL(reference, page.url))
        .filter((url) => url.protocol !== "data:");
    assert(assets.length > 0, `${path} names no script and no style sheet`);
    for (const url of assets) {
        const asset = await fetch(url, { headers: { "accept-encoding": "gzip, br" } });
        const told = `${url} of ${path}`;
        assert(asset.status === 200, `${told} is answered with status ${asset.status}`);
        const caching = asset.headers.get("cache-control") ?? "";
        const seconds = Number(/max-age=(\d+)/.exec(caching)?.[1] ?? 0);
        assert(
            seconds >= MONTH_IN_SECONDS && caching.includes("immutable"),
            `${told} must be kept by browsers, with "immutable" and a max-age of a month or more; its Cache-Control is "${caching}"`,
        );
        // Pictures other than SVG are compressed already.
        const type = asset.headers.get("content-type") ?? "";
        const encoding = asset.headers.get("content-encoding");
        assert(
            !/text|javascript|json|svg/.test(type) || ["gzip", "br"].includes(encoding),
            `${told} (${type}) must be sent compressed to whoever accepts gzip or br; its Content-Encoding is ${encoding}`,
        );
    }
}

async function checkInBrowser(base, screenshots) {
    const document = await (await fetch(`${base.origin}/openapi.json`)).json();
    const operations = Object.values(document.paths)
        .flatMap((item) => Object.values(item))
        .filter((operation) => operation.operationId);
    const create = operations.find(({ operationId }) => operationId === "createWorkspace");
    assert(create, "/openapi.json has no operation createWorkspace");

    // A local stack is opened under another name than localhost. Under that one, Swagger UI
    // never asks its online validator, so nobody would notice that it does elsewhere, nor
    // that the document tells the browser to call localhost.
    const local = ["localhost", "127.0.0.1"].includes(base.hostname);
    const origin = local ? base.origin.replace(base.hostname, "docs.test") : base.origin;
    const browser = await launch(`MAP docs.test ${base.hostname}`);
    const context = await browser.newContext({ viewport: { width: 1280, height: 1000 } });
    context.setDefaultTimeout(20_000);
    const troubles = watch(context, origin);
    let failure;
    try {
        const page = await context.newPage();
        const workspace = await checkSwaggerUi(page, origin, document, create, screenshots);
        await fetch(`${base.origin}/api/workspaces/${workspace}`, { method: "DELETE" });
        await checkRedoc(page, origin, document, operations, screenshots);
    } catch (error) {
        failure = stripVTControlCharacters(error.message);
    } finally {
        await browser.close();
    }
    // Both are told, because the troubles are often the cause of the failure.
    if (troubles.size > 0) {
        const list = [...troubles].map((trouble) => `\n  ${trouble.slice(0, 300)}`).join("");
        failure = `${failure ? `${failure}\n` : ""}the pages must report no error and ask no other host, but did:${list}`;
    }
    assert(!failure, failure);
    return operations.length;
}

const [url, screenshots] = process.argv.slice(2);
if (!url || !screenshots) {
    console.error("usage: node .ci/web/pages.mjs BASE_URL SCREENSHOT_DIR");
    process.exit(2);
}
mkdirSync(screenshots, { recursive: true });
const base = new URL(url);
try {
    await checkHeaders(base.origin, "/docs");
    await checkHeaders(base.origin, "/redoc");
    const operations = await checkInBrowser(base, screenshots);
    console.log(`pages: /docs and /redoc show all ${operations} operations, and work; pictures are in ${screenshots}`);
} catch (error) {
    // "fetch failed" alone says nothing; its cause does.
    console.error(`pages: ${error.message}${error.cause ? `: ${error.cause.message}` : ""}`);
    process.exitCode = 1;
}
