// The browser of the checks. The environment's CHROMIUM names it, if it isn't on the search path.

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";

const BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const FLAGS = [
    // Chromium's sandbox doesn't work for root, which is who checks run as in containers.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

export function assert(holds, sentence) {
    if (!holds) throw new Error(sentence);
}

function find() {
    if (process.env.CHROMIUM) return process.env.CHROMIUM;
    for (const folder of process.env.PATH.split(delimiter)) {
        for (const name of BROWSERS) {
            try {
                accessSync(join(folder, name), constants.X_OK);
                return join(folder, name);
            } catch {
                // It isn't there; the next one may be.
            }
        }
    }
    throw new Error(`no browser was found: install Chromium, or name one in CHROMIUM (looked for ${BROWSERS.join(", ")})`);
}

/** Starts Chromium, which takes one host for another: "MAP docs.test localhost". */
export function launch(hosts) {
    return chromium.launch({ executablePath: find(), args: [...FLAGS, `--host-resolver-rules=${hosts}`] });
}
