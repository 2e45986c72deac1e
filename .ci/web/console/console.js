// Does what the web console does, with its requests in its order, and shows what comes of them:
//
//     http://localhost:5173/?api=http://localhost:8000#WORKSPACE/FUNCTION
//
// `poll` is the time between two questions for a task or for lines, in milliseconds. What fails stays
// at the top of the page until it is dismissed, also where the console would only be blank.

const parameters = new URLSearchParams(location.search);
const API = parameters.get("api");
const POLL_MS = Number(parameters.get("poll") ?? 5000);

const TEMPLATE = `from spin_sdk.http import IncomingHandler as BaseHandler, Request, Response


class IncomingHandler(BaseHandler):
    def handle_request(self, request: Request) -> Response:
        return Response(200, {"content-type": "text/plain"}, bytes("Hello from Spin!", "utf-8"))
`;

const open = { workspace: null, function: null };

const element = (id) => document.getElementById(id);
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function must(holds, sentence) {
    if (!holds) throw new Error(sentence);
}

function show(id, text) {
    element(id).textContent = text;
}

function showItems(list, texts) {
    list.replaceChildren(...texts.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
}

function showRows(id, rows) {
    const table = element(id);
    table.replaceChildren();
    for (const texts of rows) {
        const row = table.insertRow();
        for (const text of texts) row.insertCell().textContent = text;
    }
}

function showError(error) {
    const item = Object.assign(document.createElement("li"), { textContent: error.message });
    element("errors").querySelector("ul").append(item);
    element("errors").hidden = false;
}

/** Does what a button does. `data-running` tells how many are at it. */
async function run(action) {
    const { dataset } = document.body;
    dataset.running = Number(dataset.running) + 1;
    try {
        await action();
    } catch (error) {
        showError(error);
    }
    dataset.running = Number(dataset.running) - 1;
}

/** Adds a request to the list of the page. One that repeats the one before takes its place. */
function listRequest(request) {
    const list = element("requests");
    const before = list.firstElementChild;
    const isRepeated = before?.dataset.request === request;
    const times = isRepeated ? Number(before.dataset.times) + 1 : 1;
    if (isRepeated) before.remove();
    const item = document.createElement("li");
    Object.assign(item.dataset, { request, times });
    item.textContent = times > 1 ? `${request} (${times} times)` : request;
    list.prepend(item);
    return item;
}

/** The status and the text of an answer. */
async function send(method, url, headers, body) {
    const request = `${method} ${url.replace(API, "")}`;
    const item = listRequest(request);
    const began = performance.now();
    try {
        const answer = await fetch(url, { method, headers, body });
        const text = await answer.text();
        item.textContent += ` → ${answer.status}, ${Math.round(performance.now() - began)} ms`;
        return { ok: answer.ok, status: answer.status, text };
    } catch (error) {
        // The browser doesn't tell scripts whether it was CORS or the network.
        item.textContent += ` → ${error.message}`;
        throw new Error(`${request}: ${error.message}`);
    }
}

/** An answer of the API. The type is sent with every request, GET too, but not with a form, whose type
 *  the browser knows. */
async function ask(method, path, body) {
    const isForm = body instanceof FormData;
    const headers = isForm ? {} : { "Content-Type": "application/json" };
    const { ok, status, text } = await send(method, API + path, headers, isForm ? body : JSON.stringify(body));
    let answer;
    try {
        answer = JSON.parse(text);
    } catch {
        throw new Error(`${method} ${path}: status ${status}, and not JSON: ${text.slice(0, 200)}`);
    }
    must(ok, `${method} ${path}: ${status} ${answer.error?.message ?? text.slice(0, 200)}`);
    return answer;
}

// What the console needs of its answers: without the first two and the last one it is blank or lacks a
// row, without the others a button does nothing.

function checkWorkspace(workspace) {
    const { id, errorRate, invocations24h } = workspace;
    must(typeof errorRate === "number", `workspace ${id}: errorRate is not a number, but ${errorRate}`);
    must(typeof invocations24h === "number", `workspace ${id}: invocations24h is not a number, but ${invocations24h}`);
}

function checkFunction(made) {
    const { id, name, httpMethods, workspaceId, code } = made;
    must(typeof name === "string", `function ${id} has no name`);
    must(Array.isArray(httpMethods), `function ${id} has no httpMethods`);
    must(workspaceId === open.workspace.id, `function ${id} has the workspaceId ${workspaceId}`);
    must(typeof code === "string", `function ${id} has no code`);
}

function checkLog(log) {
    must(!Number.isNaN(Date.parse(log.timestamp)), `log ${log.id} has the timestamp ${log.timestamp}`);
    must(typeof log.functionId === "string", `log ${log.id} has no functionId`);
}

function toBase64(text) {
    return btoa(String.fromCodePoint(...new TextEncoder().encode(text)));
}

function fromBase64(text) {
    return new TextDecoder().decode(Uint8Array.from(atob(text), (letter) => letter.codePointAt(0)));
}

const workspacePath = () => `/api/workspaces/${open.workspace.id}`;
const functionPath = () => `${workspacePath()}/functions/${open.function.id}`;

async function listWorkspaces() {
    const workspaces = await ask("GET", "/api/workspaces");
    workspaces.forEach(checkWorkspace);
    return workspaces;
}

async function listFunctions() {
    const functions = await ask("GET", `${workspacePath()}/functions`);
    functions.forEach(checkFunction);
    showItems(element("functions"), functions.map(({ id, name, status }) => `${name}, ${id}, ${status}`));
    return functions;
}

async function listExecutions(path, limit, table) {
    const { logs } = await ask("GET", `${path}/logs?limit=${limit}`);
    logs.forEach(checkLog);
    showRows(table, logs.map(({ timestamp, status, statusCode, duration }) => [timestamp, status, statusCode, `${duration} ms`]));
}

function openWorkspace(workspace) {
    open.workspace = workspace;
    const { id, name, invocations24h, errorRate } = workspace;
    show("workspace", `${name}, ${id}: ${invocations24h} executions in 24 hours, ${errorRate.toFixed(2)} % of them failed`);
    element("create-function").disabled = false;
}

function openFunction(made) {
    open.function = made;
    location.hash = `${made.workspaceId}/${made.id}`;
    show("function", `${made.name}, ${made.id}: ${made.runtime}, ${made.httpMethods.join(" ")}, ${made.status}`);
    for (const button of ["invoke", "deploy", "follow", "measure"]) element(button).disabled = false;
}

function showEndpoint(url) {
    if (!url) return;
    show("endpoint", url);
    element("call").disabled = false;
}

async function load() {
    const [workspaceId, functionId] = location.hash.slice(1).split("/");
    const workspaces = await listWorkspaces();
    const workspace = workspaces.find(({ id }) => id === workspaceId);
    if (!workspace) return;
    openWorkspace(workspace);
    const functions = await listFunctions();
    await listExecutions(workspacePath(), 50, "workspace-executions");
    const made = functions.find(({ id }) => id === functionId);
    if (!made) return;
    openFunction(made);
    showEndpoint(made.invocationUrl);
    element("source").value = fromBase64(made.code);
    await listExecutions(functionPath(), 100, "executions");
}

async function createWorkspace() {
    const workspace = await ask("POST", "/api/workspaces", { name: element("workspace-name").value, description: "" });
    checkWorkspace(workspace);
    openWorkspace(workspace);
    await listFunctions();
    await listExecutions(workspacePath(), 50, "workspace-executions");
}

async function createFunction() {
    const made = await ask("POST", `${workspacePath()}/functions`, {
        name: element("function-name").value,
        description: "",
        runtime: "Python 3.12",
        memory: 256,
        timeout: 30,
        httpMethods: ["GET", "POST"],
        environmentVariables: {},
        code: toBase64(element("source").value),
    });
    checkFunction(made);
    openFunction(made);
    const listed = (await listFunctions()).find(({ id }) => id === made.id);
    must(listed?.code === made.code, `the list has another code of ${made.id} than its creation`);
}

async function invoke() {
    show("invocation", "Invoking …");
    const log = await ask("POST", `${functionPath()}/invoke`, { name: "콘솔" });
    checkLog(log);
    const lines = log.logs.map((line) => `\n${line}`).join("");
    show("invocation", `Invoked: ${log.status}, ${log.statusCode}: ${JSON.stringify(log.responseBody)}, after ${log.duration} ms${lines}`);
    await listExecutions(functionPath(), 100, "executions");
}

async function deploy() {
    const { id, name, workspaceId } = open.function;
    show("deployment", "Building …");
    const form = new FormData();
    form.append("file", new Blob([element("source").value], { type: "text/x-python" }), "app.py");
    form.append("app_name", name);
    form.append("workspace_id", workspaceId);
    form.append("registry_url", "docker.io/example");
    form.append("username", "example");
    form.append("password", "example");
    form.append("tag", "latest");
    const { task_id: taskId } = await ask("POST", "/api/v1/build-and-push", form);
    const imageUrl = await built(taskId);
    show("deployment", `Deploying ${imageUrl} …`);
    const deployed = await ask("POST", "/api/v1/deploy", {
        app_name: name,
        namespace: workspaceId,
        image_ref: imageUrl,
        function_id: id,
        enable_autoscaling: true,
        use_spot: false,
        service_account: "default",
        cpu_request: "100m",
        memory_request: "128Mi",
    });
    must(deployed.endpoint, `${deployed.service_name} is ${deployed.service_status}, and has no endpoint`);
    const patched = await ask("PATCH", functionPath(), {
        status: "active",
        invocationUrl: deployed.endpoint,
        lastDeployed: new Date().toISOString(),
    });
    checkFunction(patched);
    openFunction(patched);
    show("deployment", `${deployed.service_name} is ${deployed.service_status}: ${imageUrl}`);
    showEndpoint(deployed.endpoint);
}

/** Asks for a task until it is done. The name of what was built. */
async function built(taskId) {
    for (;;) {
        const { status, result, error } = await ask("GET", `/api/v1/tasks/${taskId}`);
        show("deployment", `Build: ${status}`);
        must(status !== "failed", `the build failed: ${error}`);
        if (status === "done") {
            must(result?.image_url, "the build is done, and has no image_url");
            return result.image_url;
        }
        must(["pending", "running"].includes(status), `the build is ${status}`);
        await sleep(POLL_MS);
    }
}

/** Calls the function's URL, as any page may. */
async function call() {
    show("answer", "");
    const headers = { "Content-Type": "application/json" };
    const { status, text } = await send("POST", element("endpoint").textContent, headers, JSON.stringify({ name: "콘솔" }));
    show("answer", `${status} ${text}`);
    await listExecutions(functionPath(), 100, "executions");
}

async function showLines() {
    const { logs } = await ask("GET", `/api/functions/${open.function.id}/loki-logs?limit=100`);
    showItems(element("lines"), logs.map(({ timestamp, line }) => {
        const at = new Date(Number(BigInt(timestamp) / 1_000_000n));
        return `${at.toISOString()} ${line}`;
    }));
}

let following;

/** Asks for lines again and again, until the button is pressed once more. */
async function follow() {
    if (following) {
        clearInterval(following);
        following = undefined;
        show("follow", "Follow");
        return;
    }
    following = setInterval(() => void run(showLines), POLL_MS);
    show("follow", "Stop");
    await showLines();
}

async function measure() {
    const { data } = await ask("GET", `/api/functions/${open.function.id}/metrics`);
    must(Array.isArray(data.cpu_series), "the metrics have no cpu_series");
    show("cpu", `The last minute: ${data.cpu_total ?? "nothing measured"}; the last ${data.window_seconds / 60} minutes, processor seconds per second:`);
    drawChart(data.cpu_series);
}

function drawChart(points) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const draw = (name, attributes, text = "") => {
        const shape = document.createElementNS(svg.namespaceURI, name);
        for (const [key, value] of Object.entries(attributes)) shape.setAttribute(key, value);
        shape.textContent = text;
        svg.append(shape);
    };
    svg.setAttribute("viewBox", "0 0 600 130");
    svg.setAttribute("font-size", "11");
    const most = Math.max(...points.map(({ value }) => value));
    const width = 600 / points.length;
    const time = ({ timestamp }) => new Date(timestamp * 1000).toISOString().slice(11, 16);
    points.forEach(({ value }, number) => {
        const height = most > 0 ? (value / most) * 90 : 0;
        draw("rect", { x: number * width, y: 110 - height, width: width - 1, height, fill: "#1a56b0", "data-value": value });
    });
    draw("line", { x1: 0, y1: 110, x2: 600, y2: 110, stroke: "#5f6b7a" });
    draw("text", { x: 0, y: 12 }, `most: ${most.toPrecision(3)}`);
    if (points.length > 0) {
        draw("text", { x: 0, y: 125 }, `${time(points[0])} UTC`);
        draw("text", { x: 600, y: 125, "text-anchor": "end" }, `${time(points.at(-1))} UTC`);
    }
    element("chart").replaceChildren(svg);
}

function dismiss() {
    element("errors").querySelector("ul").replaceChildren();
    element("errors").hidden = true;
}

const actions = {
    "create-workspace": createWorkspace,
    "create-function": createFunction,
    invoke,
    deploy,
    call,
    follow,
    measure,
    dismiss,
};
for (const [id, action] of Object.entries(actions)) {
    element(id).addEventListener("click", () => void run(action));
}
addEventListener("error", ({ error }) => showError(error));
element("source").value = TEMPLATE;
must(API, "the address must have the parameter api");
void run(load);
