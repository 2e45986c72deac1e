// Runs requests.http, unattended, against another address than the one it names:
//
//     node .ci/web/requests.mjs BASE_URL
//
// httpyac's own --var doesn't do that, because a variable of the file wins over it.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const [base] = process.argv.slice(2);
if (!base) {
    console.error("usage: node .ci/web/requests.mjs BASE_URL");
    process.exit(2);
}

const source = readFileSync(new URL("../../requests.http", import.meta.url), "utf8");
const requests = source.replace(/^@host = .*$/m, `@host = ${new URL(base).origin}`);

// httpyac must be started in the file's folder: it finds nothing outside of the folder
// that it was started in, and nothing that git ignores.
const folder = mkdtempSync(join(tmpdir(), "requests-"));
writeFileSync(join(folder, "requests.http"), requests);
const httpyac = fileURLToPath(import.meta.resolve("httpyac/bin/httpyac.js"));
const run = spawnSync(
    process.execPath,
    [httpyac, "send", "requests.http", "--all", "--bail", "--output", "none", "--output-failed", "exchange"],
    { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] },
);
rmSync(folder, { recursive: true });

process.stdout.write(run.stdout);
// It also exits with 0 when it found no request to send, so the summary is read too.
const succeeded = /^\d+ requests processed \(\d+ succeeded\)$/m.test(run.stdout);
process.exit(run.status === 0 && succeeded ? 0 : 1);
